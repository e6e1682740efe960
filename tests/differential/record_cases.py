"""Records command cases: runs them with the tools that are installed, and writes what those did into the case files. Part of
run_cases.py --record; the case format is told in README.md.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import concurrent.futures
import json
import os

import run_cases

# The keys of a case in the order they are written.
ORDER = ['id', 'tool', 'desc', 'files', 'setup', 'argv', 'env', 'stdin', 'stdin_b64', 'stderr_is_tty', 'requires', 'normalize', 'compare',
         'exit', 'stdout', 'stdout_b64', 'stderr', 'stderr_b64', 'after', 'verify', 'note']


def keep_text(record, name, text):
    """Text as it is; other bytes in base64."""
    record.pop(name + '_b64', None)
    try:
        text.encode('utf-8')
        record[name] = text
    except UnicodeEncodeError:
        record.pop(name, None)
        record[name + '_b64'] = base64.b64encode(text.encode('utf-8', 'surrogateescape')).decode()


def keep_run(record, case, got):
    record['exit'] = got[0]
    keep_text(record, 'stdout', case.normal(got[1]))
    keep_text(record, 'stderr', case.normal(got[2]))


def file_state(case, path):
    full = os.path.join(case.dir, path)
    if os.path.isdir(full):
        return {'dir': sorted(os.listdir(full))}
    if not os.path.exists(full):
        return None
    with open(full, 'rb') as file:
        data = file.read()
    try:
        return {'binary_size': len(data)} if b'\0' in data else case.normal(data.decode('utf-8'))
    except UnicodeDecodeError:
        return {'binary_size': len(data)}


def outcome(record, options):
    """The case with what the tools did now."""
    new = json.loads(json.dumps(record))
    with run_cases.prepared(new, options) as case:
        keep_run(new, case, case.run_recorded())
        if 'after' in new:
            new['after'] = {path: file_state(case, path) for path in new['after']}
        for step in new.get('verify') or []:
            keep_run(step, case, case.run(step['argv']))
    return {key: new[key] for key in sorted(new, key=lambda key: ORDER.index(key) if key in ORDER else len(ORDER))}


def record_one(record, options):
    """Twice: what differs between two runs needs a normalize or compare entry."""
    try:
        first = outcome(record, options)
        stable = run_cases.run_one(first, options)
        return first, stable[1] if stable[0] != 'passed' else []
    except Exception as failure:  # one case that cannot run must not lose the others
        return record, ['not recorded: %r' % failure]


def record_files(options):
    unstable = 0
    for path in options.record:
        with open(path, encoding='utf-8') as file:
            records = [json.loads(line) for line in file if line.strip()]
        chosen = [r for r in records if r['id'].startswith(options.id)]
        options.reference = os.path.dirname(os.path.abspath(path))
        with run_cases.own_database(options, chosen), concurrent.futures.ThreadPoolExecutor(options.j) as pool:
            done = dict(zip([r['id'] for r in chosen], pool.map(lambda r: record_one(r, options), chosen)))
        for name, (_, wrong) in done.items():
            for text in wrong:
                print('%s: %s' % (name, text))
            unstable += bool(wrong)
        with open(path, 'w', encoding='utf-8') as file:
            for record in records:
                new = done.get(record['id'], (record, []))[0]
                file.write(json.dumps(new, ensure_ascii=False) + '\n')
        print('%s: %d cases recorded' % (path, len(done)))
    return 1 if unstable else 0

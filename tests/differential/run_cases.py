#!/usr/bin/env python3
# Replays recorded command cases of the incumbents (Postfix format) against an installed tree and compares every byte.
# --reference names a directory with *.jsonl files: a reference of others, or cases/ beside this file, which are our own. Cases run
# as root in a directory of their own; nothing outside it is touched. Deliberate differences stand in differences.tsv.
# How cases are written and recorded: README.md.
# SPDX-License-Identifier: Apache-2.0
"""usage: run_cases.py --reference DIR [--bindir DIR]... [-j N] [-v] [filter ...]
       run_cases.py --record FILE.jsonl ... [-j N] [--id PREFIX]

A filter is the beginning of an id (postconf-0), a tool (postconf) or a file name (postconf.jsonl); without one, all cases run.
Without --bindir the tools found in PATH are driven, which checks the recordings themselves. --record runs the cases of the files
with the tools found in PATH, which must be the incumbents, and writes what they did into the files."""
import argparse
import base64
import concurrent.futures
import contextlib
import functools
import glob
import grp
import json
import os
import pty
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from support import stack  # noqa: E402  pylint: disable=wrong-import-position

TIME_LIMIT = 15          # a fatal error sleeps a second
WAITING_LIMIT = 8        # for cases recorded as "timeout": they still wait then, but have not tried again
AGE = 300                # younger main.cf files make the incumbent's commands wait


# Patterns of recordings that fit only where they were recorded: a short queue ID ends in the file's inode number.
WIDER = {'postsuper-019': [['36FD6[0-9A-F]+', '@QID@']]}


# Of doveconf's head: what depends on the host and the build.
DOVECOT_PATTERNS = [
    [r'(?m)^# 2\.3\.19\.1 \([^)]*\):', '# 2.3.19.1 (@BUILD@):'],
    [r'(?m)^# Pigeonhole version .*\n', ''],
    [r'(?m)^# OS: .*$', '# OS: @OS@'],
    [r'(?m)^# Hostname: .*$', '# Hostname: @HOST@'],
]


# A host is taken at random there, by the incumbent as well: some run out of many does what was recorded.
AT_RANDOM = {'postmap-276': 40}
# Programs that ask another one in $daemon_directory, which an install tree has elsewhere.
ASK_DAEMONS = ('postconf-160', 'postconf-161', 'postconf-162', 'postconf-165')


class Skip(Exception):
    pass


class Case:
    def __init__(self, record, options, directory):
        self.record, self.options, self.dir = record, options, directory

    def fill(self, text):
        return text.replace('@DIR@', self.dir).replace('@MYSOCK@', self.options.mysock or '@MYSOCK@')

    def environment(self):
        env = {'PATH': ':'.join(self.options.bindir + ['/usr/sbin', '/usr/bin', '/sbin', '/bin']), 'LC_ALL': 'C', 'TZ': 'UTC',
               'HOME': '/root', 'LOGNAME': 'root', 'USER': 'root'}
        env.update({k: self.fill(v) for k, v in self.record.get('env', {}).items()})
        return env

    def write_files(self):
        directories = []
        for path, value in self.record['files'].items():
            entry = value if isinstance(value, dict) else {'text': value}
            full = os.path.join(self.dir, path)
            if entry.get('dir'):
                os.makedirs(full, exist_ok=True)
                directories.append((full, entry))
                continue
            os.makedirs(os.path.dirname(full), exist_ok=True)
            data = base64.b64decode(entry['b64']) if 'b64' in entry else self.fill(entry['text']).encode()
            if path == 'etc/main.cf' and self.record['id'] in ASK_DAEMONS and self.options.daemons:
                data += ('daemon_directory = %s\n' % self.options.daemons).encode()
            with open(full, 'wb') as f:
                f.write(data)
            self.dress(full, entry)
        for full, entry in directories:
            self.dress(full, entry)

    def dress(self, full, entry):
        if 'owner' in entry:
            user, _, group = str(entry['owner']).partition(':')
            uid = int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
            gid = -1 if not group else int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
            os.chown(full, uid, gid)
        if 'mode' in entry:
            os.chmod(full, int(entry['mode'], 8))
        moment = entry.get('mtime', time.time() - AGE)
        os.utime(full, (moment, moment))

    # Runs one command: (exit, stdout, stderr) as text with unknown bytes escaped.
    def run(self, argv, stdin=b'', tty=False, limit=TIME_LIMIT):
        argv = [self.fill(a) for a in argv]
        env = self.environment()
        program = shutil.which(argv[0], path=env['PATH'])
        if program is None:
            return 127, '', '%s: not found\n' % argv[0]
        collected, slave = None, subprocess.PIPE
        if tty:
            master, slave = pty.openpty()
            collected = []
            reader = threading.Thread(target=drain_terminal, args=(master, collected))
            reader.start()
        process = subprocess.Popen(argv, executable=program, env=env, cwd=self.dir, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=slave, start_new_session=True)
        if tty:
            os.close(slave)
        try:
            out, err = process.communicate(stdin, timeout=limit)
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            code = 'timeout'
        if tty:
            reader.join(2)
            err = b''.join(collected).replace(b'\r\n', b'\n')
        return code, self.printed(out), self.printed(err or b'')

    def printed(self, data):
        return data.decode('utf-8', 'surrogateescape')

    def normal(self, text):
        if text is None:
            return None
        text = text.replace(self.dir, '@DIR@')
        if self.options.mysock:
            text = text.replace(self.options.mysock, '@MYSOCK@')
        for pattern, replacement in self.patterns():
            text = re.sub(pattern, replacement, text)
        return text

    def patterns(self):
        own = (self.record.get('normalize') or []) + WIDER.get(self.record['id'], [])
        if self.record.get('tool') not in ('doveconf', 'dovecot'):
            return own
        moved = [[re.escape(self.options.libexec), '/usr/lib/dovecot']] if self.options.libexec else []
        return moved + DOVECOT_PATTERNS + own

    def same(self, what, expected, actual):
        actual = self.normal(actual)
        how = (self.record.get('compare') or {}).get(what)
        if how == 'sorted-lines':
            return sorted(expected.splitlines()) == sorted(actual.splitlines())
        if how == 'unique-lines':  # ours says once what the incumbent repeats
            return set(expected.splitlines()) == set(actual.splitlines())
        if how == 'fold-whitespace':
            return expected.split() == actual.split()
        return expected == actual

    def run_recorded(self, limit=TIME_LIMIT):
        r = self.record
        stdin = base64.b64decode(r['stdin_b64']) if r.get('stdin_b64') else self.fill(r.get('stdin') or '').encode()
        return self.run(r['argv'], stdin, r.get('stderr_is_tty', False), limit)

    def check(self):
        r, wrong = self.record, []
        got = self.run_recorded(WAITING_LIMIT if r['exit'] == 'timeout' else TIME_LIMIT)
        self.compare_run(r, got, '', wrong)
        for path, expected in (r.get('after') or {}).items():
            self.compare_file(path, expected, wrong)
        for step in r.get('verify') or []:
            self.compare_run(step, self.run(step['argv']), 'verify ', wrong)
        return wrong

    def compare_run(self, expected, got, prefix, wrong):
        code, out, err = got
        if expected['exit'] != code:
            wrong.append('%sexit: %s, expected %s' % (prefix, code, expected['exit']))
        for name, actual in (('stdout', out), ('stderr', err)):
            text = expected.get(name)
            if expected.get(name + '_b64') is not None:
                text = self.printed(base64.b64decode(expected[name + '_b64']))
            if text is not None and not self.same('verify' if prefix else name, text, actual):
                wrong.append('%s%s:\n%s' % (prefix, name, difference(text, self.normal(actual))))

    def compare_file(self, path, expected, wrong):
        full = os.path.join(self.dir, path)
        if isinstance(expected, dict) and 'dir' in expected:
            names = sorted(os.listdir(full)) if os.path.isdir(full) else None
            if names != sorted(expected['dir']):
                wrong.append('after %s: %s, expected %s' % (path, names, expected['dir']))
        elif isinstance(expected, dict):
            if not os.path.exists(full) or os.path.getsize(full) == 0:
                wrong.append('after %s: missing or empty' % path)
        elif expected is None:
            if os.path.exists(full):
                wrong.append('after %s: exists' % path)
        else:
            try:
                with open(full, 'rb') as f:
                    actual = self.printed(f.read())
            except OSError as e:
                actual = str(e)
            if not self.same('after', expected, actual):
                wrong.append('after %s:\n%s' % (path, difference(expected, self.normal(actual))))


def drain_terminal(master, collected):
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        collected.append(data)
    os.close(master)


# The first line that differs, both ways.
def difference(expected, actual):
    a, b = expected.split('\n'), actual.split('\n')
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    show = lambda lines: repr('\n'.join(lines[at:at + 3]))[:400]
    return '    line %d\n    - %s\n    + %s' % (at + 1, show(a), show(b))


def requirements(record):
    return [record['requires']] if isinstance(record.get('requires'), str) else record.get('requires') or []


# A mount namespace, for commands that insist on /etc/postfix.
@functools.lru_cache(maxsize=None)
def can_mount():
    try:
        done = subprocess.run(['unshare', '-m', 'mount', '--bind', '/tmp', '/etc/postfix'], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def check_requirements(record, options):
    for need in requirements(record):
        if 'MariaDB' in need and not options.mysock:
            raise Skip('needs --mysock')
        if 'sqlite3' in need and not shutil.which('sqlite3'):
            raise Skip('needs the sqlite3 command')
        if need == 'mounts of its own' and not can_mount():
            raise Skip('needs root, unshare and /etc/postfix')
        if 'postfix user' in need:
            try:
                pwd.getpwnam('postfix'), grp.getgrnam('postdrop')
            except KeyError:
                raise Skip('needs user postfix and group postdrop')


@contextlib.contextmanager
def prepared(record, options):
    """The case in a directory of its own, ready to run."""
    check_requirements(record, options)
    directory = tempfile.mkdtemp(prefix='case')
    os.chmod(directory, 0o755)
    try:
        case = Case(record, options, directory)
        case.write_files()
        for command in record.get('setup') or []:
            case.run(command)
        yield case
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def run_one(record, options):
    try:
        for _ in range(AT_RANDOM.get(record['id'], 1)):
            with prepared(record, options) as case:
                wrong = case.check()
            if not wrong:
                break
        return ('failed' if wrong else 'passed'), wrong
    except Skip as e:
        return 'skipped', [str(e)]
    except Exception as e:  # a broken case must not end the run
        return 'failed', ['runner: %r' % e]


def load_cases(reference, filters):
    for path in sorted(glob.glob(os.path.join(reference, '*.jsonl')) or
                       glob.glob(os.path.join(reference, 'cli-cases', '*.jsonl'))):
        name = os.path.basename(path)
        with open(path) as f:
            for line in f:
                record = json.loads(line)
                if not filters or any(x in (name, record.get('tool'), name[:-6]) or record['id'].startswith(x) for x in filters):
                    yield record


def load_differences(path):
    listed = {}
    if os.path.exists(path):
        with open(path) as f:
            for line in f:
                if line.strip() and not line.startswith('#'):
                    name, _, reason = line.rstrip('\n').partition('\t')
                    listed[name] = reason
    return listed


@contextlib.contextmanager
def own_database(options, cases):
    """A MariaDB with the recorded data for the cases that ask for one, where it is installed and none is given."""
    needed = any('MariaDB' in need for record in cases for need in requirements(record))
    if options.mysock or not needed or not stack.MariaDb.is_installed():
        yield
        return
    with tempfile.TemporaryDirectory(prefix='cases-db-') as directory:
        os.chmod(directory, 0o755)  # commands run as other users too
        database = stack.MariaDb(directory)
        try:
            database.start()
            for path in ('cli-cases/fixtures/mysql.sql', 'fixtures/mysql.sql'):
                if os.path.exists(os.path.join(options.reference, path)):
                    with open(os.path.join(options.reference, path), encoding='utf-8') as data:
                        database.load(data.read())
            options.mysock = database.socket
            yield
        finally:
            database.stop()


# Postfix's daemons of the install tree; empty: where they are configured to be.
def daemons_of(options):
    for folder in options.bindir:
        for name in ('libexec/postfix', 'lib/postfix/sbin', 'lib/postfix'):
            path = os.path.join(os.path.dirname(folder), name)
            if os.access(os.path.join(path, 'bounce'), os.X_OK):
                return path
    return ''


# Where the daemons of the doveconf that is driven are installed; the recordings' are in /usr/lib/dovecot.
def libexec_of(options):
    program = shutil.which('doveconf', path=':'.join(options.bindir + ['/usr/bin', '/bin']))
    if program is None:
        return ''
    done = subprocess.run([program, '-d', '-h', 'libexec_dir'], capture_output=True, timeout=TIME_LIMIT)
    return done.stdout.decode().strip()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument('--reference')
    where.add_argument('--record', nargs='+', metavar='FILE')
    parser.add_argument('--id', default='', help='with --record: only cases whose id begins so')
    parser.add_argument('--bindir', action='append', default=[], help='put first in PATH, absolute; may be repeated')
    parser.add_argument('--mysock', help='socket of a database loaded with fixtures/mysql.sql; without it one is started if there is one')
    parser.add_argument('--differences', default=os.path.join(HERE, 'differences.tsv'))
    parser.add_argument('-j', type=int, default=2)
    parser.add_argument('-v', action='store_true', help='name passed cases too')
    parser.add_argument('filters', nargs='*')
    options = parser.parse_args()
    options.bindir = [os.path.abspath(d) for d in options.bindir]
    options.libexec, options.daemons = libexec_of(options), daemons_of(options)
    if options.record:
        import record_cases  # pylint: disable=import-outside-toplevel
        sys.exit(record_cases.record_files(options))
    listed = load_differences(options.differences) if options.bindir else {}
    cases = list(load_cases(options.reference, options.filters))
    if not cases:
        sys.exit('run_cases: no case matches')
    count = {'passed': 0, 'failed': 0, 'skipped': 0, 'listed': 0}
    with own_database(options, cases), concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        for record, (result, wrong) in zip(cases, pool.map(lambda r: run_one(r, options), cases)):
            if record['id'] in listed:
                if result == 'passed':
                    print('LISTED BUT EQUAL %s' % record['id'])
                result = 'listed' if result == 'failed' else result
            count[result] += 1
            if result == 'failed' or options.v:
                print('%s %s: %s' % (result.upper(), record['id'], record.get('desc', '')))
                for text in wrong:
                    print('  ' + text)
    print('%(passed)d passed, %(failed)d failed, %(skipped)d skipped, %(listed)d listed differences' % count)
    sys.exit(1 if count['failed'] else 0)


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
# Replays recorded command cases of the incumbent (Dovecot format) and compares exit code, both outputs and, where a case asks
# for it, the state afterwards. The recordings are not part of this repository: --reference names their directory. Values that
# depend on the machine are brought to the recordings' placeholders first (normal()). Deliberate differences stand in
# dovecot_differences.tsv beside this file.
# SPDX-License-Identifier: Apache-2.0
"""usage: run_dovecot_cases.py --reference DIR [--bindir DIR]... [-j N] [-v] [filter ...]

A filter is the beginning of an id (conf-02), a group (doveconf) or a file name (cli-doveconf.jsonl, which is the default).
Without --bindir the tools found in PATH are driven, which checks the recordings themselves. cli-doveadm.jsonl runs in order
against one state: dovecot_host.py builds the host of the recordings around it (as root). Cases of commands that are not
there are skipped by name."""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import dovecot_host
from run_cases import HERE, difference, load_differences

TIME_LIMIT = 15
MOST_TIMEOUTS = 5  # then the daemons are not answering
STATEFUL = 'cli-doveadm.jsonl'
# First words of the commands that are not there, or that test what is not.
NOT_THERE = {word: 'doveadm %s is not there' % word for word in (
    'acl altmove backup batch compress deduplicate dict director dsync-server dump fs fts hibernate import instance oldstats penalty '
    'process proxy quota rebuild replicator service sieve sis stats sync zlibconnect').split()}
NOT_THERE.update({'mailbox metadata': 'doveadm mailbox metadata is not there', 'mailbox cache': 'doveadm mailbox cache is not there',
                  'mailbox cryptokey': 'doveadm mailbox cryptokey is not there', 'mailbox update': 'doveadm mailbox update is not there',
                  'log errors': 'doveadm log errors is not there', 'log test': 'doveadm log test is not there',
                  'log reopen': 'doveadm log reopen is not there', 'auth cache': None})
OTHER_PROGRAMS = {'sievec', 'sieve-test', 'sieve-dump', 'sieve-filter', 'sed', 'find', 'dsync'}
PATTERNS = [
    (re.compile(r'^# 2\.3\.19\.1 \([^)]*\):', re.M), '# 2.3.19.1 (@BUILD@):'),
    (re.compile(r'^# Pigeonhole version .*\n', re.M), ''),
    (re.compile(r'^# OS: .*$', re.M), '# OS: @OS@'),
    (re.compile(r'^# Hostname: .*$', re.M), '# Hostname: @HOST@'),
]
# Of the recorded host. Its plug-in mail_log told of each change on standard error; it is not configured here.
HOST_PATTERNS = [
    (re.compile(r'(?m)^[0-9a-f]{32} '), '@GUID32@ '),
    (re.compile(r'uidvalidity=(\d+|@UIDVALIDITY@)'), 'uidvalidity=@N@'),
    (re.compile(r'(highestmodseq|firstsaved)=(\d+|@N@|@TS@)'), r'\1=@N@'),
    (re.compile(r'guid=[0-9a-f]{32}'), 'guid=@GUID32@'),
    (re.compile(r'with PID \d+'), 'with PID @PID@'),
    (re.compile(r'(?m)^doveadm\([^)]*\)(<[^>]*>)*: Info: (save|copy from \S+|expunge|Mailbox deleted|Mailbox renamed): .*\n'), ''),
]


class Case:
    def __init__(self, record, options, directory):
        self.record, self.options, self.dir = record, options, directory

    def fill(self, text):
        return text.replace('@DIR@', self.dir).replace('@T@', self.options.host.dir if self.options.host else self.dir)

    def run(self, command, shell=False):
        env = {'PATH': ':'.join(self.options.bindir + ['/usr/sbin', '/usr/bin', '/sbin', '/bin']), 'LC_ALL': 'C', 'TZ': 'UTC',
               'HOME': '/root', 'USER': 'root'}
        if self.options.host:
            del env['USER']  # commands on mail would take it for whose mail is meant
        env.update({k: self.fill(v) for k, v in (self.record.get('env') or {}).items()})
        argv = ['sh', '-c', self.fill(command)] if shell else [self.fill(a) for a in command]
        program = shutil.which(argv[0], path=env['PATH'])
        if program is None:
            return 127, '', '%s: not found\n' % argv[0]
        stdin = self.fill(self.record.get('stdin') or '').encode('utf-8', 'surrogateescape')
        try:
            done = subprocess.run(argv, executable=program, env=env, cwd=self.dir, input=stdin, capture_output=True,
                                  timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            self.options.timeouts += 1
            return 'timeout', '', ''
        text = [t.decode('utf-8', 'surrogateescape') for t in (done.stdout, done.stderr)]
        return done.returncode, text[0], text[1]

    # Both sides pass through here: the recording for what it keeps of its host, ours for what it knows of this one.
    def normal(self, text):
        text = text.replace(self.dir, '@DIR@')
        if self.options.host:
            text = text.replace(self.options.host.dir, '@T@')
            for pattern, replacement in HOST_PATTERNS:
                text = pattern.sub(replacement, text)
        else:
            text = text.replace('@T@', '@DIR@')
        for pattern, replacement in PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def ours(self, text):
        for path in filter(None, [self.options.host and installed_libexec(self.options)]):
            text = text.replace(path, '/usr/lib/dovecot')
        if self.options.libexec:
            text = text.replace(self.options.libexec, '/usr/lib/dovecot')
        return self.normal(text)

    def check(self):
        r, wrong = self.record, []
        for path, text in (r.get('files') or {}).items():
            full = os.path.join(self.dir, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, 'wb') as f:
                f.write(self.fill(text).encode('utf-8', 'surrogateescape'))
        setup = r.get('setup') or []
        for command in [setup] if isinstance(setup, str) else setup:
            self.run(command, shell=True)
        code, out, err = self.run(r['argv'])
        if code != r['exit']:
            wrong.append('exit: %s, expected %s' % (code, r['exit']))
        for name, actual in (('stdout', out), ('stderr', err)):
            expected, actual = self.normal(r.get(name) or ''), self.ours(actual)
            if self.options.host and {'list', 'status'} & set(r['argv'][1:4]):  # mailboxes come in no order that means something
                expected, actual = [''.join(sorted(text.splitlines(True))) for text in (expected, actual)]
            if expected != actual:
                wrong.append('%s:\n%s' % (name, difference(expected, actual)))
        if r.get('check_cmd'):
            state = self.run(r['check_cmd'], shell=True)[1]
            if self.normal(r.get('check_out') or '') != self.ours(state):
                wrong.append('state:\n%s' % difference(self.normal(r.get('check_out') or ''), self.ours(state)))
        return wrong


# Why a case of the recorded host is not run; None: it is.
def why_not(record):
    argv = record['argv']
    if os.path.basename(argv[0]) in OTHER_PROGRAMS or argv[0].startswith('/usr/lib/dovecot') or argv[0] == 'sh':
        return '%s is not driven here' % argv[0]
    words = [a for a in argv[1:] if not a.startswith('-')]
    if argv[0] != 'doveadm':
        return None if '-n' not in argv else 'a sample only'
    if argv[1:2] == ['-f'] and len(argv) > 3:
        words = words[1:]
    for count in (2, 1):
        if ' '.join(words[:count]) in NOT_THERE:
            return NOT_THERE[' '.join(words[:count])]
    return None


def run_one(record, options):
    if options.host and why_not(record):
        return 'skipped', [why_not(record)]
    if options.host and options.timeouts >= MOST_TIMEOUTS:
        return 'failed', ['not run: the daemons do not answer']
    if not record.get('deterministic', True):
        return 'skipped', ['a sample only']
    directory = tempfile.mkdtemp(prefix='case')
    os.chmod(directory, 0o755)
    try:
        wrong = Case(record, options, directory).check()
        return ('failed' if wrong else 'passed'), wrong
    except Exception as e:  # a broken case must not end the run
        return 'failed', ['runner: %r' % e]
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def load_cases(reference, filters):
    files = [f for f in filters if f.endswith('.jsonl')] or ['cli-doveconf.jsonl']
    starts = [f for f in filters if not f.endswith('.jsonl')]
    for name in files:
        top = reference if os.path.exists(os.path.join(reference, name)) else os.path.join(reference, 'dovecot')
        with open(os.path.join(top, name)) as f:
            for line in f:
                record = json.loads(line)
                if not starts or any(record['id'].startswith(s) or record.get('group') == s for s in starts):
                    yield record


# Where our daemons are installed; the recordings' are in /usr/lib/dovecot.
def libexec_of(options):
    env = {'PATH': ':'.join(options.bindir + ['/usr/bin', '/bin'])}
    program = shutil.which('doveconf', path=env['PATH'])
    if program is None:
        return ''
    done = subprocess.run([program, '-d', '-h', 'libexec_dir'], env=env, capture_output=True, timeout=TIME_LIMIT)
    return done.stdout.decode().strip()


# The daemons of the install tree the tools come from; empty: the configured ones.
def installed_libexec(options):
    for folder in options.bindir:
        for name in ('libexec', 'lib'):
            path = os.path.join(os.path.dirname(folder), name, 'dovecot')
            if os.access(os.path.join(path, 'imap'), os.X_OK):
                return path
    return ''


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--reference', required=True)
    parser.add_argument('--bindir', action='append', default=[], help='put first in PATH; may be repeated')
    parser.add_argument('--differences', default=os.path.join(HERE, 'dovecot_differences.tsv'))
    parser.add_argument('-j', type=int, default=2)
    parser.add_argument('-v', action='store_true', help='name passed cases too')
    parser.add_argument('filters', nargs='*')
    options = parser.parse_args()
    options.bindir = [os.path.abspath(d) for d in options.bindir]
    options.libexec = libexec_of(options)
    listed = load_differences(options.differences) if options.bindir else {}
    options.host, options.timeouts = None, 0
    if STATEFUL in options.filters:
        dovecot_host.enter()
        options.j = 1
        options.host = dovecot_host.Host(options.reference, options.bindir)
    cases = list(load_cases(options.reference, options.filters))
    if not cases:
        sys.exit('run_dovecot_cases: no case matches')
    count = {'passed': 0, 'failed': 0, 'skipped': 0, 'listed': 0}
    if options.host:
        try:
            options.host.start(installed_libexec(options))
        except (RuntimeError, OSError, subprocess.SubprocessError) as failure:
            print('run_dovecot_cases: %s' % failure)
            options.host.stop()
            sys.exit(1)
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        for record, (result, wrong) in zip(cases, pool.map(lambda r: run_one(r, options), cases)):
            if record['id'] in listed:
                if result == 'passed':
                    print('LISTED BUT EQUAL %s' % record['id'])
                result = 'listed' if result == 'failed' else result
            count[result] += 1
            if result == 'failed' or options.v or (options.host and result == 'skipped'):
                print('%s %s' % (result.upper(), record['id']))
                for text in wrong:
                    print('  ' + text)
    if options.host:
        if options.v:
            print(options.host.log())
        options.host.stop()
    print('%(passed)d passed, %(failed)d failed, %(skipped)d skipped, %(listed)d listed differences' % count)
    sys.exit(1 if count['failed'] else 0)


if __name__ == '__main__':
    main()

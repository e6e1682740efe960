#!/usr/bin/env python3
# Shows that real-world configurations (tests/data/configurations) load and print as they do with the incumbents' postconf and
# doveconf: against what those printed when it was recorded and, with --live, against the ones installed on this machine.
# SPDX-License-Identifier: Apache-2.0
"""usage: run_configurations.py [--bindir DIR]... [--record | --live] [-v] [name ...]

Without --bindir the tools found in PATH are driven. --record writes expected/ from them. --live also compares with the
incumbents in /usr/sbin and /usr/bin, where they are of the recorded versions."""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from run_cases import AGE, DOVECOT_PATTERNS, HERE, TIME_LIMIT, difference, libexec_of

CONFIGURATIONS = os.path.join(os.path.dirname(HERE), 'data', 'configurations')
SYSTEM = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']
# Name of the recording, the command; a set of lines has no order that means something.
COMMANDS = [
    ('postconf-n', ['postconf', '-c', '@DIR@/postfix', '-n'], list),
    ('postconf-nx', ['postconf', '-c', '@DIR@/postfix', '-nx'], list),
    ('postconf-nf', ['postconf', '-c', '@DIR@/postfix', '-nf'], list),
    ('postconf-M', ['postconf', '-c', '@DIR@/postfix', '-M'], list),
    ('postconf-Mf', ['postconf', '-c', '@DIR@/postfix', '-Mf'], list),
    ('postconf-P', ['postconf', '-c', '@DIR@/postfix', '-P'], sorted),
    ('postconf-F', ['postconf', '-c', '@DIR@/postfix', '-F'], list),
    ('doveconf-n', ['doveconf', '-c', '@DIR@/dovecot/dovecot.conf', '-n'], list),
    ('doveconf-N', ['doveconf', '-c', '@DIR@/dovecot/dovecot.conf', '-N'], list),
    ('doveconf-nS', ['doveconf', '-c', '@DIR@/dovecot/dovecot.conf', '-nS'], list),
]


# What the incumbent says where there is no /etc/mtab, in a container mostly; which file system a mailbox is on has no other effect.
def without_mtab(text):
    return ''.join(line for line in text.splitlines(True) if 'setmntent(/etc/mtab) failed' not in line)


class Copy:
    """A configuration in a directory of its own, old enough for postconf."""

    def __init__(self, name):
        self.dir = tempfile.mkdtemp(prefix='configuration')
        os.chmod(self.dir, 0o755)
        for part in ('postfix', 'dovecot'):
            shutil.copytree(os.path.join(CONFIGURATIONS, name, part), os.path.join(self.dir, part))
        moment = time.time() - AGE
        for folder, _, files in os.walk(self.dir):
            for file in files:
                path = os.path.join(folder, file)
                with open(path, encoding='utf-8') as source:
                    text = source.read()
                with open(path, 'w', encoding='utf-8') as target:
                    target.write(re.sub(r'/etc/(postfix|dovecot)/', lambda m: '%s/%s/' % (self.dir, m.group(1)), text))
                os.utime(path, (moment, moment))

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def run(self, argv, bindir, libexec, order):
        """Exit code, output and messages as one text. Each message once: ours says once what the incumbent repeats."""
        env = {'PATH': ':'.join(bindir + SYSTEM), 'LC_ALL': 'C', 'TZ': 'UTC', 'HOME': '/root', 'LOGNAME': 'root', 'USER': 'root'}
        program = shutil.which(argv[0], path=env['PATH'])
        if program is None:
            return '%s: not found\n' % argv[0]
        done = subprocess.run([a.replace('@DIR@', self.dir) for a in argv], executable=program, env=env, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=TIME_LIMIT)
        out, messages = (t.decode('utf-8', 'surrogateescape').replace(self.dir, '@DIR@') for t in (done.stdout, done.stderr))
        if argv[0] == 'doveconf':
            for pattern, replacement in ([[re.escape(libexec), '/usr/lib/dovecot']] if libexec else []) + DOVECOT_PATTERNS:
                out = re.sub(pattern, replacement, out)
            messages = without_mtab(messages)
        lines = order(out.splitlines()) + ['exit %d' % done.returncode] + sorted(set(messages.splitlines()))
        return '\n'.join(lines) + '\n'


# The incumbents of the recorded versions are installed, and are not ours.
def incumbents():
    answers = []
    for argv in (['/usr/sbin/postconf', '-hd', 'mail_version'], ['/usr/sbin/dovecot', '--version']):
        if not os.access(argv[0], os.X_OK):
            return False
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
        answers.append(done.stdout.strip())
    return answers[0] == '3.7.11' and answers[1].startswith('2.3.19.1 (') and 'ovetail' not in answers[1]


# The trees of the incumbents' packages, untouched, in every form; not recorded, as they are not ours to copy.
STOCK = ['/usr/share/dovecot/dovecot.conf', '/etc/dovecot/dovecot.conf']
STOCK_FORMS = [['-n'], ['-a'], ['-N'], ['-s'], ['-nS'], ['-nx'], ['-n', '-m', 'imap'], ['-a', '-m', 'auth']]


def check_stock(options):
    wrong = []
    for path in filter(os.path.exists, STOCK):
        for form in STOCK_FORMS:
            texts = []
            for bindir, libexec in ((options.bindir, options.libexec), ([], '')):
                env = {'PATH': ':'.join(bindir + SYSTEM), 'LC_ALL': 'C', 'TZ': 'UTC', 'HOME': '/root'}
                program = shutil.which('doveconf', path=env['PATH'])
                done = subprocess.run([program, '-c', path] + form, env=env, capture_output=True, stdin=subprocess.DEVNULL,
                                      timeout=TIME_LIMIT)
                text = (done.stdout + done.stderr).decode('utf-8', 'surrogateescape')
                text = without_mtab(text)
                for pattern, replacement in ([[re.escape(libexec), '/usr/lib/dovecot']] if libexec else []) + DOVECOT_PATTERNS:
                    text = re.sub(pattern, replacement, text)
                texts.append('%sexit %d\n' % (text, done.returncode))
            if texts[0] != texts[1]:
                wrong.append('doveconf -c %s %s, live:\n%s' % (path, ' '.join(form), difference(texts[1], texts[0])))
    return wrong


def check(name, options):
    copy = Copy(name)
    wrong = []
    try:
        for recording, argv, order in COMMANDS:
            path = os.path.join(CONFIGURATIONS, name, 'expected', recording)
            actual = copy.run(argv, options.bindir, options.libexec, order)
            if options.record:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, 'w', encoding='utf-8', errors='surrogateescape') as file:
                    file.write(actual)
                continue
            with open(path, encoding='utf-8', errors='surrogateescape') as file:
                expected = {'recorded': file.read()}
            if options.live:
                expected['live'] = copy.run(argv, [], '', order)
            for which, text in expected.items():
                if text != actual:
                    wrong.append('%s %s, %s:\n%s' % (name, recording, which, difference(text, actual)))
    finally:
        copy.remove()
    return wrong


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--bindir', action='append', default=[], help='put first in PATH; may be repeated')
    parser.add_argument('--record', action='store_true')
    parser.add_argument('--live', action='store_true')
    parser.add_argument('-v', action='store_true', help='name passed configurations too')
    parser.add_argument('names', nargs='*')
    options = parser.parse_args()
    options.bindir = [os.path.abspath(d) for d in options.bindir]
    options.libexec = libexec_of(options)
    options.live = options.live and incumbents()
    known = sorted(n for n in os.listdir(CONFIGURATIONS) if os.path.isdir(os.path.join(CONFIGURATIONS, n, 'postfix')))
    count = {'passed': 0, 'failed': 0}
    chosen = options.names or known
    for name in chosen + (['stock'] if options.live and not options.names else []):
        wrong = check_stock(options) if name == 'stock' else check(name, options)
        count['failed' if wrong else 'passed'] += 1
        if options.v and not wrong:
            print('PASSED %s' % name)
        for text in wrong:
            print('FAILED ' + text)
    print('%d passed, %d failed, 0 skipped (configurations%s)' %
          (count['passed'], count['failed'], ', recorded and live' if options.live else ''))
    sys.exit(1 if count['failed'] else 0)


if __name__ == '__main__':
    main()

"""What the tests of whole systems share: where programs are, the directories and services of a private mail system, daemons
that are started and always ended, a MariaDB of one's own, waiting for a state instead of sleeping, and running cases.
Leaves configurations and what is checked to the tests.  SPDX-License-Identifier: Apache-2.0
"""
import argparse
import grp
import os
import pty
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

QUEUES = "active bounce corrupt defer deferred flush hold incoming private saved trace public maildrop pid".split()
SERVICES = """pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
local unix - n n - - local
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
showq unix n - n - - showq
anvil unix - - n - 1 anvil
"""
REAL = {"daemons": ["/usr/lib/postfix/sbin", "/usr/libexec/postfix"], "dovecot_libexec": ["/usr/lib/dovecot", "/usr/libexec/dovecot"]}


def missing(text):
    """Ends the test as one that cannot run here."""
    print(text)
    sys.exit(77)


def check(good, text):
    if not good:
        raise AssertionError(text)


def match(text, pattern):
    check(re.search(pattern, text, re.S | re.M), f"{text!r} does not match {pattern!r}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(what, test, seconds=30):
    """Until test() is true; its last value."""
    end = time.monotonic() + seconds
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("in vain: " + (what() if callable(what) else what))
        time.sleep(0.02)


def read_text(path):
    """What a file says; nothing if it is not there."""
    try:
        with open(path, errors="replace", encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def appears(words, path, seconds=30):
    """Whether a file comes to say these words in time."""
    end = time.monotonic() + seconds
    while words not in read_text(path):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def find(top, *names):
    """The first program below a folder that has one of these names."""
    for name in names:
        for folder, _, files in os.walk(top):
            path = os.path.join(folder, name)
            if name in files and os.access(path, os.X_OK):
                return path
    missing(f"no {names[0]} under {top}")


def greets(port, greeting=""):
    """Whether this port of ours answers with these first words."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            return s.recv(200).decode("latin-1").startswith(greeting) if greeting else True
    except OSError:
        return False


def need_users(*names):
    for name in names:
        try:
            pwd.getpwnam(name)
        except KeyError:
            missing(f"no user {name}")


class Programs:
    """commands, daemons, dovecot, dovecot_libexec: the folders of one pair of mail systems."""

    def __init__(self, name, commands, daemons, dovecot, dovecot_libexec):
        self.name, self.commands, self.daemons = name, Path(commands), Path(daemons)
        self.dovecot, self.dovecot_libexec = Path(dovecot), Path(dovecot_libexec)

    @staticmethod
    def real():
        """The incumbents as installed on this machine."""
        def first(folders, program):
            for folder in folders:
                if os.access(f"{folder}/{program}", os.X_OK):
                    return folder
            missing(f"no real {program}")
        return Programs("real", "/usr/sbin", first(REAL["daemons"], "master"), "/usr/sbin/dovecot", first(REAL["dovecot_libexec"], "imap"))

    @staticmethod
    def ours(destdir, into):
        """A copy of an installed tree that every user may read; as root with the set-gid bits a package gives."""
        master, worker = Path(find(destdir, "master")).parent, Path(find(destdir, "mail-worker")).parent
        sbin = Path(find(destdir, "postdrop")).parent
        for source, name in ((master, "postfix"), (worker, "dovecot"), (sbin, "sbin")):
            shutil.copytree(source, Path(into) / name, symlinks=True)
        into = Path(into)
        links = {"mailq": "sendmail", "newaliases": "sendmail", "sendmail": "sendmail.postfix"}
        for name, target in links.items():
            if not (into / "sbin" / name).exists():
                (into / "sbin" / name).unlink(missing_ok=True)
                (into / "sbin" / name).symlink_to(target)
        for name in ("doveadm", "doveconf"):
            shutil.copy(find(destdir, name), into / "sbin")
        if os.geteuid() == 0:
            for name in ("postdrop", "postqueue"):
                os.chown(into / "sbin" / name, 0, grp.getgrnam("postdrop").gr_gid)
                (into / "sbin" / name).chmod(0o2755)
        return Programs("ours", into / "sbin", into / "postfix", into / "sbin/dovecot", into / "dovecot")


def make_queue(top):
    """spool, data, etc, log below top, with owners and modes as an installed system has them."""
    for name in ["spool", "data", "etc", "log"] + [f"spool/{name}" for name in QUEUES]:
        os.makedirs(f"{top}/{name}", exist_ok=True)
    if os.geteuid() == 0:
        own_queue(f"{top}/spool")
        owner = pwd.getpwnam("postfix")
        os.chown(f"{top}/data", owner.pw_uid, owner.pw_gid)
        os.chmod(f"{top}/data", 0o700)


def own_queue(spool):
    owner, dropper = pwd.getpwnam("postfix"), grp.getgrnam("postdrop").gr_gid
    for name in QUEUES:
        os.makedirs(f"{spool}/{name}", exist_ok=True)
        if name != "pid":
            os.chown(f"{spool}/{name}", owner.pw_uid, dropper if name in ("public", "maildrop") else 0)
            os.chmod(f"{spool}/{name}", {"public": 0o2710, "maildrop": 0o1730}.get(name, 0o700))


class Daemon:
    """A program in the foreground, in a process group of its own, with its output in a file."""

    def __init__(self, arguments, log, env=None, errors=None):
        self.log = Path(log)
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=open(f"{log}.out", "a"),
                                        stderr=errors or subprocess.STDOUT, env=env, start_new_session=True)

    def lines(self):
        return "".join(path.read_text(errors="replace") for path in (Path(f"{self.log}.out"), self.log) if path.exists())

    def running(self):
        return self.process.poll() is None

    def wait_for(self, port, greeting):
        """Until the port answers; ends the test with its log if the daemon does."""
        def answers():
            check(self.running(), f"ended at once:\n{self.lines()[-3000:]}")
            return greets(port, greeting)
        wait_until(lambda: f"{greeting!r} on port {port}:\n{self.lines()[-3000:]}", answers)
        return self

    def wait_log(self, pattern, seconds=20, count=1):
        """The match of a line of the log that is there, or comes."""
        def found():
            matches = list(re.finditer(pattern, self.lines(), re.M))
            return matches[-1] if len(matches) >= count else None
        return wait_until(lambda: f"a log line {pattern}:\n{self.lines()[-3000:]}", found, seconds)

    def stop(self):
        if self.running():
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # the group is our own: who did not end goes now
        except ProcessLookupError:
            pass
        self.process.wait()


class PrivateDovecot:
    """Our dovecot with copies of its programs in a directory of its own; works as root and as an ordinary user. Who derives from
    it writes self.config and says on which port an answer means that it is up."""

    def __init__(self, destdir, prefix, programs, mail_uid):
        found = {}
        # Postfix's lmtp has the same name: the folder of Dovecot's comes first.
        for path in sorted(Path(destdir).resolve().rglob("*"), key=lambda p: ("dovecot" not in p.parent.parts, p.parent.name == "postfix")):
            if path.name in programs and path.is_file() and os.access(path, os.X_OK) and path.parent.name != "smtp":
                found.setdefault(path.name, path)
        if len(found) < len(programs):
            missing("not there: " + " ".join(sorted(set(programs) - set(found))))
        self.root = os.geteuid() == 0
        if self.root:
            need_users("dovecot", "dovenull")
        self.dir = Path(tempfile.mkdtemp(prefix=prefix))
        self.dir.chmod(0o755)
        libexec = self.dir / "libexec"
        libexec.mkdir()
        for name, path in found.items():
            shutil.copy(path, libexec / name)
        self.program, self.config, self.log = libexec / "dovecot", self.dir / "dovecot.conf", self.dir / "log"
        self.mail, self.process = self.dir / "mail", None
        self.mail.mkdir()
        self.uid = mail_uid if self.root else os.geteuid()
        self.gid = mail_uid if self.root else os.getegid()
        os.chown(self.mail, self.uid, self.gid)
        self.me = pwd.getpwuid(os.geteuid()).pw_name

    def common_settings(self):
        who = "" if self.root else f"""
default_internal_user = {self.me}
default_login_user = {self.me}
default_internal_group = {os.getegid()}
"""
        return f"""listen = 127.0.0.1
base_dir = {self.dir}/run
libexec_dir = {self.dir}/libexec
log_path = {self.log}
{who}"""

    def start_on(self, port):
        self.process = subprocess.Popen([self.program, "-F", "-c", self.config], stderr=open(self.dir / "stderr", "w"))
        wait_until(lambda: "dovecot starts: " + (self.dir / "stderr").read_text() + self.lines(),
                   lambda: self.process.poll() is not None or greets(port), 20)
        if self.process.poll() is not None:
            raise SystemExit("dovecot does not start: " + (self.dir / "stderr").read_text() + self.lines())

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def lines(self):
        return self.log.read_text() if self.log.exists() else ""

    def wait_log(self, pattern):
        return wait_until(f"a log line {pattern}", lambda: re.search(pattern, self.lines(), re.M), 10)


def run_cases(server, cases, only, keep=False):
    """Every case on one server that runs meanwhile; ends the program."""
    failed = []
    try:
        server.start()
        for function in cases:
            if only and function.__name__ not in only:
                continue
            try:
                function(server)
                print(f"ok {function.__name__}", flush=True)
            except Exception as error:  # every case is run
                failed.append(function.__name__)
                print(f"FAIL {function.__name__}: {type(error).__name__}: {error}", flush=True)
    finally:
        server.stop()
        if failed:
            print(server.lines())
        if not keep:
            shutil.rmtree(server.dir, ignore_errors=True)
    sys.exit(1 if failed else 0)


def dovecot_conf(programs, top, name, imap, spool, source):
    """A dovecot on one IMAP port, with the auth and LMTP sockets of documents in a Postfix queue; source: lines of passdb and userdb."""
    return f"""protocols = imap lmtp
listen = 127.0.0.1
base_dir = {top}/run-{name}
state_dir = {top}/run-{name}
libexec_dir = {programs.dovecot_libexec}
log_path = {top}/{name}-dovecot.log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
first_valid_uid = 500
mail_location = maildir:~/Maildir
namespace inbox {{
  inbox = yes
}}
passdb {{
  {source}
}}
userdb {{
  {source}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener {spool}/private/dovecot-lmtp {{
    mode = 0600
    user = postfix
  }}
}}
service auth {{
  unix_listener {spool}/private/auth {{
    mode = 0660
    user = postfix
  }}
}}
"""


class MariaDb:
    """A server of its own in a directory, on a Unix socket and a free port. load() takes SQL."""
    PATH = os.environ["PATH"] + ":/usr/sbin:/usr/libexec"

    @classmethod
    def is_installed(cls):
        return all(shutil.which(program, path=cls.PATH) for program in ("mariadbd", "mariadb", "mariadb-install-db"))

    def __init__(self, directory):
        if not self.is_installed():
            missing("no MariaDB")
        self.dir, self.port, self.daemon = str(directory), free_port(), None
        self.socket = f"{self.dir}/s"
        os.makedirs(self.dir, exist_ok=True)
        self.as_user = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={self.dir}/d", "--auth-root-authentication-method=normal",
                        "--skip-test-db", *self.as_user], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        self.daemon = Daemon([shutil.which("mariadbd", path=self.PATH), "--no-defaults", f"--datadir={self.dir}/d", f"--socket={self.socket}", f"--port={self.port}",
                              "--bind-address=127.0.0.1", "--skip-name-resolve", f"--pid-file={self.dir}/pid", *self.as_user],
                             f"{self.dir}/log")
        wait_until(lambda: "mariadbd: " + self.daemon.lines()[-2000:], self.answers, 60)

    def answers(self):
        return subprocess.run(["mariadb", "--no-defaults", "-S", self.socket, "-u", "root", "-e", "select 1"],
                              capture_output=True, check=False).returncode == 0

    def load(self, text):
        subprocess.run(["mariadb", "--no-defaults", "--default-character-set=utf8mb4", "-S", self.socket, "-u", "root"],
                       input=text.encode(), check=True)

    def stop(self):
        if self.daemon:
            self.daemon.stop()
        self.daemon = None


def on_terminal(arguments, seconds=20, env=None):
    """Exit status and what a program writes to its terminal: the incumbent's daemons say a fatal error there only."""
    main, side = pty.openpty()
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=side, stderr=side, env=env, start_new_session=True)
    os.close(side)
    timer = time.monotonic() + seconds
    text = b""
    os.set_blocking(main, False)
    try:
        while time.monotonic() < timer:
            ended = process.poll() is not None
            try:
                text += os.read(main, 65536)
                continue
            except BlockingIOError:
                pass
            except OSError:  # all ends are closed
                break
            if ended:
                break
            time.sleep(0.01)
        try:
            status = process.wait(max(0.1, timer - time.monotonic()))
        except subprocess.TimeoutExpired:
            status = None
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    finally:
        os.close(main)
    return status, text.decode(errors="replace").replace("\r\n", "\n")


def processes_naming(text):
    """Processes whose arguments or working directory name a directory of ours."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            words = Path(f"/proc/{entry}/cmdline").read_bytes().decode(errors="replace") + os.readlink(f"/proc/{entry}/cwd")
        except OSError:
            continue
        if str(text) in words:
            found.append(int(entry))
    return found


class Cases:
    """Functions marked @CASES; run() calls each with what make() gives, every one even after a failure, and exits."""

    def __init__(self):
        self.functions = []

    def __call__(self, function):
        self.functions.append(function)
        return function

    def run(self, make, usage, prefix):
        """make(options, directory) -> an object with end(); a fresh directory and object for each case."""
        parser = argparse.ArgumentParser(usage=usage)
        parser.add_argument("--destdir", required=True)
        parser.add_argument("--keep", action="store_true")
        parser.add_argument("cases", nargs="*")
        options = parser.parse_args()
        options.destdir = os.path.realpath(options.destdir)
        failed = 0
        for function in self.functions:
            if options.cases and function.__name__ not in options.cases:
                continue
            directory = Path(tempfile.mkdtemp(prefix=prefix))
            directory.chmod(0o755)
            system, begin = None, time.monotonic()
            try:
                system = make(options, directory)
                function(system)
                print(f"ok {function.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)
            except Exception as error:  # every case is run
                failed += 1
                print(f"FAIL {function.__name__}: {type(error).__name__}: {error}", flush=True)
                for log in sorted(directory.rglob("*.log*")):
                    print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
            finally:
                if system:
                    system.end()
                if not options.keep:
                    shutil.rmtree(directory, ignore_errors=True)
        sys.exit(1 if failed else 0)

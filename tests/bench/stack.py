"""The two mail stacks of the benchmark: one configuration written twice (only directories differ), started and stopped, and
what their processes cost: CPU from /proc/PID/stat including waited-for children, memory as the sum of proportional set sizes.
Leaves what is measured to the program run.  SPDX-License-Identifier: Apache-2.0
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time

MAIL_UID = 5997
DOMAIN = "bench.test"
PASSWORD = "bench"
TICKS = os.sysconf("SC_CLK_TCK")

MAIN_CF = """compatibility_level = 3.6
queue_directory = {base}/spool
data_directory = {base}/data
command_directory = {commands}
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = {setgid}
maillog_file = {base}/log/mail.log
maillog_file_prefixes = {base}/log
myhostname = mail.bench.test
mydomain = bench.test
myorigin = bench.test
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
virtual_transport = lmtp:unix:private/dovecot-lmtp
virtual_mailbox_domains = inline:{{bench.test=1}}
virtual_mailbox_maps = static:1
virtual_alias_maps =
"""

MASTER_CF = """{smtp} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
showq unix n - n - - showq
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

DOVECOT_CONF = """protocols = imap lmtp
listen = 127.0.0.1
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/log/dovecot.log
libexec_dir = {dovecot_libexec}
first_valid_uid = 500
ssl = yes
ssl_cert = <{base}/etc/cert.pem
ssl_key = <{base}/etc/key.pem
disable_plaintext_auth = no
default_client_limit = {processes}
default_process_limit = {processes}
mail_location = maildir:~/Maildir
auth_mechanisms = plain login
passdb {{
  driver = passwd-file
  args = username_format=%n {base}/etc/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={base}/mail/%n allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  process_limit = {processes}
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  process_limit = {processes}
}}
service lmtp {{
  unix_listener {base}/spool/private/dovecot-lmtp {{
    mode = 0600
    user = postfix
  }}
}}
"""


def free_ports(count):
    """Ports nobody listens on now, below the range the kernel gives to clients."""
    found, port = [], 24000 + os.getpid() % 800 * 10
    while len(found) < count:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                found.append(port)
            except OSError:
                pass
        port += 1
    return found


def process_table():
    """{pid: (parent, CPU seconds including waited-for children)} of every process."""
    table = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        table[int(name)] = (int(fields[1]), sum(map(int, fields[11:15])) / TICKS)
    return table


class Stack:
    """One pair of mail servers in a directory of its own. Always leave it by stop()."""

    def __init__(self, name, base, layout):
        self.name, self.base, self.layout = name, base, layout
        self.masters = []
        self.roots = []
        self.smtp = self.imap = self.imaps = 0

    def write(self, users):
        """The directories and files both parents need."""
        owner = pwd.getpwnam("postfix")
        for part in ("etc", "log", "run", "state", "data", "mail", "spool"):
            os.makedirs(f"{self.base}/{part}")
        for part in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
                     "trace", "maildrop", "public"):
            os.mkdir(f"{self.base}/spool/{part}", 0o700)
            os.chown(f"{self.base}/spool/{part}", owner.pw_uid, -1)
        os.mkdir(f"{self.base}/spool/pid")
        os.chmod(f"{self.base}/spool/public", 0o755)
        os.chown(f"{self.base}/data", owner.pw_uid, owner.pw_gid)
        os.chown(f"{self.base}/mail", MAIL_UID, MAIL_UID)
        self.smtp, self.imap, self.imaps = free_ports(3)
        values = dict(self.layout, base=self.base, uid=MAIL_UID, processes=2 * users + 1000, smtp=f"127.0.0.1:{self.smtp}", imap=self.imap, imaps=self.imaps)
        for file, text in (("main.cf", MAIN_CF), ("master.cf", MASTER_CF), ("dovecot.conf", DOVECOT_CONF)):
            with open(f"{self.base}/etc/{file}", "w", encoding="ascii") as out:
                out.write(text.format(**values))
        with open(f"{self.base}/etc/users", "w", encoding="ascii") as out:
            out.writelines(f"u{number}:{{PLAIN}}{PASSWORD}\n" for number in range(users))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-keyout", f"{self.base}/etc/key.pem", "-out", f"{self.base}/etc/cert.pem"],
                       check=True, capture_output=True)

    def environment(self):
        """Of the parents; also what stop() knows their processes by."""
        return {"PATH": os.environ["PATH"], "MAIL_CONFIG": f"{self.base}/etc"}

    def start(self, with_postfix):
        """Starts Dovecot's parent, and Postfix's where mail is delivered; returns when their ports answer."""
        out = open(f"{self.base}/log/output", "ab")  # pylint: disable=consider-using-with
        commands = [[self.layout["dovecot"], "-F", "-c", f"{self.base}/etc/dovecot.conf"]]
        ports = [self.imap, self.imaps]
        if with_postfix:
            commands.append([f"{self.layout['daemons']}/master", "-c", f"{self.base}/etc"])
            ports.append(self.smtp)
        for command in commands:
            self.masters.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.environment(),
                                                 start_new_session=True))
        out.close()
        deadline = time.monotonic() + 20
        for port in ports:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 2).close()
                    break
                except OSError:
                    if time.monotonic() > deadline or any(master.poll() for master in self.masters):
                        raise RuntimeError(f"{self.name}: port {port} does not answer\n{self.logs()}") from None
                    time.sleep(0.05)
        time.sleep(1)
        self.find_roots()

    def find_roots(self):
        """The parents: as started, and as a parent that went into the background says in its PID file."""
        self.roots = [master.pid for master in self.masters if master.poll() is None]
        for file in ("spool/pid/master.pid", "run/master.pid"):
            try:
                with open(f"{self.base}/{file}", encoding="ascii") as pid:
                    self.roots.append(int(pid.read()))
            except (OSError, ValueError):
                pass
        self.roots = sorted({pid for pid in self.roots if is_from(pid, self.base.encode())})

    def logs(self):
        """The end of every log, for the reader of a failure."""
        text = ""
        for name in sorted(os.listdir(f"{self.base}/log")):
            with open(f"{self.base}/log/{name}", encoding="utf-8", errors="replace") as log:
                text += f"--- {name}\n" + "".join(log.readlines()[-15:])
        return text

    def processes(self, table):
        """The parents and all their descendants."""
        children = {}
        for pid, (parent, _) in table.items():
            children.setdefault(parent, []).append(pid)
        found, todo = [], list(self.roots)
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo.extend(children.get(pid, ()))
        return found

    def cpu(self):
        """CPU seconds used so far, by what lives and what was waited for."""
        table = process_table()
        return sum(table[pid][1] for pid in self.processes(table) if pid in table)

    def memory(self):
        """Sum of proportional set sizes in KiB."""
        total = 0
        for pid in self.processes(process_table()):
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
                    total += next((int(line.split()[1]) for line in rollup if line.startswith("Pss:")), 0)
            except OSError:
                pass
        return total

    def delivered(self):
        """Messages in the Maildirs."""
        count = 0
        for user in os.listdir(f"{self.base}/mail"):
            try:
                count += len(os.listdir(f"{self.base}/mail/{user}/Maildir/new"))
            except OSError:
                pass
        return count

    def stop(self):
        """Ends the parents, then whatever of their descendants is still there."""
        self.find_roots()
        pids, own = self.processes(process_table()), self.base.encode()
        for pid in self.roots:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while pids:
            for master in self.masters:
                master.poll()  # reaps
            pids = [pid for pid in pids if is_from(pid, own)]
            if time.monotonic() > deadline:
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        for master in self.masters:
            master.wait()
        self.masters, self.roots = [], []

    def remove(self):
        """Removes the directory."""
        shutil.rmtree(self.base, ignore_errors=True)


def is_from(pid, own):
    """Whether this process still runs and names our directory in its arguments, environment or working directory."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as environ, open(f"/proc/{pid}/cmdline", "rb") as cmdline:
            return own in environ.read() + cmdline.read() + os.readlink(f"/proc/{pid}/cwd").encode()
    except OSError:
        return False

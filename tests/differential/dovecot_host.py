"""The host on which the recorded doveadm cases ran: users, mail, configuration and running daemons, in mount, host name and
network namespaces of its own, so that nothing outside is touched. Needs root and unshare(1); replays nothing itself.
SPDX-License-Identifier: Apache-2.0
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

INSIDE = "DOVETAIL_DOVECOT_HOST"
HOST, ADDRESS = "mail.rockylinux.me", "192.168.100.6"
# Plug-ins and services of the recorded host that change nothing the cases of our commands show, or that we do not have.
LEFT_OUT = ("mail_plugins", "mail_attribute_dict", "imap_metadata", "imap_urlauth_host", "submission_relay", "quota", "acl",
            "sieve", "mail_log", "sendmail_path")
PASSWD = "vmail:x:2000:2000::/var/mail/vhosts:/usr/sbin/nologin\nsysu1:x:3001:3001::/home/sysu1:/bin/sh\nsysu2:x:3002:3002::/home/sysu2:/bin/sh\n"
GROUP = "vmail:x:2000:\nsysu1:x:3001:\nsysu2:x:3002:\n"


def enter():
    """Starts this program again in its own namespaces; returns only there."""
    if os.environ.get(INSIDE):
        return
    if os.geteuid() != 0 or not shutil.which("unshare"):
        print("skipped: needs root and unshare")
        sys.exit(77)
    os.execvpe("unshare", ["unshare", "-m", "-u", "-n", "--", sys.executable] + sys.argv, dict(os.environ, **{INSIDE: "1"}))


def shell(command):
    subprocess.run(["sh", "-ec", command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def blocks_left_out(text):
    """The configuration without settings and blocks that begin with one of LEFT_OUT."""
    out, skip = [], 0
    for line in text.splitlines():
        word = line.strip()
        if skip:
            skip += line.count("{") - line.count("}")
            continue
        if word.startswith(("plugin {", "namespace shared", "metric ", "dict {", "service dict", "service stats")) or \
                "oauth2" in word and word.startswith("driver"):
            if word.startswith("driver"):
                out.pop()  # its "passdb {"
                skip = 1
            else:
                skip = 1
            continue
        if word.startswith(LEFT_OUT):
            continue
        out.append(line)
    return "\n".join(out) + "\n"


class Host:
    """One run of the recorded host."""

    def __init__(self, reference, bindir):
        self.top = os.path.join(reference, "dovecot") if os.path.isdir(os.path.join(reference, "dovecot")) else reference
        self.dir = tempfile.mkdtemp(prefix="dovecot-host-")
        os.chmod(self.dir, 0o755)
        self.bindir, self.process = bindir, None

    def program(self, name):
        for folder in self.bindir + ["/usr/sbin", "/usr/bin"]:
            if os.access(os.path.join(folder, name), os.X_OK):
                return os.path.join(folder, name)
        return name

    def mounts(self):
        shell("mount --make-rprivate /; mount -t tmpfs none /var/mail; mkdir -p /var/mail/vhosts /run/dovecot /etc/dovecot /var/lib/dovecot"
              " /var/spool/postfix/private; for d in /run/dovecot /etc/dovecot /var/lib/dovecot /var/spool/postfix/private; do"
              " mount -t tmpfs -o mode=755 none $d; done; chmod 755 /var/mail /var/mail/vhosts")
        for name, more in (("passwd", PASSWD), ("group", GROUP), ("shadow", "")):
            if name == "shadow":
                hashed = [subprocess.run(["openssl", "passwd", "-6", p], capture_output=True, text=True, check=True).stdout.strip()
                          for p in ("syspass1", "syspass2")]
                more = f"vmail:*:19000::::::\nsysu1:{hashed[0]}:19000:0:99999:7:::\nsysu2:{hashed[1]}:19000:0:99999:7::1:\n"
            with open(f"/etc/{name}", encoding="utf-8") as file:
                kept = [line for line in file if line.split(":")[0] not in ("vmail", "sysu1", "sysu2")]
            if name == "passwd":  # other people of this machine would be listed as users
                kept = [line for line in kept if not 1000 <= int(line.split(":")[2]) < 65534]
            with open(f"{self.dir}/{name}", "w", encoding="utf-8") as file:
                file.write("".join(kept) + more)
            os.chmod(f"{self.dir}/{name}", 0o640 if name == "shadow" else 0o644)
            shutil.chown(f"{self.dir}/{name}", "root", "shadow" if name == "shadow" else "root")
            shell(f"mount --bind {self.dir}/{name} /etc/{name}")
        os.chown("/var/mail/vhosts", 2000, 2000)
        socket.sethostname(HOST)
        shell(f"ip link set lo up; ip address add {ADDRESS}/32 dev lo; ip address replace 127.0.0.2/8 dev lo")

    def files(self, ours):
        fixtures = f"{self.top}/fixtures"
        os.mkdir(f"{self.dir}/m")
        for name in os.listdir(fixtures):
            if name.endswith(".eml"):
                shutil.copy(f"{fixtures}/{name}", f"{self.dir}/m/{name}")
                os.chmod(f"{self.dir}/m/{name}", 0o644)
        os.mkdir(f"{self.dir}/ssl")
        shell(f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={HOST} -keyout {self.dir}/ssl/key.pem"
              f" -out {self.dir}/ssl/cert.pem")
        with open(f"{fixtures}/full.conf", encoding="utf-8") as file:
            text = blocks_left_out(file.read().replace("@T@", self.dir)).replace("imap pop3 lmtp sieve submission", "imap pop3 lmtp")
        if ours:
            # Mechanisms that are not there would keep auth from starting; the cases use PLAIN.
            text = "".join("auth_mechanisms = plain login\n" if line.startswith("auth_mechanisms") else line
                           for line in text.splitlines(keepends=True)) + f"libexec_dir = {ours}\n"
        for name, content in (("dovecot.conf", text), ("masters", "admin:{PLAIN}adminpw\n"), ("deny-users", "denied@example.com\n")):
            with open(f"/etc/dovecot/{name}", "w", encoding="utf-8") as file:
                file.write(content)
        shutil.copy(f"{fixtures}/users.passwd-file", "/etc/dovecot/users")
        shell("chmod 644 /etc/dovecot/*")

    def start(self, ours):
        self.mounts()
        self.files(ours)
        log = open(f"{self.dir}/start.out", "wb")
        self.process = subprocess.Popen([self.program("dovecot"), "-F"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        start_new_session=True)
        deadline = time.monotonic() + 20
        while not os.path.exists("/run/dovecot/auth-userdb") or not os.path.exists("/run/dovecot/master.pid"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(f"{self.dir}/start.out", encoding="utf-8", errors="replace") as out:
                    raise RuntimeError(f"dovecot does not start: {out.read()}{self.log()}")
            time.sleep(0.05)
        time.sleep(0.5)

    def log(self):
        try:
            with open(f"{self.dir}/dovecot.log", encoding="utf-8", errors="replace") as file:
                return file.read()[-4000:]
        except OSError:
            return ""

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for name in ("passwd", "group", "shadow"):
            subprocess.run(["umount", f"/etc/{name}"], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)

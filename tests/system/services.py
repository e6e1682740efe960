#!/usr/bin/env python3
# The small services behind master, each asked by a client of its protocol: proxymap and proxywrite (by the incumbent's postmap
# where it is installed), a chrooted smtpd through proxymap, verify with probes, virtual, pipe, spawn, TLS policies of smtp,
# and parameters that are not obeyed. Needs root (several users, a change of root); everything is in a directory of its own.
# SPDX-License-Identifier: Apache-2.0
"""usage: services.py --destdir DIR     exit 0: all good; 1: a check failed; 77: not root, or not installed there"""
import argparse
import grp
import os
import pwd
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import QUEUES, appears, read_text  # noqa: E402  pylint: disable=wrong-import-position

MASTER = r"""{port} inet n - n - - smtpd
{chrooted} inet n - y - - smtpd -o smtpd_recipient_restrictions=check_recipient_access,proxy:texthash:{top}/etc/access,permit
{denied} inet n - y - - smtpd -o smtpd_recipient_restrictions=check_recipient_access,proxy:texthash:{top}/etc/access,permit
    -o proxymap_service_name=strict
{policy} inet n - n - - smtpd -o smtpd_recipient_restrictions=check_policy_service,unix:private/policy,permit
{probing} inet n - n - - smtpd -o smtpd_recipient_restrictions=reject_unverified_recipient,permit
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - y - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
strict unix - - n - - proxymap -o proxy_read_maps=
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
held unix - - n - - smtp -o smtp_header_checks=regexp:/nowhere
relabel unix - - n - - error -o default_delivery_status_filter=regexp:{{{{/^5\.0\.0 never/ 4.9.9 perhaps later}}}}
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
tool unix - n n - - pipe flags=DRXhu user={nobody} argv={top}/out/tool ${{sender}} ${{recipient}}
policy unix - n n - 0 spawn user={nobody} argv={top}/out/policy
showq unix n - n - - showq
anvil unix - - n - 1 anvil
"""
MAIN = """compatibility_level = 3.6
queue_directory = {top}/spool
data_directory = {top}/data
command_directory = {commands}
daemon_directory = {daemons}
maillog_file = {top}/log
maillog_file_prefixes = {top}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.local.test
myorigin = local.test
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
local_recipient_maps =
alias_maps =
virtual_mailbox_domains = box.test
virtual_mailbox_maps = inline:{{ann@box.test=ann/, bob@box.test=bob}}
virtual_mailbox_base = {top}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
transport_maps = inline:{{held.test=held:, relabel.test=relabel:never, tool.test=tool:}}
relayhost = [127.0.0.1]:{sink}
tool_destination_recipient_limit = 1
address_verify_poll_count = 20
address_verify_poll_delay = 1
smtp_tls_security_level = may
smtp_tls_loglevel = 1
smtp_tls_policy_maps = texthash:{top}/etc/policy
proxy_read_maps = proxy:texthash:{top}/etc/access
proxy_write_maps = proxy:btree:{top}/data/written
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def write(path, text, mode=0o644):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def find(top, name):
    for folder, _, files in os.walk(top):
        path = os.path.join(folder, name)
        if name in files and os.access(path, os.X_OK):
            return path
    print(f"no {name} under {top}")
    sys.exit(77)


class Sink:
    """A next hop that knows everybody but bad@..., with STARTTLS and a certificate of its own making."""

    def __init__(self, port, cert, key):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(cert, key)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.data, self.ciphers, self.senders = [], [], []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            conn, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        try:
            conn.sendall(b"220 sink.test ESMTP\r\n")
            lines = conn.makefile("rb")
            while True:
                line = lines.readline()
                if not line:
                    return
                verb = line.strip().upper()
                if verb.startswith(b"EHLO"):
                    offer = b"" if isinstance(conn, ssl.SSLSocket) else b"250-STARTTLS\r\n"
                    conn.sendall(b"250-sink.test\r\n" + offer + b"250 8BITMIME\r\n")
                elif verb == b"STARTTLS":
                    conn.sendall(b"220 go\r\n")
                    conn = self.tls.wrap_socket(conn, server_side=True)
                    self.ciphers.append(conn.cipher())
                    lines = conn.makefile("rb")
                elif verb.startswith(b"MAIL FROM:<"):
                    self.senders.append(line[11:line.index(b">")])
                    conn.sendall(b"250 2.1.0 ok\r\n")
                elif verb.startswith(b"RCPT TO:<BAD@"):
                    conn.sendall(b"550 5.1.1 no such user\r\n")
                elif verb == b"DATA":
                    conn.sendall(b"354 go\r\n")
                    text = b""
                    while not text.endswith(b"\r\n.\r\n"):
                        text += lines.readline()
                    self.data.append(text)
                    conn.sendall(b"250 2.0.0 kept\r\n")
                elif verb == b"QUIT":
                    conn.sendall(b"221 bye\r\n")
                    return
                else:
                    conn.sendall(b"250 2.0.0 ok\r\n")
        except (OSError, ssl.SSLError):
            pass


class System:
    def __init__(self, destdir, top):
        self.top, self.failed = top, 0
        self.sendmail, self.master = find(destdir, "sendmail.postfix"), find(destdir, "master")
        nobody = pwd.getpwnam("nobody")
        names = "port chrooted denied policy probing sink".split()
        self.ports = dict(zip(names, free_ports(len(names))))
        for name in [f"spool/{q}" for q in QUEUES] + ["etc", "data", "mail", "out"]:
            os.makedirs(f"{top}/{name}")
        os.chmod(top, 0o755)
        postfix, postdrop = pwd.getpwnam("postfix"), grp.getgrnam("postdrop").gr_gid
        for queue in QUEUES:
            if queue != "pid":
                os.chown(f"{top}/spool/{queue}", postfix.pw_uid, postdrop if queue in ("maildrop", "public") else -1)
        os.chmod(f"{top}/spool/maildrop", 0o1730)
        os.chmod(f"{top}/spool/public", 0o2710)
        os.chmod(f"{top}/spool/private", 0o700)
        for name in ("data",):
            os.chown(f"{top}/{name}", postfix.pw_uid, postfix.pw_gid)
        for name in ("mail", "out"):
            os.chown(f"{top}/{name}", nobody.pw_uid, nobody.pw_gid)
        values = dict(self.ports, top=top, nobody="nobody", uid=nobody.pw_uid, gid=nobody.pw_gid, daemons=os.path.dirname(self.master),
                      commands=os.path.dirname(find(destdir, "postdrop")))
        write(f"{top}/etc/main.cf", MAIN.format(**values))
        write(f"{top}/etc/master.cf", MASTER.format(**values))
        write(f"{top}/etc/access", "blocked@box.test REJECT by table\n")
        write(f"{top}/out/tool", f"#!/bin/sh\n{{ echo \"$@\"; cat; }} >>{top}/out/tool.out\n", 0o755)
        write(f"{top}/out/policy", "#!/bin/sh\nwhile read -r l; do [ -n \"$l\" ] || printf 'action=reject said by spawn\\n\\n'; done\n", 0o755)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=sink.test",
                        "-keyout", f"{top}/key.pem", "-out", f"{top}/cert.pem"], check=True, capture_output=True)
        printed = subprocess.run(["openssl", "x509", "-in", f"{top}/cert.pem", "-noout", "-fingerprint", "-sha256"],
                                 check=True, capture_output=True, text=True).stdout
        self.fingerprint = printed.split("=", 1)[1].strip()
        sink = f"[127.0.0.1]:{self.ports['sink']}"
        write(f"{top}/etc/policy", f"{sink} may\n")
        self.sink = Sink(self.ports["sink"], f"{top}/cert.pem", f"{top}/key.pem")
        old = time.time() - 300
        for name in os.listdir(f"{top}/etc"):
            os.utime(f"{top}/etc/{name}", (old, old))
        self.env = dict(os.environ, MAIL_CONFIG=f"{top}/etc")
        self.process = subprocess.Popen([self.master, "-c", f"{top}/etc", "-d"], env=self.env, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        self.wait("daemon started")

    def check(self, what, good, detail=""):
        print(("ok   " if good else "FAIL ") + what + ("" if good else f": {detail}"), flush=True)
        self.failed += not good

    def read(self, name):
        return read_text(f"{self.top}/{name}")

    def wait(self, words, name="log", seconds=40):
        return appears(words, f"{self.top}/{name}", seconds)

    def logged(self, what, words, name="log"):
        good = self.wait(words, name)
        self.check(what, good, f"no {words!r} in {name}:\n{self.read('log')[-3000:]}")

    def send(self, to, body="hello\n"):
        subprocess.run([self.sendmail, "-i", "-f", "me@local.test", to], env=self.env, input=f"Subject: x\n\n{body}".encode(),
                       check=True, timeout=30)

    # The reply to RCPT on one of our smtpds.
    def rcpt(self, port, to):
        with socket.create_connection(("127.0.0.1", self.ports[port]), timeout=60) as s:
            lines = s.makefile("rb")
            answer = lines.readline()
            for command in ("HELO client.test", "MAIL FROM:<me@local.test>", f"RCPT TO:<{to}>"):
                s.sendall(command.encode() + b"\r\n")
                answer = lines.readline()
            return answer.decode().strip()

    def set_policy(self, text):
        write(f"{self.top}/etc/policy", f"[127.0.0.1]:{self.ports['sink']} {text}\n")
        self.process.send_signal(signal.SIGHUP)
        before = self.read("log").count("reload --")
        end = time.monotonic() + 10
        while self.read("log").count("reload --") == before and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.3)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


# private/proxymap as any client of the incumbent's protocol speaks it.
def proxy_ask(path, **words):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(path)
        lists = []

        def receive():
            data = b""
            while not data.endswith(b"\0\0"):
                piece = s.recv(4096)
                if not piece:
                    break
                data += piece
            parts = data.split(b"\0")
            lists.append({k: v for k, v in zip(parts[0::2], parts[1::2]) if k})
        receive()
        s.sendall(b"".join(f"{k}\0{v}\0".encode() for k, v in words.items()) + b"\0")
        receive()
        return lists


def check_proxymap(c):
    table = f"texthash:{c.top}/etc/access"
    hello, found = proxy_ask(f"{c.top}/spool/private/proxymap", request="lookup", table=table, flags=0, key="blocked@box.test")
    c.check("proxymap says its protocol", hello == {b"protocol": b"proxymap_protocol"}, hello)
    c.check("proxymap answers", found == {b"status": b"0", b"value": b"REJECT by table"}, found)
    denied = proxy_ask(f"{c.top}/spool/private/proxymap", request="lookup", table="texthash:/etc/passwd", flags=0, key="root:")[1]
    c.check("another table is denied", denied.get(b"status") == b"4", denied)
    c.check("chrooted smtpd asks proxymap", c.rcpt("chrooted", "blocked@box.test") ==
            "554 5.7.1 <blocked@box.test>: Recipient address rejected: by table", c.rcpt("chrooted", "blocked@box.test"))
    c.check("and permits what is not there", c.rcpt("chrooted", "ann@box.test").startswith("250 "), c.rcpt("chrooted", "ann@box.test"))
    said = c.rcpt("denied", "blocked@box.test")
    c.check("a proxymap that does not approve of the table is a temporary failure", said.startswith("451 4.3."), said)
    real = "/usr/sbin/postmap"
    if not os.path.exists("/usr/lib/postfix/sbin/proxymap") or not os.path.exists(real):
        print("skip the incumbent's postmap: not installed")
        return
    ask = lambda *words, text="": subprocess.run([real, "-c", f"{c.top}/etc", *words], input=text, text=True, capture_output=True, timeout=60)
    got = ask("-q", "blocked@box.test", "proxy:" + table)
    c.check("the incumbent's postmap asks our proxymap", (got.returncode, got.stdout) == (0, "REJECT by table\n"), got)
    got = ask("-q", "ann@box.test", "proxy:" + table)
    c.check("and hears of what is not there", (got.returncode, got.stdout) == (1, ""), got)
    written = f"proxy:btree:{c.top}/data/written"
    writer, bare = f"{c.top}/spool/private/proxywrite", f"btree:{c.top}/data/written"
    for key, value in ("one", "1"), ("two", "2"):
        done = proxy_ask(writer, request="update", table=bare, flags=0, key=key, value=value)[1]
        c.check("proxywrite writes", done == {b"status": b"0"}, done)
    got = ask("-d", "one", written)
    c.check("the incumbent's postmap deletes through it", got.returncode == 0, got)
    found = proxy_ask(writer, request="lookup", table=bare, flags=0, key="two")[1]
    c.check("what was written is there", found == {b"status": b"0", b"value": b"2"}, found)
    found = proxy_ask(writer, request="lookup", table=bare, flags=0, key="one")[1]
    c.check("what was deleted is not", found.get(b"status") == b"1", found)


# As the incumbent makes them: of mail_owner, for everyone who can reach the directory.
def check_nodes(c):
    owner, group = pwd.getpwnam("postfix"), grp.getgrnam("postdrop").gr_gid
    lines = [line.split() for line in MASTER.splitlines() if line[0].isalpha()]
    for name, kind, private in (words[:3] for words in lines):
        if kind != "unix":
            continue
        status = os.stat(f"{c.top}/spool/{'public' if private == 'n' else 'private'}/{name}")
        found = (stat.S_ISSOCK(status.st_mode), oct(status.st_mode & 0o777), status.st_uid, status.st_gid)
        wanted = (True, "0o666", owner.pw_uid, group if private == "n" else owner.pw_gid)
        if found != wanted:
            c.check(f"the node of {name}", False, f"{found}, wanted {wanted}")
    c.check("nodes have their owner and mode", True)


def check_verify(c):
    said = c.rcpt("probing", "good@far.test")
    c.check("a probe finds a good address", said.startswith("250 "), said)
    said = c.rcpt("probing", "bad@far.test")
    words = "450 4.1.1 <bad@far.test>: Recipient address rejected: unverified address: host 127.0.0.1[127.0.0.1] said: 550 5.1.1 no such user"
    c.check("a probe finds a bad one", said.startswith(words), said)
    c.logged("the probe's line", "status=undeliverable (host 127.0.0.1[127.0.0.1] said: 550 5.1.1 no such user")
    c.logged("and of the good one", "to=<good@far.test>, relay=127.0.0.1[127.0.0.1]")
    said = c.rcpt("probing", "ann@box.test")
    c.check("a mailbox of ours", said.startswith("250 "), said)
    c.logged("is probed by virtual", "to=<ann@box.test>, relay=virtual")
    c.check("probes deliver nothing", not c.sink.data and not os.path.exists(f"{c.top}/mail/ann"), c.sink.data)
    until = time.monotonic() + 20
    left = ["?"]
    while left and time.monotonic() < until:
        left = [q for d in ("active", "deferred", "incoming") for q in os.listdir(f"{c.top}/spool/{d}")]
        time.sleep(0.1)
    c.check("and leave nothing in the queue", not left, left)


def check_agents(c):
    c.send("ann@box.test")
    c.send("bob@box.test")
    c.send("who@box.test")
    c.send("Some@Tool.Test")
    subprocess.run([c.sendmail, "-XV", "-i", "-f", "list@local.test", "a@far.test", "b@far.test"], env=c.env, input=b"\nx\n", check=True)
    c.send("x@held.test")
    c.send("x@relabel.test")
    c.logged("virtual delivers to a Maildir", "to=<ann@box.test>, relay=virtual")
    c.logged("and says so", "status=sent (delivered to maildir)")
    c.logged("to a mailbox", "status=sent (delivered to mailbox)")
    c.check("the file is there", len(os.listdir(f"{c.top}/mail/ann/new")) == 1, "")
    c.check("with its owner", os.stat(f"{c.top}/mail/bob").st_uid == pwd.getpwnam("nobody").pw_uid, "")
    c.logged("virtual knows nobody else", 'dsn=5.1.1, status=bounced (unknown user: "who@box.test")')
    c.logged("pipe delivers", "status=sent (delivered via tool service)")
    out = c.read("out/tool.out")
    c.check("with its arguments", out.startswith("me@local.test some@tool.test\n"), out)
    c.check("and its headers", "Return-Path: <me@local.test>\n" in out and "Delivered-To: Some@tool.test\n" in out, out)
    c.logged("VERP: one recipient", "to=<a@far.test>, relay=127.0.0.1")
    c.logged("after the other", "to=<b@far.test>, relay=127.0.0.1")
    c.check("each with a sender of his own", {b"list+a=far.test@local.test", b"list+b=far.test@local.test"} <= set(c.sink.senders), c.sink.senders)
    c.logged("a parameter that is not obeyed holds mail", "dsn=4.3.5, status=deferred (smtp_header_checks is not supported yet)")
    c.logged("a status filter changes words", "dsn=4.9.9, status=deferred (perhaps later)")
    said = c.rcpt("policy", "ann@box.test")
    c.check("spawn runs a policy server", said == "554 5.7.1 <ann@box.test>: Recipient address rejected: said by spawn", said)


def check_tls(c):
    c.set_policy("may")
    c.send("one@far.test")
    c.logged("may: untrusted is good enough", f"Untrusted TLS connection established to 127.0.0.1[127.0.0.1]:{c.ports['sink']}")
    c.set_policy("verify match=sink.test")
    c.send("two@far.test")
    c.logged("verify: an unknown issuer is not", "dsn=4.7.5, status=deferred (Server certificate not trusted)")
    c.set_policy("fingerprint match=" + c.fingerprint)
    c.send("three@far.test")
    c.logged("fingerprint: the right one", f"Verified TLS connection established to 127.0.0.1[127.0.0.1]:{c.ports['sink']}")
    c.logged("is enough", "to=<three@far.test>, relay=127.0.0.1[127.0.0.1]")
    c.set_policy("fingerprint match=00:11")
    c.send("four@far.test")
    c.logged("fingerprint: a wrong one", "dsn=4.7.5, status=deferred (Server certificate not verified)")
    c.set_policy("dane")
    c.send("five@far.test")
    c.logged("a level that is not supported defers", "dsn=4.7.5, status=deferred (client TLS configuration problem)")
    c.set_policy("encrypt protocols=TLSv1.2 ciphers=high exclude=AESGCM:CHACHA20:AESCCM")
    before = len(c.sink.ciphers)
    c.send("six@far.test")
    c.logged("protocols and exclusions", "to=<six@far.test>, relay=127.0.0.1[127.0.0.1]")
    used = c.sink.ciphers[before:]
    good = bool(used) and used[-1][1] == "TLSv1.2" and "GCM" not in used[-1][0] and "CHACHA" not in used[-1][0]
    c.check("are obeyed", good, used)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--destdir", required=True)
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("needs root")
        return 77
    try:
        pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    except KeyError as missing:
        print(missing)
        return 77
    with tempfile.TemporaryDirectory(prefix="dovetail-services-") as top:
        system = System(os.path.abspath(options.destdir), top)
        try:
            check_nodes(system)
            check_proxymap(system)
            check_verify(system)
            check_agents(system)
            check_tls(system)
        finally:
            system.stop()
            if system.failed:
                print(system.read("log")[-8000:])
    print(f"{system.failed} failed")
    return 1 if system.failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# Renews a certificate on the running stack, without a reload: new sessions get it at STARTTLS of smtpd, IMAP and POP3, the
# ones in progress go on; a pair that does not fit is kept out with one error. TLS sessions are resumed whichever process
# answers, also after a reload of both parents. As root, in a directory of its own, on high ports.
# SPDX-License-Identifier: Apache-2.0
"""usage: certificates.py --destdir DIR [CASE...]   exit 0: all good; 1: a check failed; 77: not root, or something is missing"""
import argparse
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "bench"))
import stack as bench  # noqa: E402  pylint: disable=wrong-import-position

CASES = []
MORE_MAIN_CF = """
smtpd_tls_security_level = may
smtpd_tls_cert_file = {base}/etc/cert.pem
smtpd_tls_key_file = {base}/etc/key.pem
"""
MORE_DOVECOT = """
local_name other.test {{
  protocol imap {{
    ssl_cert = <{base}/etc/other.pem
    ssl_key = <{base}/etc/other.key
  }}
}}
"""


def case(function):
    CASES.append(function)
    return function


def check(good, text):
    if not good:
        raise AssertionError(text)


def wait_for(what, text, seconds=15):
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        check(time.monotonic() < deadline, f"{text}: not within {seconds} s")
        time.sleep(0.2)


def make_pair(s, name, subject):
    """A new pair, moved over the old one as certbot and its like do."""
    cert, key = f"{s.base}/etc/{name}.pem", f"{s.base}/etc/{'key.pem' if name == 'cert' else name + '.key'}"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={subject}",
                    "-keyout", key + ".new", "-out", cert + ".new"], check=True, capture_output=True)
    os.rename(cert + ".new", cert)
    os.rename(key + ".new", key)


def context():
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def subject(tls):
    der = tls.getpeercert(binary_form=True)
    text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject"], input=der, check=True, capture_output=True)
    return re.search(r"CN ?= ?(\S+)", text.stdout.decode()).group(1)


def smtp_subject(s):
    with smtplib.SMTP("127.0.0.1", s.smtp, timeout=20) as client:
        client.starttls(context=context())
        return subject(client.sock)


def imaps(s, name="localhost"):
    return context().wrap_socket(socket.create_connection(("127.0.0.1", s.imaps), 20), server_hostname=name)


def imaps_subject(s, name="localhost"):
    with imaps(s, name) as tls:
        return subject(tls)


def all_subjects(s):
    return {smtp_subject(s), imaps_subject(s)}


def log_lines(s, pattern):
    found = []
    for name in ("mail.log", "dovecot.log"):
        if os.path.exists(f"{s.base}/log/{name}"):
            with open(f"{s.base}/log/{name}", encoding="utf-8", errors="replace") as log:
                found += [line for line in log if re.search(pattern, line)]
    return found


class Idle:
    """A TLS client in IDLE."""

    def __init__(self, s):
        self.tls = imaps(s)
        self.file = self.tls.makefile("rb")
        self.file.readline()
        self.tls.sendall(b"a LOGIN u0 bench\r\nb SELECT INBOX\r\nc IDLE\r\n")
        while not self.file.readline().startswith(b"+ "):
            pass

    def lives(self):
        self.tls.sendall(b"DONE\r\nd NOOP\r\n")
        while True:
            line = self.file.readline()
            check(line, "the session in IDLE was dropped")
            if line.startswith(b"d OK"):
                break
        self.tls.sendall(b"e IDLE\r\n")
        while not self.file.readline().startswith(b"+ "):
            pass


@case
def a_renewed_certificate_is_served_without_reload(s):
    check(all_subjects(s) == {"localhost"}, "the first certificate")
    idle = Idle(s)
    with smtplib.SMTP("127.0.0.1", s.smtp, timeout=20) as open_one:
        open_one.starttls(context=context())
        make_pair(s, "cert", "renewed.test")
        # Every process, not only the one that happened to answer.
        wait_for(lambda: all(all_subjects(s) == {"renewed.test"} for _ in range(4)), "the renewed certificate")
        idle.lives()
        check(open_one.ehlo()[0] == 250, "an SMTP session with TLS goes on")
        check(subject(open_one.sock) == "localhost", "it keeps its certificate")
    check(len(log_lines(s, "its certificate was renewed")) == 1, "one line of master")
    check(len(log_lines(s, "certificates were renewed")) == 1, "one line of dovecot")


@case
def a_pair_that_does_not_fit_is_kept_out(s):
    before = all_subjects(s)
    key = f"{s.base}/etc/key.pem"
    shutil.copy(key, key + ".right")
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    words = "key values mismatch -- the certificate from before stays in use"
    wait_for(lambda: len(log_lines(s, words)) >= 2, "the parents' errors")
    time.sleep(5)
    check(len(log_lines(s, words)) == 2, "one error of each parent")
    check(all_subjects(s) == before, "the pair from before is in use")
    s.reload()
    check(all_subjects(s) == before, "also after a reload")
    os.rename(key + ".right", key)
    time.sleep(5)
    check(all_subjects(s) == before, "the right key is back")
    make_pair(s, "cert", "again.test")
    wait_for(lambda: all_subjects(s) == {"again.test"}, "the next good pair")


@case
def a_certificate_of_local_name_is_renewed(s):
    check(imaps_subject(s, "other.test") == "other.test", "the name's own certificate")
    usual = imaps_subject(s)
    make_pair(s, "other", "new.other.test")
    wait_for(lambda: imaps_subject(s, "other.test") == "new.other.test", "the name's renewed certificate")
    check(imaps_subject(s) == usual, "the others keep theirs")


def openssl_client(s, protocol, session, version, new):
    port = s.smtp if protocol == "smtp" else s.imaps
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version, "-sess_out" if new else "-sess_in", session]
    if protocol == "smtp":
        words += ["-starttls", "smtp"]
    goodbye = b"QUIT\r\n" if protocol == "smtp" else b"a LOGOUT\r\n"
    # s_client ends with its input: the ticket of TLS 1.3 comes after the handshake.
    client = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(0.7)
    out = client.communicate(goodbye, timeout=20)[0].decode(errors="replace")
    state = re.search(r"^(New|Reused), ", out, re.M)
    check(state, f"no handshake: {out}")
    return state.group(1)


def resume_everywhere(s, times):
    for protocol in ("smtp", "imap"):
        for version in ("-tls1_2", "-tls1_3"):
            session = f"{s.base}/session-{protocol}{version}"
            answers = [openssl_client(s, protocol, session, version, False) for _ in range(times)]
            check(answers == ["Reused"] * times, f"{protocol} {version}: {answers}")


@case
def sessions_are_resumed_by_any_process_and_after_reload(s):
    for protocol in ("smtp", "imap"):
        for version in ("-tls1_2", "-tls1_3"):
            state = openssl_client(s, protocol, f"{s.base}/session-{protocol}{version}", version, True)
            check(state == "New", f"{protocol} {version}: {state}")
    resume_everywhere(s, 4)
    before = s.servers()
    s.reload()
    check(not before & s.servers(), "all processes are new ones after the reload")
    resume_everywhere(s, 2)


@case
def a_reload_keeps_sessions_and_changes_settings_for_new_ones(s):
    idle = Idle(s)
    with smtplib.SMTP("127.0.0.1", s.smtp, timeout=20) as old:
        check(b"SIZE 10240000" in old.ehlo()[1], "the built-in size limit")
        with open(f"{s.base}/etc/main.cf", "a", encoding="ascii") as main_cf:
            main_cf.write("message_size_limit = 7654321\n")
        with open(f"{s.base}/etc/dovecot.conf", "a", encoding="ascii") as conf:
            conf.write("login_greeting = Changed.\n")
        s.reload()
        with smtplib.SMTP("127.0.0.1", s.smtp, timeout=20) as new:
            check(b"SIZE 7654321" in new.ehlo()[1], "a new session has the new limit")
        check(b"SIZE 10240000" in old.ehlo()[1], "the old session keeps its own")
        with socket.create_connection(("127.0.0.1", s.imap), 20) as plain:
            check(b"] Changed." in plain.makefile("rb").readline(), "a new client gets the new greeting")
        idle.lives()


class TlsStack(bench.Stack):
    """The benchmark's stack with TLS everywhere."""

    def write(self, users):
        super().write(users)
        make_pair(self, "other", "other.test")
        for file, text in (("main.cf", MORE_MAIN_CF), ("dovecot.conf", MORE_DOVECOT)):
            with open(f"{self.base}/etc/{file}", "a", encoding="ascii") as out:
                out.write(text.format(base=self.base))

    def servers(self):
        """Process IDs of what clients talk to."""
        found = set()
        for pid in self.processes(bench.process_table()):
            try:
                with open(f"/proc/{pid}/comm", encoding="ascii") as name:
                    if name.read().strip() in ("smtpd", "imap-login"):
                        found.add(pid)
            except OSError:
                pass
        return found

    def reload(self):
        """SIGHUP to both parents; returns when the successors answer and processes without a client have gone."""
        before = self.servers()
        for pid in self.roots:
            os.kill(pid, signal.SIGHUP)
        wait_for(lambda: self.servers() - before, "new processes after a reload")
        time.sleep(1)
        all_subjects(self)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--destdir", required=True)
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    tree = os.path.realpath(options.destdir)
    layout = {"commands": f"{tree}/usr/sbin", "daemons": f"{tree}/usr/libexec/postfix", "setgid": "postdrop",
              "dovecot": f"{tree}/usr/sbin/dovecot", "dovecot_libexec": f"{tree}/usr/libexec/dovecot"}
    if os.geteuid() != 0 or not os.path.exists(layout["dovecot"]) or not shutil.which("openssl"):
        print("needs root, openssl and an installed tree")
        return 77
    base = tempfile.mkdtemp(prefix="certificates-")
    os.chmod(base, 0o755)
    s = TlsStack("ours", base, layout)
    failed = 0
    try:
        s.write(2)
        s.start(True)
        for function in CASES:
            if options.cases and function.__name__ not in options.cases:
                continue
            try:
                function(s)
                print(f"ok    {function.__name__}", flush=True)
            except Exception:  # every case is run
                failed += 1
                print(f"FAIL  {function.__name__}: {traceback.format_exc()}", flush=True)
        if failed:
            print(s.logs())
    finally:
        s.stop()
        s.remove()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

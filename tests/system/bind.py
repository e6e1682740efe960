#!/usr/bin/env python3
# DNS as mail sees it, on a real BIND: where mail goes (MX, null MX, no MX, aliases, IPv6, names that do not exist and servers
# that fail), who a client is (PTR and back), and the restrictions that ask DNS. The incumbent on this machine gets the same
# zones, clients and messages; replies and log lines must be the same. Runs in a network of its own; needs root.
# SPDX-License-Identifier: Apache-2.0
import os
import re
import shutil
import smtplib
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import stack  # noqa: E402  pylint: disable=wrong-import-position
from support.stack import check, wait_until  # noqa: E402  pylint: disable=wrong-import-position

CASES = stack.Cases()
NAMESERVER = "192.0.2.53"
HOSTS = {"a": ("192.0.2.1", "2001:db8::1"), "b": ("192.0.2.2", "2001:db8::2"), "six": (None, "2001:db8::6")}
CLIENTS = {"known": "192.0.2.20", "liar": "192.0.2.21", "nameless": "192.0.2.22", "listed": "192.0.2.23", "quiet": "192.0.2.24",
           "failing": "198.51.100.7"}
ZONE = """$TTL 60
@ SOA ns hostmaster 1 600 600 600 60
@ NS ns
ns A 192.0.2.53
a A 192.0.2.1
a AAAA 2001:db8::1
b A 192.0.2.2
six AAAA 2001:db8::6
dead A 192.0.2.99
me A 192.0.2.100
known A 192.0.2.20
liar A 192.0.2.20
alias CNAME a
prefer MX 10 b
prefer MX 5 dead
order MX 20 a
order MX 10 b
null MX 0 .
nomx A 192.0.2.2
through CNAME order
mxalias MX 10 alias
v6 MX 10 six
noaddress MX 10 nowhere
badmx MX 10 nowhere
badmx MX 20 b
failmx MX 10 x.broken.test.
failmx MX 20 b
loop MX 10 me
text TXT "no address"
allbad MX 10 x.broken.test.
"""
REVERSE = """$TTL 60
@ SOA ns.example.test. hostmaster 1 600 600 600 60
@ NS ns.example.test.
1 PTR a.example.test.
20 PTR known.example.test.
21 PTR liar.example.test.
23 PTR known.example.test.
"""
LIST = """$TTL 60
@ SOA ns.example.test. hostmaster 1 600 600 600 60
@ NS ns.example.test.
23.2.0.192 A 127.0.0.2
23.2.0.192 TXT "listed, see http://list.test/?23"
24.2.0.192 A 127.0.0.9
bad.example.test A 127.0.0.2
bad.example.test TXT "a bad name"
"""
MAIN = """compatibility_level = 3.6
queue_directory = {top}/spool
data_directory = {top}/data
command_directory = {commands}
daemon_directory = {daemons}
maillog_file = {top}/log/mail.log
maillog_file_prefixes = {top}
myhostname = me.example.test
mydestination =
mynetworks = 192.0.2.100, 192.0.2.20
inet_interfaces = 192.0.2.100, 2001:db8::100
inet_protocols = all
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = here.test
virtual_mailbox_maps = static:1
virtual_transport = discard:
smtp_connect_timeout = 5s
smtp_tls_security_level = none
smtp_address_preference = ipv4
minimal_backoff_time = 300s
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_client_restrictions = check_client_access inline:{{known.example.test=OK}}, reject_rbl_client list.test=127.0.0.2,
  reject_rhsbl_sender list.test
notify_classes =
{more}
"""


def in_own_network():
    """Starts this program again where all addresses and the resolver's file are its own."""
    if os.environ.get("BIND_TEST") == "1":
        return
    done = subprocess.run(["unshare", "-m", "-n", "--propagation", "private", sys.executable, *sys.argv],
                          env=dict(os.environ, BIND_TEST="1"), check=False)
    sys.exit(done.returncode)


def run(*words):
    subprocess.run(words, check=True)


class Sink(threading.Thread):
    """An SMTP server that takes everything."""

    def __init__(self, address, name):
        super().__init__(daemon=True)
        self.name_of_host = name
        self.socket = socket.create_server((address, 25), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.start()

    def run(self):
        while True:
            client, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, client.makefile("rwb") as file:
            def say(text):
                file.write(text.encode() + b"\r\n")
                file.flush()
            say(f"220 {self.name_of_host} ESMTP")
            in_data = False
            for line in file:
                line = line.decode().rstrip("\r\n")
                if in_data:
                    in_data = line != "."
                    if not in_data:
                        say("250 2.0.0 taken")
                elif line.upper() == "DATA":
                    in_data = True
                    say("354 go on")
                elif line.upper() == "QUIT":
                    say("221 bye")
                    return
                else:
                    say(f"250 {self.name_of_host}" if line[:4].upper() in ("EHLO", "HELO") else "250 2.1.0 Ok")


class Mail:
    def __init__(self, programs, top, more=""):
        self.top = top
        stack.make_queue(top)
        (top / "etc/main.cf").write_text(MAIN.format(top=top, commands=programs.commands, daemons=programs.daemons, more=more))
        services = "192.0.2.100:25 inet n - n - - smtpd\n[2001:db8::100]:25 inet n - n - - smtpd\n" + stack.SERVICES
        (top / "etc/master.cf").write_text(services + "postlog unix-dgram n - n - 1 postlogd\n")
        self.daemon = stack.Daemon([programs.daemons / "master", "-c", top / "etc", "-d"], top / "log/mail.log",
                                   dict(os.environ, MAIL_CONFIG=f"{top}/etc"))
        wait_until(lambda: f"port 25: {self.daemon.lines()}", self.answers)

    @staticmethod
    def answers():
        try:
            with socket.create_connection(("192.0.2.100", 25), 5, ("192.0.2.100", 0)) as s:
                return s.recv(100).startswith(b"220 ")
        except OSError:
            return False

    @staticmethod
    def dialogue(source, steps):
        """Replies to MAIL and RCPT of a client at this address."""
        target = "2001:db8::100" if ":" in source else "192.0.2.100"
        with smtplib.SMTP(timeout=60) as client:
            client.source_address = (source, 0)
            answers = [client.connect(target, 25)]
            answers += [client.docmd(step) for step in ["EHLO client.example.test"] + steps]
        return [f"{code} {text.decode()}" for code, text in answers if not text.startswith(b"me.example.test\n")]

    def deliver(self, domain):
        """The log line of a delivery without what differs each time."""
        with smtplib.SMTP(timeout=60) as client:
            client.source_address = ("192.0.2.100", 0)
            client.connect("192.0.2.100", 25)
            client.sendmail("", [f"user@{domain}"], f"Subject: to {domain}\n\nhello\n")
        line = self.daemon.wait_log(rf"to=<user@{re.escape(domain)}>, .*status=.*$", 30)[0]
        return re.sub(r"delays?=[\d./]+, ", "", line)

    def rejects(self):
        """Lines about clients and refusals: what a log reader looks at."""
        lines = re.findall(r"postfix/smtpd\[\d+\]: ((?:NOQUEUE: reject|warning: hostname|warning: \d).*)$", self.daemon.lines(), re.M)
        return sorted(set(lines))


class Both:
    """named, sinks, and one MTA after the other on the same addresses."""

    def __init__(self, options, top):
        self.top, self.running = top, []
        self.programs = [stack.Programs.ours(options.destdir, top / "programs"), stack.Programs.real()]
        zones = {"example.test": ZONE, "2.0.192.in-addr.arpa": REVERSE, "list.test": LIST}
        config = f'options {{ directory "{top}"; listen-on {{ {NAMESERVER}; }}; listen-on-v6 {{ none; }}; recursion yes; ' \
                 'allow-query { any; }; dnssec-validation no; empty-zones-enable no; pid-file none; session-keyfile none; };\n' \
                 'controls { };\nzone "." { type master; file "root"; };\n'
        (top / "root").write_text("$TTL 60\n@ SOA ns.example.test. hostmaster 1 600 600 600 60\n@ NS ns.root.\nns.root. A 192.0.2.53\n")
        for name, text in zones.items():
            (top / name).write_text(text)
            config += f'zone "{name}" {{ type master; file "{name}"; }};\n'
        # Zones without a file: every question about them is answered SERVFAIL.
        config += 'zone "broken.test" { type master; file "no-such-file"; };\nzone "100.51.198.in-addr.arpa" { type master; file "none"; };\n'
        (top / "named.conf").write_text(config)
        named = stack.Daemon(["named", "-g", "-c", top / "named.conf"], top / "named.log")
        self.running.append(named)
        named.wait_log(r"running$")

    def each(self, function, more=""):
        """function(mail) for the incumbent and for us; both results."""
        results = []
        for programs in self.programs:
            mail = Mail(programs, self.top / f"{programs.name}-{len(self.running)}", more)
            self.running.append(mail.daemon)
            results.append(function(mail))
            mail.daemon.stop()
        return results

    def end(self):
        for daemon in reversed(self.running):
            daemon.stop()


def same(ours, real, what):
    check(ours == real, f"{what}:\n  ours {ours}\n  real {real}")


@CASES
def where_mail_goes(s):
    domains = ["order", "prefer", "null", "nomx", "through", "mxalias", "v6", "noaddress", "badmx", "failmx", "allbad", "loop", "text", "nx"]
    names = [f"{domain}.example.test" for domain in domains] + ["x.broken.test"]
    ours, real = s.each(lambda mail: {name: mail.deliver(name) for name in names})
    problems = [f"{name}:\n  ours {ours[name]}\n  real {real[name]}" for name in names if ours[name] != real[name]]
    check(not problems, "\n".join(problems))
    for name, words in [("order", "relay=b.example.test[192.0.2.2]:25, dsn=2.0.0, status=sent"), ("prefer", "relay=b.example.test[192.0.2.2]:25"),
                        ("v6", "relay=six.example.test[2001:db8::6]:25"), ("nx", "dsn=5.4.4, status=bounced"), ("null", "status=bounced")]:
        check(words in ours[f"{name}.example.test"], f"{name}: {ours[f'{name}.example.test']}")
    check("dsn=4.4.3, status=deferred" in ours["x.broken.test"], ours["x.broken.test"])


@CASES
def who_a_client_is(s):
    def visit(mail):
        for address in list(CLIENTS.values())[:3] + [CLIENTS["failing"], "2001:db8::1"]:
            mail.dialogue(address, ["MAIL FROM:<>", "RCPT TO:<user@elsewhere.test>"])
        return sorted(set(re.findall(r": (?:connect from .*|warning: hostname.*)$", mail.daemon.lines(), re.M)))
    ours, real = s.each(visit)
    same(ours, real, "names of clients")
    check(": connect from known.example.test[192.0.2.20]" in ours and ": connect from unknown[192.0.2.21]" in ours, f"{ours}")


@CASES
def restrictions_that_ask_dns(s):
    senders = ["user@order.example.test", "user@nx.example.test", "user@null.example.test", "user@x.broken.test", "user@text.example.test",
               "user@nomx.example.test", "user@bad.example.test", "user@[192.0.2.1]"]

    def ask(mail):
        answers = {}
        for sender in senders:
            answers[sender] = mail.dialogue("192.0.2.20", [f"MAIL FROM:<{sender}>", "RCPT TO:<user@here.test>", "RSET", "MAIL FROM:<>",
                                                           f"RCPT TO:<{sender}>"])
        for name, address in CLIENTS.items():
            answers[name] = mail.dialogue(address, ["MAIL FROM:<user@order.example.test>", "RCPT TO:<user@here.test>"])
        return answers, mail.rejects()

    for more in ["smtpd_sender_restrictions = reject_unknown_sender_domain\n",
                 "smtpd_sender_restrictions = reject_unknown_sender_domain\nunknown_address_reject_code = 550\n",
                 "smtpd_recipient_restrictions = reject_unknown_recipient_domain\n",
                 "smtpd_helo_restrictions = reject_unknown_client_hostname\n",
                 "smtpd_helo_restrictions = reject_unknown_reverse_client_hostname\n",
                 "smtpd_sender_restrictions = check_sender_mx_access inline:{b.example.test=REJECT}\n",
                 "smtpd_sender_restrictions = reject_rhsbl_client list.test, reject_rbl_client broken.test, warn_if_reject "
                 "reject_rbl_client list.test=127.0.0.[2;9]\n"]:
        (ours, our_lines), (real, real_lines) = s.each(ask, more)
        if "_mx_access" in more:  # on purpose: exchangers that cannot be looked up may be the refused ones, so that mail waits
            check(ours.pop("user@x.broken.test")[2].startswith("450 4.3.0 ") and real.pop("user@x.broken.test"), "a failing server")
            our_lines, real_lines = [], []
        problems = [f"{name}:\n  ours {ours[name]}\n  real {real[name]}" for name in ours if ours[name] != real[name]]
        check(not problems, more + "\n".join(problems))
        same(sorted(set(our_lines) - set(real_lines)), sorted(set(real_lines) - set(our_lines)), f"{more} log lines that only one has")


def main():
    if os.geteuid() != 0:
        stack.missing("needs root")
    stack.need_users("postfix")
    if not shutil.which("named"):
        stack.missing("no named")
    in_own_network()
    run("ip", "link", "set", "lo", "up")
    for address in [NAMESERVER, "192.0.2.100", *(v4 for v4, _ in HOSTS.values() if v4), *CLIENTS.values()]:
        run("ip", "addr", "add", f"{address}/32", "dev", "lo")
    for address in ["2001:db8::100", *(v6 for _, v6 in HOSTS.values())]:
        run("ip", "addr", "add", f"{address}/128", "dev", "lo", "nodad")
    resolver = Path("/run/bind-test-resolv.conf")
    resolver.write_text(f"nameserver {NAMESERVER}\noptions timeout:2 attempts:1\n")
    run("mount", "--bind", str(resolver), os.path.realpath("/etc/resolv.conf"))
    for name, addresses in HOSTS.items():
        for address in addresses:
            if address:
                Sink(address, f"{name}.example.test")
    CASES.run(Both, "bind.py --destdir DIR [--keep] [CASE...]", "bind-")


main()

#!/usr/bin/env python3
# dovetail check on a host with a real MariaDB: the schema of the documents, faults planted in tables, columns and passwords, a
# server that refuses, is not there or does not answer; exit status, JSON, an ordinary user, and disks that are full or read-only.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import stack  # noqa: E402  pylint: disable=wrong-import-position
from support.stack import check, match  # noqa: E402  pylint: disable=wrong-import-position

CASES = stack.Cases()
HASH = "$6$dEqUVsCirHzV8kHw$hgC0x0ufah.N0PzUVvhLEMnoww5lo.JBmeLSsRNDkgWVylC55Gk6zA1KWsn.SiIAAIDEqHxtugGZWHl1qMex.."
SCHEMA = f"""
drop database if exists mailserver; create database mailserver; use mailserver;
create table virtual_domains(id int primary key auto_increment, name varchar(50) not null);
create table virtual_users(id int primary key auto_increment, email varchar(128) not null unique, password varchar(150) not null,
  domain_id int not null, foreign key (domain_id) references virtual_domains(id) on delete cascade);
create table virtual_aliases(id int primary key auto_increment, domain_id int not null, source varchar(100) not null,
  destination varchar(100) not null, foreign key (domain_id) references virtual_domains(id) on delete cascade);
insert into virtual_domains(id,name) values(1,'rockylinux.test'),(2,'example.test');
insert into virtual_users(id,email,password,domain_id) values(1,'frank@rockylinux.test','{HASH}',1),(2,'leeo@example.test','{HASH}',2);
insert into virtual_aliases(domain_id,source,destination) values(1,'postmaster@rockylinux.test','frank@rockylinux.test'),
  (2,'postmaster@example.test','leeo@example.test'),(1,'all@rockylinux.test','frank@rockylinux.test'),(1,'all@rockylinux.test','leeo@example.test');
"""
MASTER = """smtp inet n - n - - smtpd
submission inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_security_level=encrypt
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
local unix - n n - - local
virtual unix - n n - - virtual
relay unix - - n - - smtp
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
"""


class Host:
    """Files of one mail host around a MariaDB that all cases share."""
    server = None

    def __init__(self, options, directory):
        self.dir = Path(directory)
        self.dir.chmod(0o755)
        sbin = Path(stack.find(options.destdir, "dovetail"))
        self.command = str(sbin)
        self.root = os.geteuid() == 0
        self.owner = "postfix" if self.root else stack.pwd.getpwuid(os.geteuid()).pw_name
        self.group = "postdrop" if self.root else stack.grp.getgrgid(os.getegid()).gr_name
        if self.root:
            stack.need_users("postfix", "nobody")
        stack.make_queue(str(self.dir))
        for program in "smtpd cleanup trivial-rewrite local virtual smtp lmtp".split():
            self.write(f"daemons/{program}", "", 0o755)
        (self.dir / "mail").mkdir()
        if self.root:
            shutil.chown(self.dir / "mail", "nobody")
        if Host.server is None:
            Host.server = stack.MariaDb(Path(directory).parent / f"{self.dir.name}-db")
            Host.server.start()
            Host.server.load("create user mailuser@'127.0.0.1' identified by 'secret'; grant select on *.* to mailuser@'127.0.0.1';")
        Host.server.load(SCHEMA)
        self.make_files()

    def write(self, name, text, mode=0o644):
        path = self.dir / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def edit(self, name, what, new):
        path = self.dir / name
        text = path.read_text()
        check(what in text, f"{name} has no {what!r}")
        path.write_text(text.replace(what, new))

    def make_files(self):
        user = "nobody" if self.root else self.owner
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "100", "-subj", "/CN=mail.rockylinux.test", "-addext",
                        "subjectAltName=DNS:mail.rockylinux.test", "-keyout", self.dir / "key.pem", "-out", self.dir / "cert.pem"],
                       check=True, capture_output=True)
        (self.dir / "key.pem").chmod(0o600)
        self.write("etc/master.cf", MASTER)
        self.write("etc/aliases", "root: frank@rockylinux.test\npostmaster: root\n")
        self.write("etc/main.cf", f"""compatibility_level = 3.6
queue_directory = {self.dir}/spool
data_directory = {self.dir}/data
daemon_directory = {self.dir}/daemons
mail_owner = {self.owner}
setgid_group = {self.group}
myhostname = mail.rockylinux.test
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination = $myhostname
virtual_alias_maps = mysql:{self.dir}/etc/aliases.cf
virtual_mailbox_domains = mysql:{self.dir}/etc/domains.cf
virtual_mailbox_maps = mysql:{self.dir}/etc/users.cf
virtual_transport = lmtp:unix:private/dovecot-lmtp
alias_maps = inline:{{{{root=frank@rockylinux.test}},{{postmaster=root}}}}
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_auth_only = yes
smtpd_tls_security_level = may
smtpd_tls_cert_file = {self.dir}/cert.pem
smtpd_tls_key_file = {self.dir}/key.pem
""")
        for name, query in (("aliases", "SELECT destination FROM virtual_aliases WHERE source='%s'"),
                            ("domains", "SELECT 1 FROM virtual_domains WHERE name='%s'"),
                            ("users", "SELECT 1 FROM virtual_users WHERE email='%s'")):
            self.write(f"etc/{name}.cf", f"user = mailuser\npassword = secret\nhosts = 127.0.0.1:{Host.server.port}\ndbname = mailserver\n"
                                         f"query = {query}\n", 0o640)
        self.write("etc/dovecot-sql.conf.ext", f"""driver = mysql
connect = host=127.0.0.1 port={Host.server.port} dbname=mailserver user=mailuser password=secret
default_pass_scheme = SHA512-CRYPT
password_query = SELECT email as user, password FROM virtual_users WHERE email='%u';
""", 0o640)
        listener = f"    mode = 0660\n    user = {self.owner}\n    group = {stack.grp.getgrgid(stack.pwd.getpwnam(self.owner).pw_gid).gr_name}\n"
        self.write("etc/dovecot.conf", f"""protocols = imap lmtp
base_dir = {self.dir}/run
default_internal_user = {user}
default_login_user = {user}
auth_mechanisms = plain login
first_valid_uid = 0
mail_location = maildir:{self.dir}/mail/%d/%n
ssl_cert = <{self.dir}/cert.pem
ssl_key = <{self.dir}/key.pem
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = sql
  args = {self.dir}/etc/dovecot-sql.conf.ext
}}
userdb {{
  driver = static
  args = uid={user} gid={stack.pwd.getpwnam(user).pw_gid} home={self.dir}/mail/%d/%n
}}
service lmtp {{
  unix_listener {self.dir}/spool/private/dovecot-lmtp {{
{listener}  }}
}}
service auth {{
  unix_listener {self.dir}/spool/private/auth {{
{listener}  }}
}}
""")

    def arguments(self, *more):
        return [self.command, "check", "-c", str(self.dir / "etc"), "-d", str(self.dir / "etc/dovecot.conf"), "-t", "10000", *more]

    def run(self, *more, **how):
        return subprocess.run(self.arguments(*more), capture_output=True, text=True, timeout=60, check=False, **how)

    def says(self, pattern, status=None, *more):
        answer = self.run(*more)
        match(answer.stdout.replace(str(self.dir), "@"), pattern)
        check(status is None or answer.returncode == status, f"exit status {answer.returncode}:\n{answer.stdout}{answer.stderr}")

    def end(self):
        pass


@CASES
def clean(host):
    """Nothing but notes: the certificate signed itself."""
    answer = host.run()
    loud = [line for line in answer.stdout.splitlines() if ": note: " not in line]
    check(not loud and answer.returncode == 0, f"exit status {answer.returncode}:\n{answer.stdout}{answer.stderr}")
    check("is self-signed" in answer.stdout, answer.stdout)


@CASES
def misspelt_domain(host):
    Host.server.load("update mailserver.virtual_domains set name='rockyllinux.test' where id=1")
    host.says(r'^@/etc/users.cf:0: error: user frank@rockylinux.test of virtual_mailbox_maps: rockylinux.test is in none of .*'
              r'virtual_mailbox_domains has "rockyllinux.test": if that is a slip, make it "rockylinux.test"$', 2)


@CASES
def domain_twice(host):
    host.edit("etc/main.cf", "mydestination = $myhostname", "mydestination = $myhostname, example.test")
    host.says(r"^@/etc/main.cf:10: error: example.test is in both mydestination and virtual_mailbox_domains: ", 2)


@CASES
def column_too_short(host):
    Host.server.load("delete from mailserver.virtual_users; alter table mailserver.virtual_users modify password varchar(100) not null")
    host.says(r"^@/etc/dovecot-sql.conf.ext:4: error: the password column holds 100 characters, a SHA512-CRYPT hash has 106: ", 2)
    Host.server.load("alter table mailserver.virtual_users modify password varchar(106) not null")
    check("password column" not in host.run().stdout, "106 characters are enough")


@CASES
def hashes(host):
    Host.server.load("update mailserver.virtual_users set password=left(password,100) where id=1")
    host.says(r"^@/etc/dovecot-sql.conf.ext:4: error: the stored password of frank@rockylinux.test: .* 80 characters instead of 86", 2)
    Host.server.load("update mailserver.virtual_users set password='{PLAIN}geheim' where id=1")
    answer = host.run()
    match(answer.stdout, r"warning: passwords are stored in clear \(frank@rockylinux.test\)")
    check("geheim" not in answer.stdout and answer.returncode == 1, answer.stdout)


@CASES
def aliases(host):
    Host.server.load("insert into mailserver.virtual_aliases(domain_id,source,destination) values(1,'a@rockylinux.test','b@rockylinux.test'),"
                     "(1,'b@rockylinux.test','a@rockylinux.test'),(1,'info@rockylinux.test','frnak@rockylinux.test')")
    host.says(r"error: virtual alias loop a@rockylinux.test -> b@rockylinux.test -> a@rockylinux.test: .*451 4.6.0", 2)
    host.says(r"warning: alias info@rockylinux.test leads to frnak@rockylinux.test, which is no mailbox", 2)


@CASES
def wrong_password(host):
    host.edit("etc/users.cf", "password = secret", "password = wrong")
    host.says(r"^@/etc/users.cf:0: error: the database mailserver does not answer: Access denied for user 'mailuser'", 2)


@CASES
def tls_demanded(host):
    """The server speaks no TLS: no password and no hash goes to it in clear where the table's file asks for TLS."""
    host.edit("etc/users.cf", "password = secret", f"password = secret\ntls_CAfile = {host.dir}/cert.pem\ntls_verify_cert = yes")
    host.says(r"^@/etc/users.cf:0: error: the database mailserver does not answer: .*(SSL|TLS)", 2)


@CASES
def no_server(host):
    for name in ("aliases", "domains", "users"):
        host.edit(f"etc/{name}.cf", f"127.0.0.1:{Host.server.port}", "127.0.0.1:1")
    host.says(r"^@/etc/aliases.cf:0: error: the database mailserver does not answer: 127.0.0.1 port 1: Connection refused "
              r"\(also named by domains.cf, users.cf\)", 2)
    # No answer at all: a listener whose queue is full.
    with stack.socket.socket() as deaf, stack.socket.socket() as first, stack.socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        host.edit("etc/users.cf", "127.0.0.1:1", f"127.0.0.1:{deaf.getsockname()[1]}")
        host.says(r"^@/etc/users.cf:0: error: the database mailserver does not answer: .*(no answer within|timed out|says nothing)", 2, "-t", "200")


@CASES
def forms(host):
    Host.server.load("update mailserver.virtual_domains set name='rockyllinux.test' where id=1")
    answer = host.run("--json")
    found = json.loads(answer.stdout)
    one = next(f for f in found if f["rule"] == "users-without-domain")
    check(one["severity"] == "error" and one["file"] == f"{host.dir}/etc/users.cf" and one["line"] == 0, str(one))
    check(set(one) == {"file", "line", "severity", "rule", "wrong", "effect", "remedy"}, str(one))
    check(host.run("-r", "inbox-namespace").returncode == 0, "a rule without findings")
    check(host.run("-r", "nonsense").returncode == 2, "an unknown rule")
    check(host.run("--nonsense").returncode == 2, "an unknown option")
    listed = subprocess.run([host.command, "check", "--list"], capture_output=True, text=True, check=True).stdout
    check(len(listed.splitlines()) >= 30 and "users-without-domain" in listed, listed)
    for arguments, status in (([], 2), (["nonsense"], 2), (["--version"], 0), (["help"], 0)):
        answer = subprocess.run([host.command, *arguments], capture_output=True, text=True, check=False)
        check(answer.returncode == status, f"dovetail {arguments}: {answer.returncode} {answer.stderr}")
    missing = subprocess.run([host.command, "check", "-c", "/nonexistent"], capture_output=True, text=True, check=False)
    match(missing.stdout, r"^/nonexistent/main.cf:0: error: ")


@CASES
def ordinary_user(host):
    """What he may not read is said, not passed over."""
    if not host.root:
        return
    shutil.copytree(Path(host.command).parents[1], host.dir / "usr", symlinks=True)
    host.command = str(host.dir / "usr/sbin/dovetail")
    answer = subprocess.run(["setpriv", "--reuid", "nobody", "--regid", "65534", "--clear-groups", *host.arguments()], capture_output=True, text=True,
                            timeout=60, check=False)
    for name in ("key.pem", "etc/users.cf", "etc/dovecot-sql.conf.ext"):
        match(answer.stdout, rf"note: .*{name}.*Permission denied")
    check("error: " not in answer.stdout, answer.stdout)


@CASES
def disks(host):
    if not host.root:
        return
    script = 'mount -t tmpfs -o size=1m none "$1" && shift && exec "$@"'
    answer = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(host.dir / "spool"), *host.arguments("-r", "queue-directory")],
                            capture_output=True, text=True, check=False)
    if "mount:" in answer.stderr or "unshare:" in answer.stderr:
        return  # a container without that right
    match(answer.stdout, r"main.cf:2: error: .*/spool has \d+ bytes free, fewer than")
    script = 'mount -t tmpfs -o ro none "$1" && shift && exec "$@"'
    answer = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", str(host.dir / "spool"), *host.arguments("-r", "queue-directory")],
                            capture_output=True, text=True, check=False)
    match(answer.stdout, r"main.cf:2: error: .*/spool is on a read-only file system")


if __name__ == "__main__":
    try:
        CASES.run(Host, __doc__, "dovetail-check-")
    finally:
        if Host.server:
            Host.server.stop()
            shutil.rmtree(Host.server.dir, ignore_errors=True)

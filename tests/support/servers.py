"""Database servers from packages in directories of their own, on Unix sockets and free ports: PostgreSQL, OpenLDAP, memcached
(MariaDB: stack.py). Each has start(), stop(), kill(), pause() and resume(); as root they run as an ordinary user.
SPDX-License-Identifier: Apache-2.0
"""
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess

from . import stack


def as_user(*names):
    """First words of a command that runs it as the first of these users; none for an ordinary user."""
    if os.geteuid() != 0:
        return []
    for name in names + ("nobody",):
        try:
            user = pwd.getpwnam(name)
            return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        except KeyError:
            pass
    return stack.missing("no user for a server")


class Server:
    """What all have in common: a daemon that is started, ended, killed, or stopped from answering."""
    daemon = None

    def stop(self):
        if self.daemon:
            self.resume()
            self.daemon.stop()
        self.daemon = None

    def kill(self):
        """As a crash: the whole group at once."""
        if self.daemon:
            os.killpg(self.daemon.process.pid, signal.SIGKILL)
            self.daemon.process.wait()
        self.daemon = None

    def pause(self):
        os.killpg(self.daemon.process.pid, signal.SIGSTOP)

    def resume(self):
        if self.daemon.running():
            os.killpg(self.daemon.process.pid, signal.SIGCONT)


class MariaDb(Server, stack.MariaDb):
    def stop(self):
        Server.stop(self)


class PostgreSql(Server):
    """Database "mailserver" of user "mailuser", password "secret", asked for over TCP; on the socket everybody is trusted."""
    NAMES = ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/bin"]

    @classmethod
    def programs(cls):
        for pattern in cls.NAMES:
            for folder in sorted(glob.glob(pattern), reverse=True):
                if all(os.access(f"{folder}/{name}", os.X_OK) for name in ("initdb", "postgres")):
                    return folder
        return None

    @classmethod
    def is_installed(cls):
        return cls.programs() is not None and shutil.which("psql") is not None

    def __init__(self, directory):
        self.dir, self.port, self.user = str(directory), stack.free_port(), as_user("postgres")
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o777)
        self.bin = self.programs()
        self.env = dict(os.environ, LC_ALL="C", PGHOST=self.dir, PGPORT=str(self.port), PGUSER="admin")
        for name in ("PGDATABASE", "PGPASSWORD"):
            self.env.pop(name, None)
        subprocess.run([*self.user, f"{self.bin}/initdb", "-D", f"{self.dir}/d", "-U", "admin", "--auth-local=trust",
                        "--auth-host=scram-sha-256", "-E", "UTF8", "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd=self.dir, env=self.env)

    def start(self, *options):
        self.daemon = stack.Daemon([*self.user, f"{self.bin}/postgres", "-D", f"{self.dir}/d", "-k", self.dir, "-p", str(self.port),
                                    "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", *options], f"{self.dir}/log", env=self.env)
        stack.wait_until(lambda: "postgres: " + self.daemon.lines()[-2000:], self.answers, 60)

    def answers(self):
        return subprocess.run(["psql", "-d", "postgres", "-c", "select 1"], env=self.env, capture_output=True, check=False).returncode == 0

    def load(self, text, database="postgres"):
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", database], env=self.env, input=text.encode(), check=True, stdout=subprocess.DEVNULL)


class OpenLdap(Server):
    """dc=example,dc=test with an administrator (cn=admin, password "secret") on a socket and a port."""
    PATH = os.environ["PATH"] + ":/usr/sbin:/usr/libexec"
    SCHEMA = ["/etc/ldap/schema", "/etc/openldap/schema"]
    CONF = """include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/inetorgperson.schema
attributetype ( 1.3.6.1.4.1.99999.1.1 NAME 'mailacceptinggeneralid' EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
attributetype ( 1.3.6.1.4.1.99999.1.2 NAME 'maildrop' EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
attributetype ( 1.3.6.1.4.1.99999.1.3 NAME 'memberdn' SUP distinguishedName )
attributetype ( 1.3.6.1.4.1.99999.1.4 NAME 'memberurl' EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.99999.2.1 NAME 'mailThing' SUP top AUXILIARY MAY ( mailacceptinggeneralid $ maildrop $ memberdn $ memberurl $ mail ) )
pidfile {dir}/pid
argsfile {dir}/args
modulepath {modules}
moduleload back_mdb
{tls}
database mdb
maxsize 16777216
dbnosync
directory {dir}/d
suffix "dc=example,dc=test"
rootdn "cn=admin,dc=example,dc=test"
rootpw secret
"""

    @classmethod
    def is_installed(cls):
        return all(shutil.which(name, path=cls.PATH) for name in ("slapd", "slapadd"))

    def __init__(self, directory, ldif, certificate=None):
        self.dir, self.port = str(directory), stack.free_port()
        self.socket = f"{self.dir}/s"
        self.url = f"ldapi://{self.socket.replace('/', '%2F')}"
        self.user = as_user("openldap", "ldap")
        os.makedirs(f"{self.dir}/d", exist_ok=True)
        schema = next((path for path in self.SCHEMA if os.path.exists(f"{path}/core.schema")), None) or stack.missing("no LDAP schema")
        modules = next((path for path in ("/usr/lib/ldap", "/usr/lib64/openldap") if os.path.isdir(path)), "/usr/lib/ldap")
        tls = f"TLSCertificateFile {certificate[0]}\nTLSCertificateKeyFile {certificate[1]}" if certificate else ""
        with open(f"{self.dir}/slapd.conf", "w", encoding="utf-8") as file:
            file.write(self.CONF.format(schema=schema, modules=modules, dir=self.dir, tls=tls))
        for path in (self.dir, f"{self.dir}/d"):
            os.chmod(path, 0o777)
        subprocess.run([*self.user, shutil.which("slapadd", path=self.PATH), "-q", "-f", f"{self.dir}/slapd.conf"], input=ldif.encode(), check=True)

    def start(self):
        self.daemon = stack.Daemon([*self.user, shutil.which("slapd", path=self.PATH), "-d", "0", "-f", f"{self.dir}/slapd.conf", "-h",
                                    f"ldap://127.0.0.1:{self.port}/ {self.url}"], f"{self.dir}/log")
        stack.wait_until(lambda: "slapd: " + self.daemon.lines()[-2000:], lambda: stack.greets(self.port), 30)


class Memcached(Server):
    @classmethod
    def is_installed(cls):
        return shutil.which("memcached") is not None

    def __init__(self, directory):
        self.dir, self.port = str(directory), stack.free_port()
        os.makedirs(self.dir, exist_ok=True)

    def start(self):
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.daemon = stack.Daemon(["memcached", "-l", "127.0.0.1", "-p", str(self.port), "-U", "0", *user], f"{self.dir}/log")
        stack.wait_until(lambda: "memcached: " + self.daemon.lines()[-2000:], lambda: stack.greets(self.port), 30)

    def ask(self, command):
        """One command and its answer."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as s:
            s.sendall(command.encode() + b"\r\n")
            return s.recv(65536).decode()

"""Lookup tables by postmap: a hash: table is made and asked, a private MariaDB is asked through a mysql: table.
SPDX-License-Identifier: Apache-2.0
"""
import os
import shutil
import sys
import tempfile

from client import timed_command

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from mysql_lookup import Server  # noqa: E402  pylint: disable=wrong-import-position

DATABASE_ROWS = 10000
MYSQL_CF = """user = bench
password = bench
hosts = unix:{socket}
dbname = bench
query = SELECT mailbox FROM mailboxes WHERE address = '%s'
"""


def start_database(options):
    """The address of one MariaDB server for the whole run, with its table; None where it is not installed."""
    if options.database is not None:
        return options.database.socket
    program = shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin:/usr/libexec")
    if not program or not shutil.which("mariadb-install-db"):
        return None
    directory = tempfile.mkdtemp(prefix="dovetail-bench-sql-")
    options.cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
    server = Server(directory, program)
    options.cleanup.callback(server.kill)
    server.start()
    rows = ",".join(f"('user{number}@bench.test','box{number}')" for number in range(DATABASE_ROWS))
    server.load("create database bench; use bench; create table mailboxes(address varchar(100) primary key, mailbox varchar(100));"
                f"insert into mailboxes values {rows};"
                "create user bench@localhost identified by 'bench'; grant select on bench.* to bench@localhost;")
    options.database = server
    return server.socket


def questions(keys, rows):
    """So many keys that a table of so many rows knows, in no order."""
    return "".join(f"user{number * 7919 % rows}@bench.test\n" for number in range(keys)).encode()


def ask(stack, table, keys, rows, title):
    """Lookups per second of `postmap -q -`, and CPU per lookup."""
    command = [f"{stack.layout['commands']}/postmap", "-c", f"{stack.base}/etc", "-q", "-", table]
    seconds, cpu, answer = timed_command(command, questions(keys, rows))
    if answer.count(b"\n") != keys:
        raise RuntimeError(f"{stack.name}: {answer.count(10)} answers to {keys} questions")
    return {f"postmap -q - {title}, lookups/s": keys / seconds,
            f"postmap -q - {title}, CPU us per lookup": 1e6 * cpu / keys}


def measure_hash(stack, options):
    """Making a hash: table of a million rows, and asking it."""
    table, rows = f"{stack.base}/etc/table", 20000 if options.quick else 1000000
    with open(table, "w", encoding="ascii") as out:
        out.writelines(f"user{number}@bench.test box{number}\n" for number in range(rows))
    seconds, cpu, _ = timed_command([f"{stack.layout['commands']}/postmap", "-c", f"{stack.base}/etc", f"hash:{table}"])
    figures = {"postmap making hash, rows/s": rows / seconds, "postmap making hash, CPU us per row": 1e6 * cpu / rows}
    return figures | ask(stack, f"hash:{table}", rows // 2, rows, "hash")


def measure_mysql(stack, options):
    """Asking a mysql: table for 10000 keys, one primary key each."""
    address = start_database(options)
    if address is None:
        raise RuntimeError("mysql: MariaDB is not installed")
    table = f"{stack.base}/etc/mysql.cf"
    with open(table, "w", encoding="ascii") as out:
        out.write(MYSQL_CF.format(socket=address))
    return ask(stack, f"mysql:{table}", 2000 if options.quick else 10000, DATABASE_ROWS, "mysql")

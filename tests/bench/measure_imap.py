"""IMAP clients: how fast they log in, and what one that waits costs in memory.
SPDX-License-Identifier: Apache-2.0
"""
import time

from client import connect, in_threads, trusting_context
from stack import PASSWORD

OPENERS = 4  # threads that open connections
# What one idle connection may need at most, both processes of it, in KiB: decides how many this machine can hold.
LARGEST_CONNECTION = {"plain": 700, "TLS": 2000}


def measure_login(stack, options):
    """IMAP sessions per second that log in and out, and CPU per login; ten at a time, without TLS, {PLAIN} passwords."""
    each = 10 if options.quick else 100

    def session(number):
        for turn in range(each):
            client = connect(stack.imap)
            client.imap(b"", b"* OK")
            client.imap(b"a LOGIN u%d %s\r\n" % (number * 10 + turn % 10, PASSWORD.encode()), b"a OK")
            client.imap(b"b LOGOUT\r\n", b"b OK")
            client.sock.close()

    stack.start(with_postfix=False)
    cpu, begin = stack.cpu(), time.monotonic()
    in_threads(10, session)
    seconds = time.monotonic() - begin
    time.sleep(1)  # processes that end
    return {"IMAP logins/s": 10 * each / seconds, "IMAP, CPU ms per login": 1000 * (stack.cpu() - cpu) / (10 * each)}


def affordable(wanted, kind):
    """As many connections of the wanted ones as the free memory holds; says so when it is fewer."""
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        free = next(int(line.split()[1]) for line in meminfo if line.startswith("MemAvailable:"))
    count = max(10, min(wanted, (free - (1 << 20)) // LARGEST_CONNECTION[kind]))  # a GiB stays for everybody else
    if count < wanted:
        print(f"note: {free >> 10} MiB of free memory hold {count} of {wanted} idle connections ({kind})", flush=True)
    return count


def idle_connections(stack, options, kind):
    """KiB per connection that has logged in, and that has also selected INBOX and said IDLE; a user each."""
    count = affordable(options.connections, kind)
    port, context = (stack.imaps, trusting_context()) if kind == "TLS" else (stack.imap, None)
    clients = {}

    def log_in(number):
        client = connect(port, context)
        clients[number] = client
        client.imap(b"", b"* OK")
        client.imap(b"a LOGIN u%d %s\r\n" % (number, PASSWORD.encode()), b"a OK")

    def go_idle(number):
        clients[number].imap(b"b SELECT INBOX\r\n", b"b OK")
        clients[number].imap(b"c IDLE\r\n", b"+ ")

    def all_of_them(step):
        in_threads(OPENERS, lambda thread: [step(number) for number in range(thread, count, OPENERS)])
        time.sleep(options.settle)
        return (stack.memory() - before) / count

    try:
        stack.start(with_postfix=False)
        log_in(count)  # the first one starts what all of them share
        go_idle(count)
        time.sleep(1)
        before = stack.memory()
        return {f"IMAP connection after login, {kind}, KiB": all_of_them(log_in),
                f"idle IMAP connection, {kind}, KiB": all_of_them(go_idle)}
    finally:
        for client in clients.values():
            client.sock.close()
        stack.stop()


def measure_memory(stack, options):
    """Memory per waiting IMAP connection, plain and with TLS: the growth of all processes' proportional set sizes."""
    return idle_connections(stack, options, "plain") | idle_connections(stack, options, "TLS")

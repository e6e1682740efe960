"""What the measurements share on the client's side: connections that speak in lines, many of them at once, the CPU of a command.
Leaves what is said and counted to the measure_*.py files.  SPDX-License-Identifier: Apache-2.0
"""
import resource
import socket
import ssl
import subprocess
import threading
import time

MESSAGE = b"".join([b"From: <sender@bench.test>\r\nTo: <u@bench.test>\r\nSubject: bench\r\n\r\n",
                    (b"x" * 70 + b"\r\n") * 56])  # about 4 KiB


class Lines:
    """A connection that speaks in lines."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def line(self):
        """The next line."""
        while b"\n" not in self.buffer:
            more = self.sock.recv(65536)
            if not more:
                raise RuntimeError("the server closed the connection")
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def smtp(self, request, code):
        """Sends, reads one SMTP or LMTP reply, insists on its code."""
        if request:
            self.sock.sendall(request)
        line = self.line()
        while line[3:4] == b"-":
            line = self.line()
        if not line.startswith(code):
            raise RuntimeError(f"{request[:60]!r}: {line!r}")

    def imap(self, request, end):
        """Sends, reads lines until one starts with `end` (a tag and OK, or a continuation)."""
        if request:
            self.sock.sendall(request)
        tag = end.split(b" ")[0] + b" "
        while True:
            line = self.line()
            if line.startswith(end):
                return
            if line.startswith(tag) and tag != b"* ":
                raise RuntimeError(f"{request[:60]!r}: {line!r}")


def connect(port, context=None):
    """A connection to a port of this machine, with TLS if a context is given."""
    sock = socket.create_connection(("127.0.0.1", port), 60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Lines(context.wrap_socket(sock) if context else sock)


def connect_unix(path):
    """A connection to a Unix socket."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(60)
    sock.connect(path)
    return Lines(sock)


def trusting_context():
    """TLS that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def in_threads(count, work):
    """Runs work(number) in `count` threads and raises the first failure."""
    failures = []

    def guarded(number):
        try:
            work(number)
        except Exception as failure:  # pylint: disable=broad-except
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def timed_command(command, text=b""):
    """Runs a command over text; (seconds, CPU seconds, what it wrote). A failure raises with its last words."""
    usage, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr[-300:]!r}")
    return seconds, after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime, done.stdout

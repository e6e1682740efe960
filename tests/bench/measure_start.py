"""How long the administrator waits: from `postfix start` and `dovecot` to the first banner a client reads.
SPDX-License-Identifier: Apache-2.0
"""
import subprocess
import time

from client import connect


def first_banner(command, port, start, log):
    """Milliseconds from the command to the banner."""
    begin = time.monotonic()
    with open(log, "ab") as output, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                                     env=start) as parent:
        while True:
            try:
                client = connect(port)
                banner = client.line()
                milliseconds = 1000 * (time.monotonic() - begin)
                client.sock.close()
                break
            except (OSError, RuntimeError):
                if time.monotonic() - begin > 30:
                    raise RuntimeError(f"{' '.join(command)}: no banner") from None
                time.sleep(0.001)
        if parent.wait(30) != 0 or not banner.startswith((b"220", b"* OK")):
            raise RuntimeError(f"{' '.join(command)}: exit {parent.returncode}, banner {banner!r}")
    return milliseconds


def measure_start(stack, _options):
    """Both parents one after the other, as an administrator starts them."""
    log, environment = f"{stack.base}/log/output", stack.environment()
    dovecot = first_banner([stack.layout["dovecot"], "-c", f"{stack.base}/etc/dovecot.conf"], stack.imap, environment, log)
    stack.find_roots()
    postfix = first_banner([f"{stack.layout['commands']}/postfix", "-c", f"{stack.base}/etc", "start"], stack.smtp, environment, log)
    stack.find_roots()
    return {"dovecot to the first IMAP banner, ms": dovecot, "postfix start to the first SMTP banner, ms": postfix}

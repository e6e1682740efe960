"""postconf -n and doveconf -n over the configurations of tests/data/configurations: what scripts run again and again.
SPDX-License-Identifier: Apache-2.0
"""
import os
import sys

from client import timed_command

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "differential"))
from run_configurations import CONFIGURATIONS, Copy  # noqa: E402  pylint: disable=wrong-import-position

ROUNDS = 10


def measure_commands(stack, options):
    """Milliseconds per call, all configurations in turn."""
    doveconf = os.path.join(os.path.dirname(os.path.dirname(stack.layout["dovecot"])), "bin", "doveconf")
    commands = {"postconf -n": (f"{stack.layout['commands']}/postconf", "postfix"),
                "doveconf -n": (doveconf, "dovecot/dovecot.conf")}
    names = sorted(name for name in os.listdir(CONFIGURATIONS) if os.path.isdir(os.path.join(CONFIGURATIONS, name, "postfix")))
    copies = [Copy(name) for name in names]
    figures = {}
    try:
        for title, (program, path) in commands.items():
            rounds = 1 if options.quick else ROUNDS
            times = [timed_command([program, "-c", os.path.join(copy.dir, path), "-n"])[:2] for copy in copies * rounds]
            figures[f"{title}, ms"] = 1000 * sum(seconds for seconds, _ in times) / len(times)
            figures[f"{title}, CPU ms"] = 1000 * sum(cpu for _, cpu in times) / len(times)
    finally:
        for copy in copies:
            copy.remove()
    return figures

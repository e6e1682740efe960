#!/usr/bin/env python3
"""Makes dialogue files from recorded sessions of the incumbent (smtp-dialogs.txt, captured.log, live-master.cf).

    from_recording.py REFERENCE_LOGS OUTDIR

Each scenario that needs nothing but the SMTP server becomes one file: the service's -o as settings, the replies to the
byte (queue ids apart), and the smtpd lines of its log. What needs a Milter, a proxy, another daemon or time is left out.
SPDX-License-Identifier: Apache-2.0
"""
import re
import sys
from pathlib import Path

LEFT_OUT = re.compile(r"haproxy|milter|proxy filter|unverified|timeout|rate|connection count|starttls|TLS|smtps|"
                      r"header_checks|body_checks|too many hops|message too big|policy service|"
                      r"ns_access|^lost |connection cache|fixture|double bounce|SASL client|sleep|long line")
QID = re.compile(r"\b([0-9A-F]{10,12}|4jW[0-9A-Za-z]{12,13})\b")


def services(master_cf):
    """port -> {name: value} from master.cf"""
    found, port = {}, None
    for line in master_cf.read_text().splitlines():
        if not line.startswith(" "):
            port = line.split()[0].split(":")[-1]
            found[port] = {}
            continue
        for option in re.findall(r"-o (\{ .* \}|\S+)", line):
            text = option[2:-2] if option.startswith("{ ") else option
            name, value = text.split("=", 1)
            found[port][name.strip()] = value.strip()
    return found


def log_blocks(captured):
    blocks, name = {}, None
    for line in captured.read_text(errors="replace").splitlines():
        if line.startswith("## "):
            name = line[3:]
            blocks.setdefault(name, [])
        elif name and "postfix/smtpd[" in line:
            blocks[name].append(line.split("]: ", 1)[1])
    return blocks


def steps(body):
    lines, out, i = body.splitlines(), [], 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if line.startswith('C: b"'):
            out.append(">> " + line[5:-1])
        elif line.startswith("C: "):
            out.append("> " + line[3:])
            message = lines[i:]
            while message and not re.match(r"[CS]: |<EOF>|! ", message[0]) and "." in message:
                out.append(">" if message[0] == "" else "> " + message[0])
                message = message[1:]
            i = len(lines) - len(message)
        elif line.startswith("S: "):
            text = line[3:]
            out.append("<~ " + QID.sub("*", text) if QID.search(text) else "<= " + text)
        elif line == "<EOF>":
            out.append("<eof")
    return out


def expected_log(block):
    for line in dict.fromkeys(block):
        if not re.match(r"improper|lost connection|error: open", line):
            yield "!  " + QID.sub("*", line)


def main():
    logs, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    options, blocks = services(logs / "live-master.cf"), log_blocks(logs / "captured.log")
    seen = set()
    for part in re.split(r"\n(?=== )", (logs / "smtp-dialogs.txt").read_text()):
        head = re.match(r"== (.*) \(port (\d+)\)\n", part)
        if not head or LEFT_OUT.search(head[1]) or "lines of the message left out" in part:
            continue
        name, port = head[1], head[2]
        script = steps(part[head.end():])
        if port in ("587", "465") or not script:
            continue
        shape = port + re.sub(r"RCPT TO:<[^>]*>|m1@|> To: .*", "", "\n".join(script))
        if shape in seen:
            continue
        seen.add(shape)
        file = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()
        raw = any(s.startswith(">>") for s in script)
        quits = script[-1] == "<= 221 2.0.0 Bye"
        with open(out / f"{file}.dlg", "w") as f:
            peer = re.search(r"connect from \S+\[(.*?)\]", "\n".join(blocks.get(name, [])))
            f.write(f"# recorded: {name}\nset peer = {peer[1] if peer else '127.0.0.1'}\n")
            if raw or not quits:
                f.write("set modes = whole\n")
            for key, value in options.get(port, {}).items():
                f.write(f"set {key} = {value}\n")
            f.write("\n".join(script) + "\n")
            if quits:
                for line in expected_log(blocks.get(name, [])):
                    f.write(line + "\n")


main()

#!/usr/bin/env python3
"""Each file says at its top what it is for, and under which licence it stands:

  * sources: a comment first, with the SPDX line at its end; a .cc whose header is beside it, and a test, may have that line alone
  * programs and scripts of the tree: the SPDX line among the first comments, with words around it
  * manual pages: the SPDX line first
"""
# SPDX-License-Identifier: Apache-2.0
import re
import subprocess

from rooms import finish, root, sources

SPDX = "SPDX-License-Identifier: Apache-2.0"
SCRIPTS = (".ci", "packaging", "tests")


def head_comment(text):
    """The lines of // at the very top, without their slashes."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        lines.append(line[2:].strip())
    return lines


def check_source(path, name):
    lines = head_comment(path.read_text())
    if not any(SPDX in line for line in lines):
        return f"{name}: no head comment with {SPDX}"
    says = " ".join(lines).replace(SPDX, "").strip()
    beside = path.with_suffix(".h").is_file() or name.endswith("_test.cc")
    if len(says) < 20 and not (path.suffix == ".cc" and beside):
        return f"{name}: the head comment does not say what the file is for"
    return None


def check_script(path, name):
    head = "\n".join(path.read_text(errors="replace").splitlines()[:40])
    if SPDX not in head:
        return f"{name}: no {SPDX} among its first lines"
    if not re.search(r'(?m)^(?:#(?!!) ?|""")\S.{15,}', head.replace(SPDX, "")):
        return f"{name}: no words at the top about what it is for"
    return None


def is_script(path):
    with path.open("rb") as file:
        return path.suffix == ".py" or file.read(2) == b"#!"


def files():
    listed = subprocess.run(["git", "-C", str(root()), "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode == 0:
        return [root() / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in root().rglob("*") if "build" not in path.parts[len(root().parts)]]


problems = [check_source(path, name) for path, name in sources(".h", ".cc", also=("tests",))]
for path in files():
    name = path.relative_to(root()).as_posix()
    if not path.is_file() or path.is_symlink():
        continue
    if re.search(r"\.[1-8]$", name) and not path.read_text().startswith('.\\" ' + SPDX):
        problems.append(f'{name}: begins without .\\" {SPDX}')
    elif name.startswith(SCRIPTS) and is_script(path):
        problems.append(check_script(path, name))
finish([problem for problem in problems if problem])

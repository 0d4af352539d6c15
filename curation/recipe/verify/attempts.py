"""Telling what code attempts that the sandbox will not let it do, in words. It tells; it stops nothing: the kernel does that.

Python's audit events (PEP 578) cannot be taken back by Python code, but native code makes none.
"""

from __future__ import annotations

import os
import sys
from typing import Any

MOST = 20

#: The first part of an event's name, or all of it → what is attempted.
EVENTS: dict[str, str] = {
    "socket": "the network",
    "subprocess": "starting a process",
    "os.system": "starting a process",
    "os.fork": "starting a process",
    "os.forkpty": "starting a process",
    "os.exec": "starting a process",
    "os.posix_spawn": "starting a process",
    "os.spawn": "starting a process",
    "pty": "starting a process",
    "os.kill": "a signal to another process",
    "os.killpg": "a signal to another process",
    "ctypes.dlopen": "native code",
}
PATHS = {"open", "os.listdir", "os.scandir", "os.chdir", "os.mkdir", "os.rmdir", "os.remove", "os.rename", "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate", "os.utime"}  # fmt: skip
_AF_UNIX = 1


def watch(allowed: list[str]) -> list[str]:
    """Start watching this process. Returns the list that attempts are added to, each once. `allowed`: paths that are its own."""
    tried: list[str] = []
    roots = tuple(path.rstrip("/") for path in allowed)

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        words = _words(event, arguments, roots)
        if words and words not in tried and len(tried) < MOST:
            tried.append(words)

    sys.addaudithook(note)
    return tried


def _words(event: str, arguments: tuple[Any, ...], roots: tuple[str, ...]) -> str:
    if event in PATHS:
        return _outside(event, arguments, roots)
    what = EVENTS.get(event) or EVENTS.get(event.partition(".")[0])
    if not what or (event == "socket.__new__" and arguments[1] == _AF_UNIX):
        return ""
    return f"{what} ({event})"


def _outside(event: str, arguments: tuple[Any, ...], roots: tuple[str, ...]) -> str:
    for argument in arguments:
        if not isinstance(argument, str | bytes):
            continue
        try:
            path = os.path.realpath(os.fsdecode(argument))
        except (OSError, ValueError):
            continue
        if event == "open" and argument is not arguments[0]:
            break  # its mode
        if not any(path == root or path.startswith(root + "/") for root in roots):
            return f"the file {path[:200]} ({event})"
    return ""

"""What Linux offers against code that nobody trusts, by ctypes: Landlock, namespaces, mounts, capabilities.

Standard library only, and little of it: this is loaded for every run. Constants are those of <linux/*.h>. Each function
raises OSError with the kernel's reason.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

MACHINE = platform.machine()
#: pivot_root is numbered per architecture; the younger calls are numbered alike everywhere.
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT, _MOUNT_SETATTR = 444, 445, 446, 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000

NEW_USER, NEW_NAMESPACES = 0x10000000, 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000
PRIVATE, RECURSIVE, BIND, MOVE_AWAY = 1 << 18, 1 << 14, 1 << 12, 2
READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC, REMOUNT = 1, 2, 4, 8, 32

_READ, _READ_FOLDER = 1 << 2, 1 << 3
_WRITE = sum(1 << bit for bit in (1, 4, 5, 7, 8, 10, 12))  # no sockets, no device files
_OF_FILES = sum(1 << bit for bit in (0, 1, 2, 14, 15))
#: How many file rights each version of Landlock knows.
_RIGHTS_BY_VERSION = (0, 13, 14, 15, 15, 16)

libc = ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: object) -> int:
    """A system call by number."""
    return _checked(libc.syscall(number, *arguments), f"system call {number}")


def _checked(answer: int, what: str) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return answer


def prctl(option: int, value: int) -> None:
    _checked(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends. Forgotten when the user changes."""
    prctl(1, 9)


def no_new_privileges() -> None:
    prctl(38, 1)


def drop_capabilities() -> None:
    """Give up every capability, in this user namespace and for good."""
    header = struct.pack("=Ii", 0x20080522, 0)
    _checked(libc.capset(header, bytes(24)), "capset")


def unshare(flags: int) -> None:
    _checked(libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    words = [text.encode() or None for text in (source, target, kind)]
    answer = libc.mount(*words, ctypes.c_ulong(flags), data.encode() or None)
    _checked(answer, f"mounting {target}")


def unmount(path: str) -> None:
    """Take a mount away, if there is one."""
    libc.umount2(path.encode(), MOVE_AWAY)


def seal(path: str, flags: int) -> None:
    """Add flags (READ_ONLY, NO_SUID …) to a mount and all below it; never takes one away. Linux 5.12."""
    attributes = struct.pack("=QQQQ", flags, 0, 0, 0)
    call(
        _MOUNT_SETATTR, _AT_FDCWD, path.encode(), _AT_RECURSIVE, attributes, ctypes.c_size_t(len(attributes))
    )


def enter_root(folder: str) -> None:
    """Make `folder`, a mount, the root of this mount namespace; nothing of the old one stays reachable."""
    os.chdir(folder)
    call(_PIVOT_ROOT[MACHINE], b".", b".")
    _checked(libc.umount2(b".", MOVE_AWAY), "leaving the old root")
    os.chdir("/")


def landlock_version() -> int:
    """0 where the kernel has no Landlock or it is switched off."""
    return max(0, libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1))


def landlock(readable: list[str], writable: list[str], listed: list[str]) -> None:
    """Allow this process and its children to read below some paths, to write below others, to see the names below a third
    kind, and no other file. No executing anywhere. Where the kernel can, no TCP either, and no signals or abstract sockets to processes outside."""
    version = landlock_version()
    rights = (1 << _RIGHTS_BY_VERSION[min(version, len(_RIGHTS_BY_VERSION) - 1)]) - 1
    fields = [rights, *([3] if version >= 4 else []), *([3] if version >= 6 else [])]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    rules = call(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    write = _READ | _READ_FOLDER | _WRITE | 1 << 13 | 1 << 14
    for allowed, paths in ((_READ | _READ_FOLDER, readable), (write, writable), (_READ_FOLDER, listed)):
        for path in paths:
            _allow(rules, path, allowed & rights)
    call(_LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        rights &= _OF_FILES
    call(_LANDLOCK_ADD, rules, 1, struct.pack("=Qi", rights, beneath), 0)
    os.close(beneath)

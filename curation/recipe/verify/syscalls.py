"""Which system calls untrusted code may make: an allow list in the kernel (seccomp), installed for good.

A list of what is allowed, not of what is dangerous: a call that a kernel grows tomorrow is refused today. Refused means EPERM, so
that Python raises PermissionError and the code's own words say what it wanted. Nothing starts a process (fork, vfork, clone without CLONE_THREAD,
execve are missing), opens a socket, signals another process, mounts, traces, loads BPF, or changes its user.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from curation.recipe.verify import kernel

#: Name → number on x86_64 and on aarch64 (None: it has none). What is not here is refused.
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    # Files and folders
    "read": (0, 63),
    "write": (1, 64),
    "openat": (257, 56),
    "close": (3, 57),
    "newfstatat": (262, 79),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "preadv": (295, 69),
    "pwritev": (296, 70),
    "preadv2": (327, 286),
    "pwritev2": (328, 287),
    "open": (2, None),
    "openat2": (437, 437),
    "close_range": (436, 436),
    "stat": (4, None),
    "lstat": (6, None),
    "statx": (332, 291),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "getdents": (78, None),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    "chdir": (80, 49),
    "fchdir": (81, 50),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "umask": (95, 166),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "pipe": (22, None),
    "pipe2": (293, 59),
    "fcntl": (72, 25),
    "flock": (73, 32),
    "sendfile": (40, 71),
    "copy_file_range": (326, 285),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "fadvise64": (221, 223),
    "getxattr": (191, 8),
    "lgetxattr": (192, 9),
    "fgetxattr": (193, 10),
    "listxattr": (194, 11),
    "llistxattr": (195, 12),
    "flistxattr": (196, 13),
    # Memory
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "mincore": (27, 232),
    "msync": (26, 227),
    "membarrier": (324, 283),
    # Threads and own signals
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "rseq": (334, 293),
    "set_tid_address": (218, 96),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigsuspend": (130, 133),
    "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137),
    "sigaltstack": (131, 132),
    "pause": (34, None),
    "alarm": (37, None),
    "setitimer": (38, 103),
    "getitimer": (36, 102),
    "restart_syscall": (219, 128),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "getcpu": (309, 168),
    "wait4": (61, 260),
    "waitid": (247, 95),
    # Time
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    "timer_create": (222, 107),
    "timer_settime": (223, 110),
    "timer_gettime": (224, 108),
    "timer_delete": (226, 111),
    "timer_getoverrun": (225, 109),
    "timerfd_create": (283, 85),
    "timerfd_settime": (286, 86),
    "timerfd_gettime": (287, 87),
    # Asking who and where one is
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getgroups": (115, 158),
    "getpgrp": (111, None),
    "getpgid": (121, 155),
    "getsid": (124, 156),
    "getresuid": (118, 148),
    "getresgid": (120, 150),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "setrlimit": (160, 164),
    "getpriority": (140, 141),
    "getrandom": (318, 278),
    "capget": (125, 90),
    # Waiting for descriptors; pairs of connected sockets, which asyncio wants
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "epoll_create": (213, None),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, None),
    "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441),
    "eventfd": (284, None),
    "eventfd2": (290, 19),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "shutdown": (48, 210),
    "getsockopt": (55, 209),
    "setsockopt": (54, 208),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    # Looked at more closely by CONDITIONS
    "clone": (56, 220),
    "clone3": (435, 435),
    "socketpair": (53, 199),
    "kill": (62, 129),
    "tgkill": (234, 131),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "ioctl": (16, 29),
}

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_LOAD, _EQUALS, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_CLONE_THREAD, _AF_UNIX = 0x10000, 1
_RENAMING = (15, 16, 3, 0x53564D41)  # prctl: names of threads and mappings
_HARMLESS_IOCTL = (
    0x5401,
    0x5413,
    0x541B,
    0x5421,
    0x5450,
    0x5451,
)  # TCGETS, window size, FIONREAD, FIONBIO, FIO(N)CLEX


class NoFilter(Exception):
    """This machine cannot filter system calls, or we have no list for it."""


def supported() -> bool:
    return kernel.MACHINE in _ARCHITECTURES and struct.pack("=H", 1) == b"\x01\x00"


def install() -> None:
    """Bind this process (and threads that it starts) to the list. Needs `kernel.no_new_privileges` first."""
    if not supported():
        raise NoFilter(f"there is no list of system calls for {kernel.MACHINE}")
    code = program(os.getpid())
    buffer = ctypes.create_string_buffer(code, len(code))
    described = struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    if kernel.libc.prctl(22, 2, described) != 0:
        raise NoFilter(f"the kernel takes no filter ({os.strerror(ctypes.get_errno())})")


def program(own: int) -> bytes:
    """The filter as classic BPF, for the process whose number is `own`."""
    column, architecture = _ARCHITECTURES[kernel.MACHINE]
    parts = [_load(_ARCHITECTURE), _jump(_EQUALS, architecture, 1, 0), _return(_KILL), _load(_NUMBER)]
    conditions = _conditions(own)
    for name, numbers in NUMBERS.items():
        if (number := numbers[column]) is not None:
            body = conditions.get(name, _return(_ALLOW))
            parts += [_jump(_EQUALS, number, 0, len(body) // 8), body]
    return b"".join([*parts, _return(_ERRNO | errno.EPERM)])


def _conditions(own: int) -> dict[str, bytes]:
    return {
        "clone": _when(0, _ANY_BIT, (_CLONE_THREAD,)),
        "clone3": _return(
            _ERRNO | errno.ENOSYS
        ),  # its flags lie in memory, out of a filter's sight: libc falls back to clone
        "socketpair": _when(0, _EQUALS, (_AF_UNIX,)),
        "kill": _when(0, _EQUALS, (own,)),
        "tgkill": _when(0, _EQUALS, (own,)),
        "prlimit64": _when(0, _EQUALS, (0, own)),
        "prctl": _when(0, _EQUALS, _RENAMING),
        "ioctl": _when(1, _EQUALS, _HARMLESS_IOCTL),
    }


def _when(argument: int, test: int, values: tuple[int, ...]) -> bytes:
    """Allowed when the argument's lower half passes the test with one of the values, refused otherwise."""
    jumps = [_jump(test, value, len(values) - at, 0) for at, value in enumerate(values)]
    return b"".join(
        [_load(_ARGUMENTS + 8 * argument), *jumps, _return(_ERRNO | errno.EPERM), _return(_ALLOW)]
    )


def _load(offset: int) -> bytes:
    return struct.pack("=HBBI", _LOAD, 0, 0, offset)


def _jump(test: int, value: int, then: int, otherwise: int) -> bytes:
    return struct.pack("=HBBI", test, then, otherwise, value)


def _return(value: int) -> bytes:
    return struct.pack("=HBBI", _RETURN, 0, 0, value)

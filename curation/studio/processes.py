"""Processes: children that die with their parent, and telling a live process from a reused pid."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

import psutil

PR_SET_PDEATHSIG = 1  # linux/prctl.h

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def dying_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` that has the kernel send `how` to the child when its parent dies, however it dies (Linux).

    The signal comes when the *thread* that started the child ends, so start children from the main thread. It
    survives exec but not a change of user: subprocess changes the user first and calls this afterwards.
    """
    if _libc is None:
        return None
    parent = os.getpid()

    def tie() -> None:
        die_with_parent(how)
        # The parent may have died before the call; then nothing will be sent any more.
        if os.getppid() != parent:
            os._exit(1)

    return tie


def die_with_parent(how: signal.Signals) -> None:
    """Have the kernel send us `how` when our parent dies. Does nothing but on Linux."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(how), 0, 0, 0)


def process(pid: int) -> psutil.Process | None:
    """The live process with this pid, or None; a zombie is not alive."""
    try:
        found = psutil.Process(pid)
        return None if found.status() == psutil.STATUS_ZOMBIE else found
    except (psutil.Error, ValueError):
        return None


def end(pid: int, *, first: signal.Signals, patience: float) -> None:
    """Ask a process that is not our child to end, and kill it when it has not ended in `patience` seconds."""
    found = process(pid)
    if found is None:
        return
    for how, seconds in ((first, patience), (signal.SIGKILL, 10.0)):
        try:
            found.send_signal(how)
            found.wait(seconds)
            return
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            continue

"""Pandoc as a process with limits: no files, no network, bounded memory, time and output; it ends with its parent.

The program that the pinned package `pypandoc_binary` brings is run, never one that happens to be on the machine.
"""

from __future__ import annotations

import ctypes
import resource
import signal
import subprocess
import sys
import tempfile
from typing import Any

import orjson

from curation.recipe.ingest.found import Unreadable
from curation.recipe.ingest.limits import MIB

HEAP = 1024  # MiB, that pandoc may fill
CPU_SECONDS = 25
SECONDS = 60.0  # wall time, below what the pool gives a document
OUTPUT = 128 * MIB

PDEATHSIG = 1


class PandocFailed(Unreadable):
    """Pandoc could not read it, or took more than it may."""


def tree(
    content: bytes, reader: str, seconds: float = SECONDS, cpu_seconds: int = CPU_SECONDS
) -> dict[str, Any]:
    """The document as pandoc's abstract syntax tree (`meta`, `blocks`). Raises PandocFailed."""
    import pypandoc

    command = [
        pypandoc.get_pandoc_path(),
        "+RTS",
        f"-M{HEAP}m",
        "-RTS",
        "--sandbox",
        f"--from={reader}",
        "--to=json",
    ]
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as answer,
        tempfile.TemporaryFile() as complaint,
    ):
        given.write(content)
        given.seek(0)
        # One thread and nothing between fork and exec but system calls: preexec_fn is safe in the extraction child.
        process = subprocess.Popen(
            command,
            stdin=given,
            stdout=answer,
            stderr=complaint,
            env={"LC_ALL": "C.UTF-8", "HOME": "/nonexistent"},
            preexec_fn=lambda: _bounded(cpu_seconds),
        )
        try:
            status = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise PandocFailed("extraction_timeout", f"Pandoc took more than {seconds:g} seconds.") from None
        finally:
            process.kill()
            process.wait()
        if status:
            complaint.seek(0)
            raise _failed(status, complaint.read(4_000), cpu_seconds)
        answer.seek(0)
        return _parsed(answer.read())


def _bounded(cpu_seconds: int) -> None:
    """Limits of the new process, set before it becomes pandoc; the kernel kills it when its parent ends (Linux)."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT, OUTPUT))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL)


def _failed(status: int, complaint: bytes, cpu_seconds: int) -> PandocFailed:
    words = " ".join(complaint.decode("utf-8", "replace").split())[:300].rstrip(".")
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return PandocFailed(
            "extraction_timeout", f"Pandoc took more than {cpu_seconds} seconds of processor time."
        )
    if status in (HEAP_EXHAUSTED, -signal.SIGABRT):
        return PandocFailed("too_large", f"Pandoc needed more than {HEAP} MB of memory for it.")
    if status == -signal.SIGXFSZ or "file too large" in words.lower():
        return PandocFailed("too_large", f"What pandoc makes of it is larger than {OUTPUT // MIB} MB.")
    return PandocFailed("extraction_failed", f"Pandoc cannot read it: {words or f'status {status}'}.")


HEAP_EXHAUSTED = 251


def _parsed(answer: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        # Its own limit on nesting: what pandoc writes is well-formed.
        raise PandocFailed("unsafe", "Its parts stand absurdly deep in each other.") from error
    assert isinstance(found, dict)
    return found

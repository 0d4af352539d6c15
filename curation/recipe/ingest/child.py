"""The child process of `pool.Pool`: reads documents from its standard input and writes their text to its output.

Started as `python -m curation.recipe.ingest.child MEMORY_BYTES CPU_SECONDS`. A message is two lengths (header and
body, four bytes each, big-endian), a JSON header and a body. It ends when its input ends.
"""

from __future__ import annotations

import ctypes
import logging
import math
import os
import resource
import signal
import struct
import sys
from dataclasses import asdict
from typing import BinaryIO

import orjson

from curation.recipe.ingest.extract import Extracted, extract
from curation.recipe.records import Dropped

LENGTHS = struct.Struct(">II")


def main(memory: int, cpu_seconds: int) -> None:
    _die_with_parent()
    logging.disable(logging.CRITICAL)  # what a library has to say about a page is in no log's interest
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not stand between the replies
    requests = sys.stdin.buffer
    import lxml.html
    import trafilatura  # loaded before the first document, whose time should not pay for it

    assert lxml.html and trafilatura
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _send(replies, {"ready": True}, b"")
    while (request := _receive(requests)) is not None:
        header, content = request
        _allow(cpu_seconds)
        _send(replies, *_answer(content, header))


def _die_with_parent() -> None:
    """Let the kernel end this process when its parent is killed while a document hangs here (Linux only)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _allow(cpu_seconds: int) -> None:
    """Let the next document take this much processor time; the kernel ends the process beyond it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(usage.ru_utime + usage.ru_stime) + cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _answer(content: bytes, header: dict[str, str]) -> tuple[dict[str, object], bytes]:
    try:
        result = extract(content, header["media_type"], header["address"])
    except MemoryError:
        os._exit(86)  # nothing is sure after this; the parent starts another child
    except Exception as error:
        words = " ".join(str(error).split())[:300]
        return {"failed": f"{type(error).__name__}: {words}"}, b""
    if isinstance(result, Dropped):
        return {"dropped": result.reason, "detail": result.detail}, b""
    assert isinstance(result, Extracted)
    fields = asdict(result)
    text = fields.pop("text").encode("utf-8", "replace")
    return {"extracted": fields}, text


def _receive(stream: BinaryIO) -> tuple[dict[str, str], bytes] | None:
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    header, body = LENGTHS.unpack(lengths)
    return orjson.loads(stream.read(header)), stream.read(body)


def _send(stream: BinaryIO, header: dict[str, object], body: bytes) -> None:
    packed = orjson.dumps(header)
    stream.write(LENGTHS.pack(len(packed), len(body)) + packed + body)
    stream.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

"""The child process of `prompts.Renderer`: renders templates that it reads from its standard input.

Started as `python -m curation.recipe.llm.prompt_child MEMORY_BYTES CPU_SECONDS`. A message is a length (four bytes, big-endian) and
JSON. It ends when its input ends.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import struct
import sys
from functools import lru_cache
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

LENGTH = struct.Struct(">I")
MIB = 2**20


class TooMuch(Exception):
    """The output is longer than it may be."""


def main(memory: int, cpu_seconds: int) -> None:
    if sys.platform == "linux":
        # The kernel ends this process when its parent is killed while a template runs here.
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _environment()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _send(replies, {"ready": True})
    while (request := _receive(sys.stdin.buffer)) is not None:
        _allow(cpu_seconds)
        _send(replies, answer(request))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The rendered templates, or why one cannot be, with its index and the line."""
    rendered: list[str] = []
    for one in request["templates"]:
        said = _answer(one, request["values"], request["characters"])
        if "failed" in said:
            return said | {"part": len(rendered)}
        rendered.append(said["rendered"])
    return {"rendered": rendered}


def _answer(template: str, values: dict[str, Any], most: int) -> dict[str, Any]:
    from jinja2 import TemplateError

    try:
        return {"rendered": _rendered(template, values, most)}
    except MemoryError:
        os._exit(86)  # nothing is sure after this; the parent starts another child
    except TooMuch:
        return {"failed": f"It comes to more than {most:,} characters."}
    except TemplateError as error:
        return _failed(error, error.message or type(error).__name__)
    except Exception as error:
        return _failed(error, f"{type(error).__name__}: {error}")


def _failed(error: Exception, said: str) -> dict[str, Any]:
    """The error in words with the template's line: of broken syntax its own, else that of the innermost step that stands in the template."""
    inside = [one.lineno for one in extract_tb(error.__traceback__) if one.filename == "<template>"]
    line = getattr(error, "lineno", None) or (inside[-1] if inside else None)
    return {"failed": f"{f'Line {line}: ' if line else ''}{said}"[:500], "line": line}


def _rendered(template: str, values: dict[str, Any], most: int) -> str:
    pieces: list[str] = []
    size = 0
    for piece in _compiled(template).generate(values):
        size += len(piece)
        if size > most:
            raise TooMuch
        pieces.append(piece)
    return "".join(pieces)


@lru_cache(maxsize=64)
def _compiled(template: str) -> Any:
    return _environment().from_string(template)


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.globals = {"range": safe_range}
    return environment


def _allow(cpu_seconds: int) -> None:
    """Let the next rendering take this much processor time; the kernel ends the process beyond it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(usage.ru_utime + usage.ru_stime) + cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _receive(stream: BinaryIO) -> dict[str, Any] | None:
    length = stream.read(LENGTH.size)
    if len(length) < LENGTH.size:
        return None
    request: dict[str, Any] = orjson.loads(stream.read(LENGTH.unpack(length)[0]))
    return request


def _send(stream: BinaryIO, said: dict[str, Any]) -> None:
    packed = orjson.dumps(said)
    stream.write(LENGTH.pack(len(packed)) + packed)
    stream.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

"""The process that holds the tests and asks the code, which runs in another, through calls of plain data.

So what the code returns cannot pretend to be equal to everything, and the expected values are nowhere in its memory. Where tests
and code have to share objects (classes, callbacks) that is not possible: `CannotTravel`, and both run together.
"""

from __future__ import annotations

import _thread
import ast
import builtins
import importlib
import os
from collections import deque
from collections.abc import Callable
from typing import Any

from curation.recipe.verify.trial import Finding, finding, trial
from curation.recipe.verify.values import CannotTravel, Gone, TestsNeedObjects, plain, receive, restored, send

#: What the code may say of itself; "passed" is never among it.
_ADMITTED = {"error", "out_of_memory", "forbidden", "too_much_output"}

#: Modules that tests may have through the code's imports. None holds a thing that claims to equal all others, as unittest.mock does.
LENT = {
    "bisect", "builtins", "cmath", "collections", "collections.abc", "copy", "datetime", "decimal", "fractions", "functools",
    "heapq", "itertools", "json", "math", "operator", "random", "re", "statistics", "string", "sys", "time", "typing",
}  # fmt: skip


class Bench:
    """The channel to the code. `trouble` stays once it is there, for tests may swallow exceptions."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self.incoming, self.outgoing = incoming, outgoing
        self.tried: list[str] = []
        self.trouble: Exception | None = None
        self.lock = _thread.allocate_lock()

    def opening(self) -> dict[str, Any]:
        """The first message: what the code defines, or what it raised."""
        message = self._receive()
        if "raised" in message:
            raise _raised(message["raised"])
        return message

    def call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        with self.lock:
            answer = self._asked(name, arguments, keywords)
        if "raised" in answer:
            raise _raised(answer["raised"])
        for mine, after in zip(arguments, answer["arguments"], strict=False):
            _take_over(mine, restored(after))
        return restored(answer["value"])

    def close(self) -> None:
        """Let the code's process end: it reads that there is no more."""
        os.close(self.incoming)
        os.close(self.outgoing)

    def _asked(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any]:
        if self.trouble is not None:
            raise self.trouble
        try:
            send(
                self.outgoing,
                {"name": name, "arguments": plain(list(arguments)), "keywords": plain(keywords)},
            )
        except (CannotTravel, RecursionError) as error:
            self.trouble = TestsNeedObjects(f"the tests give {name} {error}")
            raise self.trouble from error
        except Gone as gone:
            self.trouble = gone
            raise
        return self._receive()

    def _receive(self) -> dict[str, Any]:
        try:
            message = receive(self.incoming)
        except Gone as gone:
            self.trouble = gone
            raise
        self.tried[:] = [str(words)[:300] for words in message.get("tried", [])][:20]
        if "cannot" in message:
            self.trouble = CannotTravel(str(message["cannot"]))
            raise self.trouble
        return message


def judge(bench: Bench, tests: str) -> Finding:
    """Run the tests. Raises CannotTravel, or Gone where the code's process ended."""
    try:
        namespace = _namespace(bench, tests)
    except (CannotTravel, Gone):
        raise
    except BaseException as error:
        return finding(error, "", bench.tried)
    found = trial(tests, namespace, bench.tried)
    if bench.trouble is not None:
        raise bench.trouble
    return found


def heard(bench: Bench, token: str) -> Finding:
    """What code and tests that run together say. Believed with the token only: an end before the tests is none."""
    try:
        message = bench.opening()
    except (CannotTravel, Gone):
        raise
    except BaseException as error:
        return finding(error, "", bench.tried)
    if message.get("token") != token:
        return {"verdict": "error", "detail": "The code answered in place of its tests.", "test": ""}
    return dict(message["found"])


def _namespace(bench: Bench, tests: str) -> dict[str, Any]:
    names = bench.opening()["names"]
    wanted = _wanted(tests, names)
    return {"__name__": "tests", **{name: _stand_in(bench, name, names[name]) for name in wanted}}


def _wanted(tests: str, names: dict[str, Any]) -> list[str]:
    """The code's names that the tests use. Where they test any function of another name, abs and len are Python's and not
    the code's: what a test compares with is not the code's to define."""
    mentioned = {node.id for node in ast.walk(_parsed(tests)) if isinstance(node, ast.Name)}
    found = sorted(name for name in mentioned & names.keys() if not name.startswith("__"))
    own = [name for name in found if not hasattr(builtins, name)]
    return own if any("function" in names[name] for name in own) else found


def _parsed(tests: str) -> ast.Module:
    try:
        return ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])  # running them says what is wrong


def _stand_in(bench: Bench, name: str, kind: dict[str, Any]) -> Any:
    if "function" in kind:
        return _function(bench, name)
    if "value" in kind:
        return restored(kind["value"])
    module = str(kind.get("module", ""))
    if module not in LENT:
        raise TestsNeedObjects(f"the tests use {name}, which is no function of plain data")
    loaded = importlib.import_module(module)
    return getattr(loaded, kind["name"]) if "name" in kind else loaded


def _function(bench: Bench, name: str) -> Callable[..., Any]:
    def asked(*arguments: Any, **keywords: Any) -> Any:
        return bench.call(name, arguments, keywords)

    asked.__name__ = name
    return asked


def _raised(described: dict[str, Any]) -> BaseException:
    """The code's exception, as the builtin of that name where there is one."""
    verdict, name = described.get("verdict"), str(described.get("type"))[:100]
    facts = {
        "type": name,
        "message": str(described.get("message"))[:500],
        "verdict": verdict if verdict in _ADMITTED else "error",
        "line": int(described.get("line") or 0),
        "in_code": True,
    }
    kind = getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        kind = type(name, (Exception,), {})
    try:
        error = kind(facts["message"])
    except TypeError:
        error = Exception(facts["message"])
    error.raised_by_the_code = facts
    return error


def _take_over(mine: Any, after: Any) -> None:
    """Give one of the tests' own values the content that the call left in its copy."""
    if type(mine) is not type(after):
        return
    if isinstance(mine, list | bytearray):
        mine[:] = after
    elif isinstance(mine, dict | set):
        mine.clear()
        mine.update(after)
    elif isinstance(mine, deque):
        mine.clear()
        mine.extend(after)

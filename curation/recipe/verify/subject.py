"""The process that holds the code under test. It knows nothing of the tests but the calls that they make."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Iterator
from typing import Any

from curation.recipe.verify.trial import CODE, described, trial
from curation.recipe.verify.values import CannotTravel, Gone, plain, receive, restored, send

Channel = tuple[int, int]  # what it reads from, what it writes to
NAME = "solution"
_IMMUTABLE = (int, float, str, bytes, complex, tuple, frozenset, type(None))


def serve(channel: Channel, code: str, tried: list[str]) -> None:
    """Load the code, tell what it defines, and answer calls until the tests have no more."""
    loaded = load(code, NAME, tried)
    if isinstance(loaded, dict):
        send(channel[1], {"raised": loaded, "tried": tried})
        return
    send(
        channel[1],
        {"names": {name: _kind(value) for name, value in loaded.__dict__.copy().items()}, "tried": tried},
    )
    while True:
        try:
            call = receive(channel[0])
        except Gone:
            return
        answer = _answer(loaded.__dict__, call, tried)
        _flush()
        try:
            send(channel[1], {**answer, "tried": tried})
        except CannotTravel as large:
            send(channel[1], {"cannot": f"{call['name']} returned {large}", "tried": tried})


def together(channel: Channel, code: str, tests: str, token: str, tried: list[str]) -> None:
    """Run code and tests in one namespace. Code that looks for the token in this process's memory finds it."""
    loaded = load(code, NAME, tried)
    if isinstance(loaded, dict):
        send(channel[1], {"raised": loaded, "tried": tried})
        return
    found = trial(tests, loaded.__dict__, tried)
    _flush()
    send(channel[1], {"found": found, "tried": tried, "token": token})


def run(channel: Channel, code: str, token: str, tried: list[str]) -> None:
    """Run a whole program: passed when it comes to its end."""
    loaded = load(code, "__main__", tried)
    _flush()
    if isinstance(loaded, dict):
        send(channel[1], {"raised": loaded, "tried": tried})
        return
    found = {"verdict": "passed", "detail": "", "test": ""}
    send(channel[1], {"found": found, "tried": tried, "token": token})


def load(code: str, name: str, tried: list[str]) -> types.ModuleType | dict[str, Any]:
    """Run the source as a module. Returns what it raised, described, when it did."""
    module = types.ModuleType(name)
    sys.modules[name] = module  # dataclasses and typing look a class's module up
    try:
        exec(compile(code, CODE, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - this is the sandbox
    except BaseException as error:
        return described(error, tried)
    return module


def _kind(value: Any) -> dict[str, Any]:
    """What the tests may do with a name: call it, use its value, import the same, or (None of these) nothing apart."""
    if isinstance(value, types.ModuleType):
        return {"module": value.__name__}
    home, own = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if isinstance(home, str) and isinstance(own, str) and home.partition(".")[0] in sys.stdlib_module_names:
        return {"module": home, "name": own}
    if callable(value) and not isinstance(value, type):
        return {"function": True}
    try:
        return {"value": plain(value)} if isinstance(value, _IMMUTABLE) else {}
    except (CannotTravel, RecursionError):
        return {}


def _answer(names: dict[str, Any], call: dict[str, Any], tried: list[str]) -> dict[str, Any]:
    arguments, keywords = restored(call["arguments"]), restored(call["keywords"])
    try:
        value = names[call["name"]](*arguments, **keywords)
    except BaseException as error:
        return {"raised": described(error, tried)}
    try:
        answer = {"value": plain(value)}
        # A function may change what it was given; the tests look at their own.
        changed = [None if isinstance(one, Iterator) else plain(one) for one in arguments]
    except (CannotTravel, RecursionError) as error:
        return {"cannot": f"{call['name']} returned {error}"[:300]}
    except BaseException as error:  # of an iterator that the code returned
        return {"raised": described(error, tried)}
    return {**answer, "arguments": changed}


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # closed or replaced by the code: its own loss


def end() -> None:
    """End without what the code may have left to run at exit."""
    _flush()
    os._exit(0)

"""Running the source of tests in a namespace, and saying what came of it. Used inside the sandbox only.

Statements are run; then the functions called test… that need no argument, and the test… methods of unittest cases, as pytest would.
"""

from __future__ import annotations

import ast
import sys
from types import FunctionType, TracebackType
from typing import Any

TESTS, CODE = "<tests>", "<code>"
#: errno → verdict, where the number alone tells: EPERM is what the filter answers; file too large, disk full, quota.
_BY_NUMBER = {1: "forbidden", 27: "too_much_output", 28: "too_much_output", 122: "too_much_output"}
LONGEST = 500

Finding = dict[str, Any]


def trial(source: str, namespace: dict[str, Any], tried: list[str]) -> Finding:
    """`tried`: what the code has attempted that the sandbox does not allow. Returns verdict, detail and test."""
    try:
        exec(compile(source, TESTS, "exec", dont_inherit=True), namespace)  # noqa: S102 - this is the sandbox
        for function in _test_functions(source, namespace):
            function()
    except BaseException as error:
        return finding(error, source, tried)
    return {"verdict": "passed", "detail": "", "test": ""}


def _test_functions(source: str, namespace: dict[str, Any]) -> list[Any]:
    names = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    found: list[Any] = []
    for value in [namespace[name] for name in names if name in namespace]:
        if isinstance(value, FunctionType):
            if value.__name__.startswith("test") and not value.__code__.co_argcount:
                found.append(value)
        elif (
            "unittest" in sys.modules
            and isinstance(value, type)
            and issubclass(value, sys.modules["unittest"].TestCase)
        ):
            found += [value(method).debug for method in dir(value) if method.startswith("test")]
    return found


def finding(error: BaseException, source: str, tried: list[str]) -> Finding:
    """What an exception that left the tests says: of the code when it came from there, else of an assertion."""
    raised = getattr(error, "raised_by_the_code", None) or described(error, tried)
    verdict = raised["verdict"]
    if isinstance(error, AssertionError) and not raised["in_code"]:
        verdict = "failed"
    where = f" (line {raised['line']} of the code)" if raised["line"] else ""
    message = f": {raised['message']}" if raised["message"] else ""
    denied = f"Not allowed: {tried[-1]}. " if verdict == "forbidden" and tried else ""
    return {
        "verdict": verdict,
        "detail": f"{denied}{raised['type']}{message}{where}"[:LONGEST],
        "test": _statement(source, _last_line(error.__traceback__, TESTS))[:LONGEST],
    }


def described(error: BaseException, tried: list[str]) -> Finding:
    """An exception as plain data; it may be of the code's own making and lie about itself."""
    try:
        message = str(error)[:LONGEST]
    except BaseException:
        message = ""
    innermost = _frames(error.__traceback__)[-1:]
    return {
        "type": type(error).__name__[:100],
        "message": message,
        "verdict": _verdict(error, tried),
        "line": _last_line(error.__traceback__, CODE),
        "in_code": innermost != [] and innermost[0][0] == CODE,
    }


def _verdict(error: BaseException, tried: list[str]) -> str:
    if isinstance(error, MemoryError):
        return "out_of_memory"
    if isinstance(error, OSError):
        return _BY_NUMBER.get(error.errno or 0, "forbidden" if tried else "error")
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        tried.append("more threads than the limit")
        return "forbidden"
    return "error"


def _frames(trace: TracebackType | None) -> list[tuple[str, int]]:
    frames = []
    while trace is not None:
        frames.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return frames


def _last_line(trace: TracebackType | None, filename: str) -> int:
    """0 where nothing of that source was running."""
    return next((line for name, line in reversed(_frames(trace)) if name == filename), 0)


def _statement(source: str, line: int) -> str:
    """The innermost statement that stands on a line."""
    if not line:
        return ""
    best: ast.stmt | None = None
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            best = node if best is None or node.lineno >= best.lineno else best
    return (best and ast.get_source_segment(source, best)) or ""

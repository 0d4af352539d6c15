"""Whether two pieces of Python come to the same when called the same way: each runs behind the sandbox's fences, and what its calls return or raise is compared.

What is compared is told by the code itself: code that is made to lie about its results could. It measures fidelity; it is no test.
"""

from __future__ import annotations

import ast
import json
import re
import secrets
from collections.abc import Sequence

from curation.recipe.verify.sandbox import Limits, Program, run

#: Calls of which fewer say nothing.
LEAST_CALLS = 3
MOST_CALLS = 24
LONGEST = 2_000  # characters of one result that are compared
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")

_HARNESS = """

def _told_{mark}(call):
    try:
        return ["value", repr(call())[:{longest}]]
    except BaseException as raised:
        return ["raised", type(raised).__name__]

import json as _json_{mark}
print("\\n{mark}" + _json_{mark}.dumps([_told_{mark}(call) for call in [{calls}]]))
"""


def expressions(calls: Sequence[str]) -> list[str]:
    """Those of the calls that are Python expressions with a call in them, each once."""
    found: dict[str, None] = {}
    for one in calls:
        try:
            tree = ast.parse(one.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if any(isinstance(node, ast.Call) for node in ast.walk(tree)):
            found.setdefault(one.strip())
    return list(found)[:MOST_CALLS]


def outcomes(
    code: str, calls: Sequence[str], *, hidden: tuple[str, ...] = ()
) -> list[tuple[str, str]] | None:
    """What each call comes to: ("value", its repr) or ("raised", the error's type). None where it did not come to an end, or nothing may be run."""
    mark = f"m{secrets.token_hex(8)}"
    listed = ", ".join(f"lambda: ({one})" for one in calls)
    source = code + _HARNESS.format(mark=mark, longest=LONGEST, calls=listed)
    ended = run(Program(source), Limits(seconds=10), hidden=hidden)
    told = (
        ended.stdout.rpartition(f"\n{mark}")[2] if ended.verdict == "passed" and mark in ended.stdout else ""
    )
    try:
        found = json.loads(told)
    except ValueError:
        return None
    return [(str(how), _ADDRESS.sub("0x…", str(what))) for how, what in found]


def same_outcomes(one: str, other: str, calls: Sequence[str], *, hidden: tuple[str, ...] = ()) -> bool | None:
    """True when every call comes to the same in both. None where too few calls tell anything, or one of the two could not be run."""
    asked = expressions(calls)
    if len(asked) < LEAST_CALLS:
        return None
    first = outcomes(one, asked, hidden=hidden)
    if first is None or not any(how == "value" for how, _ in first):
        return None
    second = outcomes(other, asked, hidden=hidden)
    return None if second is None else first == second

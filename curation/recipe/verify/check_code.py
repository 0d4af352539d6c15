"""The check `code`: Python of the answer, run in the sandbox with the tests that the sample carries.

Tests are looked for in this order: `meta.tests` (text, or a list of statements), fenced blocks of the task that assert something, lines of
the task that begin with `assert`, and last the answer's own. Without any, code that runs to its end is uncertain: it ran, and nothing tested it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

from curation.recipe.chain import Chain, ChainVerdict
from curation.recipe.text.normalise import safe_text
from curation.recipe.verify import sandbox, turns
from curation.recipe.verify.sandbox import Outcome, Program
from curation.recipe.verify.verdicts import VERDICTS

JUDGE = "sandbox/1"
_PYTHON = {"python", "py", "python3", "py3"}
_ASSERTED = re.compile(r"^[ \t]*`?(assert\s.+?)`?[ \t]*$", re.M)
_LONGEST = 600  # characters of each piece of evidence
#: What says more of the machine than of the program.
_CANNOT_TELL = {"forbidden", "refused"}
_NOT_HERE = ("ModuleNotFoundError", "ImportError", "EOFError")

#: Whose tests they were → in words. The last is a weaker outcome, never a pass.
TESTS: dict[str, str] = {
    "carried": "the tests that the sample carries",
    "task": "the tests that the task gives",
    "own": "the answer's own assertions, in one process with it",
    "none": "no tests",
}


@dataclass(frozen=True, slots=True)
class _Found:
    """The answer's Python, with what was left out of it and why; or why there is none."""

    code: str = ""
    note: str = ""
    broken: str = ""
    nothing: str = ""


def check(chain: Chain, hidden: tuple[str, ...] = ()) -> ChainVerdict:
    """`hidden`: as for `sandbox.run`."""
    found = _code(turns.answer(chain))
    if found.nothing:
        return ChainVerdict("code", "uncertain", JUDGE, evidence=found.nothing)
    if found.broken:
        return ChainVerdict("code", "failed", JUDGE, evidence=found.broken, meta={"verdict": "error"})
    whose, tests = _tests(chain, found.code)
    program = Program("", found.code) if whose == "own" else Program(found.code, tests)
    outcome = sandbox.run(program, hidden=hidden)
    return ChainVerdict(
        "code",
        _concluded(outcome, whose),
        JUDGE,
        evidence=_evidence(outcome, whose, found.note),
        meta=_meta(outcome, whose),
    )


# The code


def _code(answer: str) -> _Found:
    blocks = turns.blocks(answer)
    python = [one.text for one in blocks if one.language in _PYTHON]
    python = python or [one.text for one in blocks if not one.language and _defines(one.text)]
    if not python and not blocks and _defines(answer):
        python = [answer]
    if not python:
        named = sorted({one.language for one in blocks if one.language})
        said = (
            f"its code is {', '.join(named)}, and only Python is run"
            if named
            else "there is no fenced Python in it"
        )
        return _Found(nothing=f"Nothing was run: {said}.")
    whole = [one for one in python if _parsed(one) is not None]
    if not whole:
        return _Found(broken=f"Python cannot read it: {_fault(python[0])}.")
    left = len(python) - len(whole)
    note = (
        f"{left} of its {len(python)} blocks cannot be read as Python alone and were left out."
        if left
        else ""
    )
    return _Found("\n\n".join(one.rstrip() for one in whole) + "\n", note)


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _fault(source: str) -> str:
    try:
        ast.parse(source)
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno})"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error)[:_LONGEST]
    return ""


def _defines(source: str) -> bool:
    """Whether this is a Python program, and not output or prose that happens to parse."""
    tree = _parsed(source)
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
    return tree is not None and any(isinstance(one, kinds) for one in tree.body)


# The tests


def _tests(chain: Chain, code: str) -> tuple[str, str]:
    """(a key of TESTS, their source)."""
    if carried := _carried(chain.meta.get("tests")):
        return "carried", carried
    task = turns.task(chain)
    given = [
        one.text
        for one in turns.blocks(task)
        if one.language in _PYTHON | {""} and (tree := _parsed(one.text)) is not None and _asserts(tree)
    ]
    given = given or [line for line in _ASSERTED.findall(turns.without_blocks(task)) if _parsed(line)]
    if given:
        return "task", "\n".join(given)
    tree = _parsed(code)
    return ("own", "") if tree is not None and _tests_itself(tree) else ("none", "")


def _carried(tests: Any) -> str:
    if isinstance(tests, str):
        return tests.strip()
    if isinstance(tests, list) and all(isinstance(one, str) for one in tests):
        return "\n".join(tests).strip()
    return ""


def _asserts(tree: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Assert)
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr.startswith("assert")
        )
        for node in ast.walk(tree)
    )


def _tests_itself(tree: ast.Module) -> bool:
    """Whether it asserts something outside the functions that it offers, about a name that it defines."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    offered = {one.name for one in tree.body if isinstance(one, kinds) and not _is_test(one)}
    own = [one for one in tree.body if not isinstance(one, kinds) or _is_test(one)]
    names = {node.id for one in own for node in ast.walk(one) if isinstance(node, ast.Name)}
    return bool(offered & names) and any(_asserts(one) for one in own)


def _is_test(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        return any(ast.unparse(base).endswith("TestCase") for base in node.bases)
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test")


# The conclusion


def _concluded(outcome: Outcome, whose: str) -> str:
    if outcome.verdict in _CANNOT_TELL or outcome.detail.startswith(_NOT_HERE):
        return "uncertain"
    if outcome.verdict != "passed":
        return "failed"
    return "uncertain" if whose == "none" else "passed"


def _evidence(outcome: Outcome, whose: str, note: str) -> str:
    """In words, for people; nothing of it depends on the clock."""
    title = VERDICTS[outcome.verdict].title
    ran_alone = outcome.verdict == "passed" and whose == "none"
    said = ["Ran to its end; nothing tested it." if ran_alone else f"{title}, with {TESTS[whose]}."]
    said += [part for part in (outcome.detail, note) if part]
    if outcome.test:
        said.append(f"Ended at: {_cut(outcome.test)}")
    if outcome.exit not in (None, 0):
        said.append(f"Exit status {outcome.exit}.")
    if outcome.tried:
        said.append(f"It tried: {', '.join(outcome.tried)[:_LONGEST]}.")
    for name, text in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
        if text.strip():
            said.append(f"{name}:\n{_cut(text.rstrip())}")
    return safe_text("\n".join(said)).text


def _cut(text: str) -> str:
    """The beginning and the end, which says most of a traceback."""
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}\n[…]\n{text[-half:]}"


def _meta(outcome: Outcome, whose: str) -> dict[str, Any]:
    return {"verdict": outcome.verdict, "tests": whose, "apart": outcome.apart, "exit": outcome.exit}

"""Examining a sample: each check that was asked for comes to one verdict, with its evidence in words.

    examine(chain, ["code", "format"])  # [ChainVerdict("code", "passed", "sandbox/1", …), ChainVerdict("format", "uncertain", …)]

Checks ask no model and look at the sample alone; where they find nothing to check they say so, as `uncertain`. The same sample has the same
verdicts, but for what takes as long as a limit allows. `standing` says what all verdicts of a kind come to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from curation.recipe.chain import VERDICT_KINDS, Chain, ChainVerdict
from curation.recipe.verify import check_code, check_format, check_maths


@dataclass(frozen=True, slots=True)
class Check:
    """`look` takes the sample, and what code must not be able to read. `judge` is what its verdicts call themselves. `runs_code`: foreign code is run, which
    needs a machine that can keep it in."""

    title: str
    explanation: str
    look: Callable[[Chain, tuple[str, ...]], ChainVerdict]
    judge: Callable[[], str]
    runs_code: bool = False


CHECKS: dict[str, Check] = {
    "code": Check(
        "Code runs",
        "Python of the answer is run in the sandbox with the tests that the sample carries (meta.tests), that its task gives, or that the answer "
        "asserts itself. Without tests it is uncertain, even if it runs.",
        check_code.check,
        lambda: check_code.JUDGE,
        runs_code=True,
    ),
    "maths": Check(
        "Answer matches",
        "The final answer of the last turn is compared with the one that the sample carries (meta.answer). What can be read in two ways is uncertain.",
        lambda chain, _: check_maths.check(chain),
        check_maths.judge,
    ),
    "format": Check(
        "Instructions kept",
        "Instructions of form that the sample carries (meta.constraints), or that its task gives in plain words: lengths, JSON, case, beginning and end, language.",
        lambda chain, _: check_format.check(chain),
        lambda: check_format.JUDGE,
    ),
}

#: What a sample's verdicts of one kind come to, together: key → title.
STANDINGS = {"passed": "Passed", "failed": "Failed", "uncertain": "Uncertain", "missing": "Not checked"}


class UnknownCheck(ValueError):
    """There is no check of this name."""


def examine(chain: Chain, checks: Sequence[str], *, hidden: tuple[str, ...] = ()) -> list[ChainVerdict]:
    """One verdict per check, in the order asked for. `hidden`: paths that code must not be able to read, as for `sandbox.run`. Raises UnknownCheck."""
    for name in checks:
        if name not in CHECKS:
            raise UnknownCheck(f"There is no check {name!r}; there are {', '.join(CHECKS)}.")
    return [CHECKS[name].look(chain, hidden) for name in dict.fromkeys(checks)]


def standing(verdicts: Iterable[ChainVerdict], kind: str) -> str:
    """What the verdicts of one kind come to, a key of STANDINGS: one failure outweighs any pass, a pass outweighs doubt."""
    return outweighing({one.outcome for one in verdicts if one.kind == kind})


def outweighing(outcomes: Collection[str]) -> str:
    """Which of some outcomes speaks for all of them."""
    return next((one for one in ("failed", "passed", "uncertain") if one in outcomes), "missing")


def wanting(verdicts: Iterable[ChainVerdict], required: Sequence[str]) -> dict[str, str]:
    """{required kind: its standing} of those that have not passed; empty where all have."""
    held = list(verdicts)
    found = {kind: standing(held, kind) for kind in VERDICT_KINDS if kind in required}
    return {kind: stands for kind, stands in found.items() if stands != "passed"}

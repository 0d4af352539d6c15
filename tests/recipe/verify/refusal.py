"""Whether this machine can run foreign code at all. Where it cannot, the tests that need it are skipped and say why."""

from __future__ import annotations

from functools import lru_cache

from curation.recipe.verify.sandbox import Program, run


@lru_cache(maxsize=1)
def refusal() -> str:
    outcome = run(Program(""))
    return outcome.detail if outcome.verdict == "refused" else ""

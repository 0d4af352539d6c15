"""HumanEval's and MBPP's reference solutions pass, and fail when their function returns None. A sample here; all in `bench verify_code`."""

from __future__ import annotations

import pytest

from curation.recipe.verify.sandbox import Program, run
from tests.bench import data
from tests.bench.verify_code import returning_none
from tests.recipe.verify.refusal import refusal

HERE = (data.ROOT / "benchmarks/mbpp").is_dir() and (data.ROOT / "benchmarks/humaneval").is_dir()
EVERY = 25
REFUSED = refusal()

pytestmark = [
    pytest.mark.skipif(not HERE, reason="../shared/data/benchmarks is not here"),
    pytest.mark.skipif(bool(REFUSED), reason=REFUSED),
]


def tasks() -> list[data.Solved]:
    return [*data.humaneval(), *data.mbpp()] if HERE else []


@pytest.mark.parametrize("task", tasks()[::EVERY], ids=lambda task: task.key)
def test_a_reference_solution_passes_and_fails_when_it_returns_none(task: data.Solved) -> None:
    assert run(Program(task.code, task.tests)).verdict == "passed"
    assert run(Program(returning_none(task), task.tests)).verdict in ("failed", "error")


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_every_reference_solution_passes_and_fails_when_it_returns_none() -> None:
    for task in tasks():
        assert run(Program(task.code, task.tests)).verdict == "passed", task.key
        assert run(Program(returning_none(task), task.tests)).verdict in ("failed", "error"), task.key

"""`verify_code`: every reference solution of HumanEval and MBPP in the sandbox, and every one again with its function returning None.

ours = the share that is judged rightly: the solution passes, the function that returns None does not. There is no peer: nothing below 1 will do.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from curation.recipe.verify.sandbox import Program, run
from tests.bench import data


def verify_code() -> dict[str, Any]:
    tasks = [*data.humaneval(), *data.mbpp()]
    start = time.perf_counter()
    outcomes = [
        (task.key, run(Program(task.code, task.tests)), run(Program(returning_none(task), task.tests)))
        for task in tasks
    ]
    took = time.perf_counter() - start
    right = [
        key for key, good, bad in outcomes if good.verdict == "passed" and bad.verdict in ("failed", "error")
    ]
    return {
        "name": "verify_code",
        "ours": len(right) / len(tasks),
        "unit": "share judged rightly",
        "peer": None,
        "peer_name": "",
        "n": len(tasks),
        "details": {
            "wrong": sorted(key for key, *_ in outcomes if key not in set(right)),
            "solutions": Counter(good.verdict for _, good, _ in outcomes),
            "returning_none": Counter(bad.verdict for _, _, bad in outcomes),
            "apart": sum(good.apart for _, good, _ in outcomes),
            "seconds_per_run": round(took / len(tasks) / 2, 3),
        },
    }


def returning_none(task: data.Solved) -> str:
    """The code with its function replaced by one that returns None."""
    return f"{task.code}\n\ndef {task.function}(*args, **kwargs):\n    return None\n"

"""`sandbox`: what one run of a program in the sandbox costs beyond the program.

ours = median seconds of a run with one test, everything included: two processes behind the fences, a folder, the verdict. The peer is a bare subprocess of the same
Python (with the same switches) that runs the same code and test, in turn with ours.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from curation.recipe.verify.sandbox import Program, run

RUNS = 60
CODE, TESTS = "def double(x):\n    return 2 * x\n", "assert double(2) == 4\n"


def sandbox() -> dict[str, Any]:
    fences = run(Program(CODE, TESTS)).fences
    bare = [sys.executable, "-I", "-S", "-B", "-c", CODE + TESTS]
    ours, peer = [], []
    for _ in range(RUNS):
        ours.append(_took(lambda: run(Program(CODE, TESTS))))
        peer.append(_took(lambda: subprocess.run(bare, env={}, capture_output=True, check=True)))
    return {
        "name": "sandbox",
        "ours": round(statistics.median(ours), 4),
        "unit": "s",
        "peer": round(statistics.median(peer), 4),
        "peer_name": "bare subprocess of the same Python",
        "n": RUNS,
        "details": {
            "overhead_s": round(statistics.median(ours) - statistics.median(peer), 4),
            "slowest_s": round(max(ours), 4),
            "fences": list(fences),
        },
    }


def _took(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start

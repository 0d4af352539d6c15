"""`verify_maths`: gold answers of GSM8K (test) and MATH (test) against themselves, and our tricky pairs.

ours = the share of gold answers that is found equal to itself. How many of them are understood, and not only spelt alike, stands in the details, with how many are uncertain.
The peer is math-verify with its defaults on the pairs: the share it judges rightly (an uncertain one is right where it says "not equal").
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from curation.recipe.verify.maths import Maths
from tests.bench import data
from tests.recipe.verify.pairs import DIFFERENT, EQUAL, UNCERTAIN


def verify_maths() -> dict[str, Any]:
    details: dict[str, Any] = {}
    counted: Counter[str] = Counter()
    with Maths(seconds=3.0) as maths:
        for name, golds in (("gsm8k", data.gsm8k()), ("math", data.math())):
            start = time.perf_counter()
            alike = Counter(maths.compare(gold, gold).verdict for gold in golds)
            understood = Counter(maths.compare(gold, gold, by_spelling=False).verdict for gold in golds)
            counted += alike
            details[name] = {"itself": alike, "without_spelling": understood, "ms_per_pair": round((time.perf_counter() - start) / len(golds) / 2 * 1000, 2)}  # fmt: skip
        for name, pairs in (("equal", EQUAL), ("different", DIFFERENT), ("uncertain", UNCERTAIN)):
            details[f"pairs_{name}"] = Counter(maths.compare(*pair).verdict for pair in pairs)
    details["math_verify_defaults_says_equal"] = {
        name: sum(_by_default(*pair) for pair in pairs)
        for name, pairs in (("equal", EQUAL), ("different", DIFFERENT), ("uncertain", UNCERTAIN[:20]))
    }
    says = details["math_verify_defaults_says_equal"]
    return {
        "name": "verify_maths",
        "ours": round(counted["equal"] / counted.total(), 5),
        "unit": "share of gold answers equal to themselves",
        "peer": round(
            (says["equal"] + len(DIFFERENT) - says["different"]) / (len(EQUAL) + len(DIFFERENT)), 3
        ),
        "peer_name": "math-verify 0.9 with its defaults: share of equal and different pairs judged rightly",
        "n": counted.total(),
        "details": details,
    }


def _by_default(gold: str, answer: str) -> bool:
    from math_verify import parse, verify

    try:
        return bool(verify(parse(f"${gold}$"), parse(f"${answer}$")))
    except Exception:
        return False

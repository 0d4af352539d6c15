"""The check `maths`: the answer's final result against the one that the sample carries. Doubt is its own outcome."""

from __future__ import annotations

import json
import re
import threading
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from curation.recipe.chain import Chain, ChainVerdict
from curation.recipe.text.normalise import safe_text
from curation.recipe.verify import turns
from curation.recipe.verify.answers import final
from curation.recipe.verify.maths import Maths

#: Where a sample may carry the right answer: in its `meta`, or in its seed's.
GOLDS = ("answer", "gold", "expected_answer")
_OUTCOMES = {"equal": "passed", "different": "failed", "uncertain": "uncertain"}
_SAID = re.compile(
    r"^[ \t>*_#]*(?:the )?(?:final |correct )?(?:answer|result)[*_]*(?: is)?[ \t]*[:=]?[*_]*[ \t]*(?P<value>\S.*?)[ \t*_]*$",
    re.I | re.M,
)
_SHORT = 200  # characters of an answer that is nothing but its result
_LONGEST = 300  # characters shown of each

_maths = Maths()
_turn = threading.Lock()


@lru_cache(maxsize=1)
def judge() -> str:
    return f"math-verify-{version('math-verify')}/1"


def check(chain: Chain) -> ChainVerdict:
    gold = _gold(chain)
    if not gold:
        return _uncertain("It carries no answer to compare with (meta.answer).")
    found = _final(turns.answer(chain))
    if not found:
        return _uncertain(
            r"No final answer was found: none in \boxed{…}, after ####, or on a line that begins with “Answer:”."
        )
    with _turn:
        said = _maths.compare(gold, found)
    shown = f"{_shown(found)} against {_shown(gold)}: {said.verdict}."
    evidence = safe_text(f"{shown} {said.detail}".strip()).text
    return ChainVerdict("maths", _OUTCOMES[said.verdict], judge(), evidence=evidence)


def _uncertain(why: str) -> ChainVerdict:
    return ChainVerdict("maths", "uncertain", judge(), evidence=why)


def _gold(chain: Chain) -> str:
    places = (chain.meta, chain.seed.meta if chain.seed else {})
    return next((said for place in places for name in GOLDS if (said := _text(place.get(name)))), "")


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value)


def _final(answer: str) -> str:
    """The text that the result is read from; "" where none is marked as it."""
    if any(mark in answer for mark in (r"\boxed{", r"\fbox{", "####")):
        return answer
    if said := _SAID.findall(answer):
        return str(said[-1])
    alone = answer.strip()
    return alone if len(alone) <= _SHORT and "\n" not in alone else ""


def _shown(text: str) -> str:
    return final(text)[:_LONGEST]

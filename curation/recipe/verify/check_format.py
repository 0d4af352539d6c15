"""The check `format`: instructions of form that the sample carries, or that its task gives in words that cannot be misread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from curation.recipe.chain import Chain, ChainVerdict
from curation.recipe.text.normalise import safe_text
from curation.recipe.verify import turns
from curation.recipe.verify.constraints import BadConstraint, Checked, verify
from curation.recipe.verify.instructions import read

JUDGE = "constraints/1"
_MOST = 40  # constraints of one sample


def check(chain: Chain) -> ChainVerdict:
    answer = turns.answer(chain)
    try:
        carried = list(_carried(chain.meta.get("constraints")))
        checked = [("carried", verify(answer, key, parameters)) for key, parameters in carried]
    except BadConstraint as bad:
        return ChainVerdict(
            "format", "uncertain", JUDGE, evidence=f"meta.constraints cannot be checked: {bad}"
        )
    asked = [one for one in read(turns.without_blocks(turns.task(chain))) if one not in carried]
    checked += [("task", verify(answer, key, parameters)) for key, parameters in asked]
    if not checked:
        return ChainVerdict(
            "format",
            "uncertain",
            JUDGE,
            evidence="There is nothing to check: no instruction of form was found.",
        )
    evidence = "\n".join(_said(*one) for one in checked)
    held = sum(one.verdict == "held" for _, one in checked)
    scores = {"checked": float(len(checked)), "held": float(held)}
    return ChainVerdict(
        "format", _concluded(one for _, one in checked), JUDGE, scores, safe_text(evidence).text
    )


def _carried(said: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """`[{"key": "words", "parameters": {"most": 50}}]`, or `{"words": {"most": 50}}`. Raises BadConstraint."""
    if said is None:
        return
    if isinstance(said, dict):
        said = [{"key": key, "parameters": parameters} for key, parameters in said.items()]
    if not isinstance(said, list) or len(said) > _MOST:
        raise BadConstraint(f"it has to be a list of at most {_MOST}.")
    for at, one in enumerate(said):
        parameters = one.get("parameters") or {} if isinstance(one, dict) else None
        if not isinstance(parameters, dict) or not isinstance(one.get("key"), str):
            raise BadConstraint(f"[{at}] needs a key and parameters.")
        yield one["key"], parameters


def _concluded(checked: Iterator[Checked]) -> str:
    verdicts = {one.verdict for one in checked}
    return "failed" if "broken" in verdicts else "uncertain" if "uncertain" in verdicts else "passed"


def _said(whose: str, one: Checked) -> str:
    read_off = " (read in the task)" if whose == "task" else ""
    return f"{one.verdict}: {one.words}{read_off}: {one.evidence}"

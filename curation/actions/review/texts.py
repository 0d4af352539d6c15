"""The texts of a sample that a person can accept: the one that is asked about, and the others of its chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from curation.models import Item, Revision, Sample, SampleStep, TextVersion
from curation.recipe.generate.reading import TEXTS, versions

#: The key of a sample's own text, where no step of its chain holds it.
OWN = "own"


@dataclass(frozen=True, slots=True)
class Text:
    """`key` names it in forms and the API. `now`: it is what the item asks about. `step`: the place of its step in the chain."""

    key: str
    contents: tuple[str, ...]  # of the messages in their order, or the one text
    step: int | None = None
    model: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)  # what the critique after it gave
    now: bool = False

    @property
    def mean(self) -> float | None:
        """Of the scores; None without any."""
        return fmean(self.scores.values()) if self.scores else None


def own_contents(said: Sample | TextVersion) -> tuple[str, ...]:
    """The contents of the messages, or the one text."""
    return tuple(str(one["content"]) for one in said.messages) if said.messages else (said.text,)


def turns(sample: Sample, contents: Sequence[str]) -> list[dict[str, Any]]:
    """The sample's messages with other contents."""
    return [{**old, "content": new} for old, new in zip(sample.messages or [], contents, strict=True)]


def text_named(item: Item, key: str) -> Text | None:
    """The text of a sample's item that has this key."""
    return next((one for one in texts_of(item) if one.key == key), None)


def texts_of(item: Item, steps: Sequence[Mapping[str, Any]] | None = None) -> list[Text]:
    """Every text of the item's sample that differs from the one before it, the oldest first; the one asked about is among them. One query, or two.

    `steps`: the chain's, where they are loaded already: ordinal, kind, name, model, output (of drafts and revisions), scores.
    """
    sample = item.sample
    assert sample is not None
    steps = _steps(sample) if steps is None else [one for one in steps if one["kind"] in (*TEXTS, "critique")]
    found = [
        Text(f"step-{one.ordinal}", one.contents, one.ordinal, **_said(steps, one.ordinal))
        for one in versions(steps, sample.messages, sample.text)
    ]
    own = own_contents(sample)
    if all(_plain(one.contents) != _plain(own) for one in found):
        found.append(Text(OWN, own, model=sample.model))
    for at, one in enumerate(_made(item), 1):
        assert one.text_version and one.step
        contents = own_contents(one.text_version)
        found.append(Text(f"revision-{at}", contents, one.step.ordinal, one.step.model))
    return _with_now(item, _distinct(found))


def _made(item: Item) -> Iterable[Revision]:
    """The revisions that people asked for; each began a round."""
    if not item.round:
        return ()
    made = Revision.objects.filter(item=item, state=Revision.State.MADE)
    return made.select_related("text_version", "step")


def _with_now(item: Item, found: list[Text]) -> list[Text]:
    """The last that says what the item asks about is marked; where none does (another queue approved an edit) it comes last."""
    assert item.sample is not None
    stands = own_contents(item.text_version or item.sample.text_version or item.sample)
    at = next((n for n in reversed(range(len(found))) if _plain(found[n].contents) == _plain(stands)), None)
    if at is None:
        return [*found, Text("now", stands, now=True)]
    return [
        replace(one, now=n == at, contents=stands if n == at else one.contents) for n, one in enumerate(found)
    ]


def _distinct(found: list[Text]) -> list[Text]:
    return [
        one for n, one in enumerate(found) if not n or _plain(one.contents) != _plain(found[n - 1].contents)
    ]


def _plain(contents: Sequence[str]) -> list[str]:
    return [one.strip() for one in contents]


def _steps(sample: Sample) -> list[dict[str, Any]]:
    """The steps that hold texts, and the scores of critiques; never a prompt."""
    rows = SampleStep.objects.filter(sample=sample, kind__in=[*TEXTS, "critique"]).order_by("ordinal")
    return [{**row} for row in rows.values("ordinal", "kind", "name", "model", "output", "scores")]


def _said(steps: Sequence[Mapping[str, Any]], ordinal: int) -> dict[str, Any]:
    """Whose the text of a step is, and the scores that the next critique gave it, before another text was made."""
    at = next(n for n, one in enumerate(steps) if one["ordinal"] == ordinal)
    after = next(iter(steps[at + 1 :]), None)
    judged = after["scores"] if after and after["kind"] == "critique" else {}
    return {"model": steps[at]["model"], "scores": judged or steps[at]["scores"] or {}}

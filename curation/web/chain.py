"""How a sample was made, as pages show it: its steps without their long texts, each opened on demand, and the texts one can accept.

A step that a person asked for by sending the sample back repeats their note, in its prompt and perhaps in its answer: whoever may not see the note is shown what
changed and nothing else of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, Exists, OuterRef, TextField, Value, When
from django.db.models.functions import JSONObject

from curation import access
from curation.actions.review import Text, texts_of
from curation.models import Revision, Role, Sample, SampleStep, User, Verdict
from curation.recipe.generate.reading import TEXTS, Part, Reading, read


@dataclass(frozen=True, slots=True)
class Chain:
    """What the card of a sample shows besides its text. `revision`: the last one that was asked for, as far as it concerns this person."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    revision: Revision | None = None
    note: str = ""

    @property
    def now(self) -> int:
        """The place of the text that is asked about, from 1."""
        return next((n for n, one in enumerate(self.texts, 1) if one.now), 0)

    @property
    def revised(self) -> Revision | None:
        """The revision that the item asks about."""
        return self.revision if self.revision and self.revision.state == Revision.State.MADE else None


def loaded(sample: str) -> dict[str, Any]:
    """Annotations of a query of items that bring the chain with it; `sample` is the path to the sample's key. Prompts and critiques' words stay."""
    steps = SampleStep.objects.filter(sample=OuterRef(sample)).order_by("ordinal")
    text = Case(When(kind__in=TEXTS, then="output"), default=Value(""), output_field=TextField())
    names = ("ordinal", "kind", "name", "prompt_version", "model", "scores")
    step = JSONObject(**{name: name for name in names}, output=text, asked="revision")
    verdict = JSONObject(**{name: name for name in ("kind", "judge", "outcome", "scores", "evidence")})
    return {
        "steps": ArraySubquery(steps.values(json=step)),
        "verdicts": ArraySubquery(
            Verdict.objects.filter(sample=OuterRef(sample)).counting().values(json=verdict)
        ),
        "sent_back": Exists(Revision.objects.filter(item=OuterRef("pk"))),
    }


def chain_of(item: Any, user: User) -> Chain:
    """The chain of a sample's item that came with what is `loaded`. No query, or three where it was sent back."""
    steps = _with_marks(item.steps)
    texts = texts_of(item, steps)
    last = _revisions().filter(item=item).order_by("-id").first() if item.sent_back else None
    if last is None:
        return Chain(steps, item.verdicts, texts)
    last.item = item
    sees = may_see_note(user, access.role_in(user, item.queue.project), last)
    # One that failed, was taken back or is being made is news only to whoever may know that it was asked for.
    shown = last if last.state == Revision.State.MADE or sees else None
    return Chain(steps, item.verdicts, texts, shown, last.decision.note if sees else "")


def _revisions() -> Any:
    return Revision.objects.select_related("decision__user", "before", "text_version", "step", "item")


def may_see_note(user: Any, role: Role | None, revision: Revision) -> bool:
    """Their own note always; another's as their decisions."""
    return revision.decision.user_id == user.pk or access.may_see_decisions(user, role, revision.item)


def _with_marks(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each with its scores, and the score by the same name that the critique before it gave."""
    before: dict[str, float] = {}
    for step in steps:
        step["marks"] = [(name, value, before.get(name)) for name, value in step["scores"].items()]
        if step["kind"] == "critique":
            before = step["scores"]
    return steps


def closed_steps(sample: Sample, user: Any, role: Role | None) -> set[int]:
    """Those of a sample's steps whose prompt and answer this person may not read: they repeat a note."""
    asked = _revisions().filter(step__sample=sample)
    return {one.step_id for one in asked if not may_see_note(user, role, one)}


# One step


@dataclass(frozen=True, slots=True)
class Opened:
    """A step as one reads it. `changed`: of a revision, the text before and after; `critique`: what it answers. `whole`: prompt, raw answer and note may be read."""

    step: SampleStep
    reading: Reading
    parts: Sequence[Part]
    changed: tuple[str, str] | None = None
    critique: Reading | None = None
    whole: bool = True
    note: str = ""


def opened(step: SampleStep, user: Any, role: Role | None) -> Opened:
    """A step (with its sample), as far as this person may read it."""
    reading = read(_row(step))
    if step.kind != "revision":
        reading = read(_row(step), _scores_before(step)) if step.kind == "critique" else reading
        return Opened(step, reading, reading.parts)
    if revision := _revisions().filter(step=step).first():
        return _asked_for(step, reading, revision, may_see_note(user, role, revision))
    before = step.sample.steps.filter(ordinal__lt=step.ordinal)
    text = before.filter(kind__in=TEXTS).last()
    if text is None:
        return Opened(step, reading, reading.parts)
    critique = before.filter(kind="critique", ordinal__gt=text.ordinal).last()
    return Opened(
        step,
        reading,
        reading.about,
        (read(_row(text)).text, reading.text),
        read(_row(critique), _scores_before(critique)) if critique else None,
    )


def _asked_for(step: SampleStep, reading: Reading, revision: Revision, whole: bool) -> Opened:
    """A revision that a person asked for: the sample before and after it."""
    assert revision.text_version is not None
    before = revision.before.text if revision.before else step.sample.text
    changed = (before, revision.text_version.text)
    note = revision.decision.note if whole else ""
    return Opened(step, reading, reading.about if whole else (), changed, None, whole, note)


def _scores_before(critique: SampleStep) -> Mapping[str, float]:
    """What the critique before this one gave."""
    earlier = critique.sample.steps.filter(kind="critique", ordinal__lt=critique.ordinal).last()
    return earlier.scores if earlier else {}


def _row(step: SampleStep) -> dict[str, Any]:
    return {"name": step.name, "output": step.output, "scores": step.scores}

"""Which samples stand where: topic, skill and difficulty of a set of samples, and of which topics there are seeds.

A sample's topic is the first that it names; where it names none, that of the document which its passage, or its seed's, stands in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Case, CharField, Count, F, QuerySet, Value, When
from django.db.models.functions import Coalesce, Lower, NullIf

from curation.models.project import Project
from curation.models.sample import Sample
from curation.models.seed import Seed
from curation.recipe.generate.coverage import Place
from curation.recipe.scoring import topics

#: In an address, a value that is not said.
NOT_SAID = "(none)"


def approved(project: Project) -> QuerySet[Sample]:
    """The approved set: accepted by people, of a source that is neither archived nor withdrawn."""
    return project.samples.filter(
        state=Sample.State.APPROVED, source__archived_at=None, source__withdrawn_at=None
    )


def made(project: Project) -> QuerySet[Sample]:
    """Everything that was made or imported, whatever was thought of it, but for what was withdrawn."""
    return project.samples.exclude(state=Sample.State.WITHDRAWN)


#: Sets of samples by their name in an address: (words, which).
SETS: dict[str, tuple[str, Callable[[Project], QuerySet[Sample]]]] = {
    "approved": ("The approved set", approved),
    "made": ("Everything that was made", made),
}


def placed(rows: QuerySet[Sample]) -> QuerySet[Any]:
    """The same with `topic`: a key of our topics, a topic of the sample's own in lower case, or ""."""
    names = [When(named=name.lower(), then=Value(key)) for key, name in topics.NAMES.items()]
    return rows.alias(named=NullIf(Lower("topics__0"), Value(""))).annotate(
        topic=Coalesce(
            Case(*names, default=F("named"), output_field=CharField()),
            NullIf(F("passage__document__topic"), Value("")),
            NullIf(F("seed__passage__document__topic"), Value("")),
            Value(""),
            output_field=CharField(),
        )
    )


def counted(rows: QuerySet[Sample]) -> dict[Place, int]:
    """{(topic, skill, difficulty): samples}. One query."""
    found = placed(rows).order_by().values_list("topic", "skill", "difficulty").annotate(n=Count("id"))
    return {(topic, skill, difficulty): n for topic, skill, difficulty, n in found}


def within(rows: QuerySet[Sample], **place: str) -> QuerySet[Sample]:
    """Those at a place; an axis that is empty is left open, NOT_SAID is what says nothing."""
    asked = {axis: "" if value == NOT_SAID else value for axis, value in place.items() if value}
    return placed(rows).filter(**asked) if asked else rows


def seeded(project: Project) -> dict[str, int]:
    """{topic: seeds that a run may take}. One query."""
    usable = project.seeds.filter(state__in=[Seed.State.CANDIDATE, Seed.State.APPROVED])
    found = usable.order_by().values_list("passage__document__topic").annotate(n=Count("id"))
    return {topic: n for topic, n in found if topic}

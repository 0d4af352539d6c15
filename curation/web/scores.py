"""Which scores a page may show to whom, and what they mean.

Lists and filters show scores to reviewers and above; a row's own page shows them to every member. On both, the
scores of a passage stay hidden while a queue that measures the model still wants this person's answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet
from django.http import HttpRequest

from curation import access
from curation.models import ActiveScorer, Document, Passage, Project, Score
from curation.web.listing import Choices, Filters, Scored

#: Reasons that say how a passage or a page scored.
TELLING = ("low_scores", "low_educational")
ORDERS = (("highest", "Highest score"), ("lowest", "Lowest score"))


@dataclass(frozen=True, slots=True)
class Said:
    """One score with what it means. `value` is from 0 to 5."""

    rubric: str
    question: str
    value: float
    meaning: str
    scorer: str
    active: bool


def meaning(anchors: Sequence[str], value: float) -> str:
    """The words of the nearest step of the scale."""
    at = min(len(anchors) - 1, max(0, int(value + 0.5)))
    return str(anchors[at]) if anchors else ""


def said_of(project: Project, subject: Document | Passage) -> list[Said]:
    """Every score of one row, those of the active scorers first. One query; the caller minds blindness."""
    active = ActiveScorer.objects.filter(project=project, scorer=OuterRef("scorer"))
    rows = (
        subject.scores.select_related("scorer__rubric")
        .annotate(active=Exists(active))
        .order_by("-active", "scorer__rubric", "-scorer")
    )
    return [
        Said(
            rubric=row.scorer.rubric.name,
            question=row.scorer.rubric.question,
            value=row.value,
            meaning=meaning(row.scorer.rubric.anchors, row.value),
            scorer=str(row.scorer),
            active=row.active,
        )
        for row in rows
    ]


def values_of(level: str, rubrics: Sequence[Scored], ids: Iterable[int]) -> dict[int, dict[str, float]]:
    """{row: {rubric: score}} by the active scorers, for the rows of one page. One query."""
    keys = {rubric.scorer: rubric.key for rubric in rubrics}
    wanted = {f"{level}__in": list(ids), "scorer__in": list(keys)}
    found: dict[int, dict[str, float]] = {}
    for row, scorer, value in Score.objects.filter(**wanted).values_list(level, "scorer", "value"):
        found.setdefault(row, {})[keys[scorer]] = value
    return found


def hang(
    rows: Iterable[Any], rubrics: Sequence[Scored], values: dict[int, dict[str, float]], by: str = "pk"
) -> None:
    """Hang on each row `scored`: (rubric's name, score or None, hidden) for the columns of a list."""
    for row in rows:
        hidden = getattr(row, "hidden", False)
        mine = {} if hidden else values.get(getattr(row, by), {})
        row.scored = [(rubric.name, mine.get(rubric.key), hidden) for rubric in rubrics]


@dataclass(slots=True)
class ScoreFilter:
    """A list's filter and order by score: `rubric`, `least` ≤ score < `below` (5 includes 5), `sort`."""

    rubrics: list[Scored]
    rubric: Scored | None = None
    least: float | None = None
    below: float | None = None
    sort: str = ""

    @property
    def asked(self) -> bool:
        return self.rubric is not None

    def narrow(self, rows: QuerySet[Any], path: str = "scores") -> QuerySet[Any]:
        """Only rows with a score of the rubric within the bounds; its value is annotated as `score`."""
        if self.rubric is None:
            return rows
        rows = rows.annotate(
            spoken=FilteredRelation(path, condition=Q(**{f"{path}__scorer": self.rubric.scorer}))
        )
        bounds = Q(spoken__value__gte=self.least or 0.0)
        if self.below is not None and self.below < 5:
            bounds &= Q(spoken__value__lt=self.below)
        return rows.filter(bounds).annotate(score=F("spoken__value"))

    @property
    def order(self) -> tuple[str, ...]:
        if self.rubric is None:
            return ("id",) if self.sort == "oldest" else ("-id",)
        return {"highest": ("-score", "-id"), "lowest": ("score", "id"), "oldest": ("id",)}.get(
            self.sort, ("-id",)
        )


def read_filter(request: HttpRequest, filters: Filters, choices: Choices, level: str) -> ScoreFilter:
    """The score controls of a list, for those who may see scores; for others only the order by age."""
    rubrics = choices.of_level(level) if access.may(request, "see_scores") else []
    by_age = (("", "Newest"), ("oldest", "Oldest"))
    if not rubrics:
        return ScoreFilter([], sort=filters.select("sort", "Order", by_age, anything=""))
    key = filters.select("rubric", "Score", [(rubric.key, rubric.name) for rubric in rubrics])
    least = filters.number("least", "From", 5)
    below = filters.number("below", "Below", 5)
    sort = filters.select("sort", "Order", (*by_age, *ORDERS), anything="")
    needed = bool(key) or least is not None or below is not None or sort in dict(ORDERS)
    named = next((rubric for rubric in rubrics if rubric.key == key), None)
    chosen = named or (rubrics[0] if needed and not key else None)
    return ScoreFilter(rubrics, chosen, least, below, sort)


def without_hidden(rows: QuerySet[Any], user: Any, path: str = "pk", level: str = "passage") -> QuerySet[Any]:
    """Without rows whose passage (or page, by `level`) this person has yet to rate: their place in the list would tell
    the score."""
    return rows.exclude(Exists(access.measured_items(user).filter(**{level: OuterRef(path)})))


def marked_hidden(rows: QuerySet[Any], user: Any, path: str = "pk", level: str = "passage") -> QuerySet[Any]:
    """Rows with `hidden`: whether this person has yet to rate their passage, or their page, by `level`."""
    return rows.annotate(hidden=Exists(access.measured_items(user).filter(**{level: OuterRef(path)})))

"""How far the answers to a rubric agree: people among each other, people and a language model, people and the scorer.

Only subjects that ask this person nothing any more are counted, so that no table tells what somebody said before one has
answered oneself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from django.db.models import Exists, OuterRef

from curation import access
from curation.models import Decision, Item, Project, Rubric, User, labelled, workbench
from curation.models.labelled import Answer
from curation.recipe.scoring import agreement as measure
from curation.web.charts import shade

#: Two people are compared once they have rated so many subjects in common; so many pairs are shown.
LEAST_COMMON, PAIRS_SHOWN = 5, 12
#: Intervals are drawn for so many items at most: with more they are narrow, and take long.
MOST_FOR_INTERVAL = 2_000
#: From which value on a coefficient is called what. Krippendorff 2004, Content Analysis, section 11.4: 0.8 to rely on,
#: 0.667 for tentative conclusions.
WORDS = (
    (0.8, "reliable"),
    (0.667, "good enough for tentative conclusions"),
    (0.4, "moderate: too low to rely on"),
    (0.0, "little more than chance"),
)


LEARNT = "Among these may be some that the scorer has learnt from; its own page has figures on others."


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A figure with what it is called; None where it cannot be worked out."""

    name: str
    value: float | None
    interval: tuple[float, float] | None
    explained: str

    @property
    def word(self) -> str:
        if self.value is None:
            return "cannot be said: all answers are the same, or there are too few"
        return next((word for least, word in WORDS if self.value >= least), "less than chance")


@dataclass(frozen=True, slots=True)
class Cell:
    count: int
    shade: int
    same: bool


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often one side said this (rows) where the other said that (columns)."""

    rows: str
    columns: str
    steps: Sequence[int]
    cells: Sequence[Sequence[Cell]]

    @property
    def numbered(self) -> list[tuple[int, Sequence[Cell]]]:
        return list(zip(self.steps, self.cells, strict=True))


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sides: `n` subjects (or pairs of answers) that both answered."""

    title: str
    n: int
    unit: str
    exact: float | None
    within_one: float | None
    confusion: Confusion | None
    coefficients: Sequence[Coefficient]
    note: str = ""


@dataclass(frozen=True, slots=True)
class PairOfPeople:
    left: str
    right: str
    n: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Everything the page of a rubric says about its answers."""

    answers: int
    subjects: int
    people: int
    several: int  # subjects that two or more people answered
    held_back: int  # subjects that still ask the reader: in none of the figures
    among: Compared
    against: Sequence[Compared]
    pairs: Sequence[PairOfPeople]


def of_rubric(project: Project, rubric: Rubric, user: Any) -> Agreement:
    """People's answers against each other, against every annotator, against the active scorer."""
    asked = _still_asked(project, rubric, user)
    said = labelled.people(project, rubric)
    people = [one for one in said if one.subject not in asked]
    by_subject = _grouped(people)
    means = {subject: sum(told.values()) / len(told) for subject, told in by_subject.items()}
    against = [
        _against(rubric, means, {one.subject: one.value for one in answers}, name)
        for name, answers in _by_rater(labelled.annotators(project, rubric)).items()
    ]
    if scored := _by_scorer(project, rubric, set(means), user):
        against.append(_against(rubric, means, *scored, LEARNT))
    return Agreement(
        answers=len(people),
        subjects=len(by_subject),
        people=len({one.rater for one in people}),
        several=sum(1 for told in by_subject.values() if len(told) > 1),
        held_back=len({one.subject for one in said} & asked),
        among=_among(rubric, by_subject),
        against=against,
        pairs=_pairs(rubric, by_subject),
    )


def _still_asked(project: Project, rubric: Rubric, user: Any) -> set[int]:
    """Subjects with an item that waits for answers and has none of this person's."""
    mine = Decision.objects.standing().filter(item=OuterRef("pk"), user=user, event=Decision.Event.DECIDE)
    waiting = Item.objects.filter(
        ~Exists(mine), queue__project=project, state__in=[Item.State.OPEN, Item.State.FLAGGED]
    ).exclude(**{rubric.level: None})
    return set(waiting.values_list(rubric.level, flat=True))


def _grouped(answers: Sequence[Answer]) -> dict[int, dict[int | str, float]]:
    found: dict[int, dict[int | str, float]] = defaultdict(dict)
    for one in answers:
        found[one.subject][one.rater] = one.value
    return found


def _by_rater(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = defaultdict(list)
    for one in answers:
        found[str(one.rater)].append(one)
    return found


def _by_scorer(
    project: Project, rubric: Rubric, subjects: set[int], user: Any
) -> tuple[dict[int, float], str] | None:
    """What the active scorer says of these subjects, without those whose score this person may not see."""
    scorer = workbench.active_scorer(project, rubric.key)
    if scorer is None:
        return None
    waiting = access.measured_items(user).filter(queue__project=project).exclude(**{rubric.level: None})
    hidden = set(waiting.values_list(rubric.level, flat=True))
    rows = scorer.scores.filter(**{f"{rubric.level}__in": subjects - hidden})
    return dict(rows.values_list(rubric.level, "value")), str(scorer)


def _among(rubric: Rubric, by_subject: Mapping[int, Mapping[int | str, float]]) -> Compared:
    """Every two answers to one subject, each pair in both orders, so that the table is symmetric."""
    pairs = [two for told in by_subject.values() for two in combinations(told.values(), 2)]
    both_ways = [*pairs, *((right, left) for left, right in pairs)]
    return Compared(
        *("People among each other", len(pairs), "pairs of answers", *_near(pairs)),
        confusion=_confusion(rubric, both_ways, "One person", "another"),
        coefficients=[
            _alpha(
                by_subject,
                "ordinal",
                "over all people at once; a difference counts by how many answers lie between",
            ),
            _alpha(by_subject, "interval", "the same, but a difference counts by its square"),
        ],
    )


def _against(
    rubric: Rubric, means: Mapping[int, float], other: Mapping[int, float], name: str, note: str = ""
) -> Compared:
    """People's mean beside one other side's value; both rounded to a step of the scale for the table and kappa."""
    both = [(means[subject], other[subject]) for subject in sorted(means.keys() & other.keys())]
    rounded = [(_step(rubric, left), _step(rubric, right)) for left, right in both]
    table = _table(rubric, rounded)
    kappa = Coefficient(
        "Cohen's kappa, quadratic weights",
        measure.kappa(table, "quadratic"),
        measure.kappa_interval(table, "quadratic") if len(both) <= MOST_FOR_INTERVAL else None,
        "agreement beyond chance; a difference counts by its square",
    )
    # To a tenth: hundreds of values of their own would cost seconds, and move the figure by less than its third digit.
    values = {at: {"people": round(left, 1), name: round(right, 1)} for at, (left, right) in enumerate(both)}
    return Compared(
        *(f"People and {name}", len(both), "subjects", *_near(both)),
        confusion=_confusion(rubric, rounded, "People", name),
        coefficients=[kappa, _alpha(values, "interval", "on the values to a tenth, not to a step")],
        note=note,
    )


def _alpha(ratings: Mapping[Any, Mapping[Any, float]], level: measure.Level, explained: str) -> Coefficient:
    few = len(ratings) <= MOST_FOR_INTERVAL
    return Coefficient(
        f"Krippendorff's alpha, {level}",
        measure.krippendorff_alpha(ratings, level),
        measure.alpha_interval(ratings, level) if few else None,
        explained,
    )


def _table(rubric: Rubric, pairs: Sequence[tuple[int, int]]) -> measure.Confusion:
    left, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return measure.confusion(left, right, range(rubric.highest + 1))


def _step(rubric: Rubric, value: float) -> int:
    return min(rubric.highest, max(0, int(value + 0.5)))


def _near(pairs: Sequence[tuple[float, float]]) -> tuple[float | None, float | None]:
    """Shares that are the same to a step, and at most one step apart."""
    if not pairs:
        return None, None
    apart = [abs(left - right) for left, right in pairs]
    return sum(one < 0.5 for one in apart) / len(pairs), sum(one <= 1 + 1e-9 for one in apart) / len(pairs)


def _confusion(
    rubric: Rubric, pairs: Sequence[tuple[float, float]], rows: str, columns: str
) -> Confusion | None:
    if not pairs:
        return None
    counts = _table(rubric, [(_step(rubric, left), _step(rubric, right)) for left, right in pairs]).counts
    most = max(map(max, counts))
    cells = [
        [Cell(count, shade(count, most), row == column) for column, count in enumerate(line)]
        for row, line in enumerate(counts)
    ]
    return Confusion(rows, columns, range(rubric.highest + 1), cells)


def _pairs(rubric: Rubric, by_subject: Mapping[int, Mapping[int | str, float]]) -> list[PairOfPeople]:
    """Every two people with enough in common, those with the most first."""
    common: dict[tuple[Any, Any], list[tuple[int, int]]] = defaultdict(list)
    for told in by_subject.values():
        for left, right in combinations(sorted(told, key=str), 2):
            common[left, right].append((_step(rubric, told[left]), _step(rubric, told[right])))
    enough = [(pair, both) for pair, both in common.items() if len(both) >= LEAST_COMMON]
    shown = sorted(enough, key=lambda one: -len(one[1]))[:PAIRS_SHOWN]
    names = {
        user.pk: str(user) for user in User.objects.filter(pk__in={pk for pair, _ in shown for pk in pair})
    }
    return [
        PairOfPeople(
            *(names.get(pair[0], "somebody"), names.get(pair[1], "somebody"), len(both)),
            kappa=measure.kappa(_table(rubric, both), "quadratic"),
        )
        for pair, both in shown
    ]

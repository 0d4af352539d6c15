"""How far a run is, where its candidates were lost, and what the rest would come to by what came of the first ones."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import ceil, sqrt
from typing import Any

from django.db.models import Count, Q, QuerySet

from curation.models.call import Spending, Spent
from curation.models.run import Candidate, Loss, Run
from curation.models.sample import Sample

#: Of a normal deviate, 95% lie within so many deviations.
Z = 1.96
#: Room that an offered budget leaves over the likely figure.
ROOM = 1.25


@dataclass(frozen=True, slots=True)
class Counts:
    """Candidates and samples of a run. `by` counts samples by why they were left out, or by their state."""

    candidates: int
    failed: int
    not_asked: int
    seeds: int
    samples: int
    losses: int
    by: dict[str, int]

    @property
    def left_out(self) -> dict[str, int]:
        return {key: n for key, n in self.by.items() if key not in Sample.State.values}


def counts(run: Run) -> Counts:
    """Three queries."""
    found = run.candidates.aggregate(
        candidates=Count("pk"),
        failed=Count("pk", filter=Q(state=Candidate.State.FAILED)),
        not_asked=Count("pk", filter=Q(state=Candidate.State.NOT_ASKED)),
        seeds=Count("seed", distinct=True),
    )
    rows = Sample.objects.filter(candidate__run=run).order_by().values_list("left_out", "state")
    by: dict[str, int] = {}
    for left_out, state, n in rows.annotate(n=Count("pk")):
        by[left_out or state] = by.get(left_out or state, 0) + n
    losses = Loss.objects.filter(candidate__run=run).count()
    return Counts(**found, samples=sum(by.values()), losses=losses, by=by)


def lost(run: Run) -> list[dict[str, Any]]:
    """[{at, reason, n}]: how many branches of candidates were lost at which step and why, the most frequent first. One query."""
    rows = Loss.objects.filter(candidate__run=run).order_by().values_list("at", "reason")
    found = rows.annotate(n=Count("pk")).order_by("-n", "at", "reason")
    return [{"at": at, "reason": reason, "n": n} for at, reason, n in found]


def losses(run: Run, at: str = "", reason: str = "") -> QuerySet[Loss]:
    """The losses of a run, narrowed to a step or a reason."""
    found = Loss.objects.filter(candidate__run=run)
    if at:
        found = found.filter(at=at)
    return found.filter(reason=reason) if reason else found


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the target would come to, by what the settled candidates came to: figures as (low, likely, high).

    `each` is samples that go on per candidate, with its 95% interval. None where nothing can be said, since none went on.
    """

    seen: int
    good: int
    each: tuple[float, float, float]
    candidates: tuple[int, int, int | None] | None
    calls: tuple[int, int, int | None] | None
    tokens: tuple[int, int, int | None] | None
    money: tuple[Decimal, Decimal, Decimal | None] | None

    @property
    def offered_tokens(self) -> int | None:
        """A budget for the whole, what is spent already included."""
        if self.tokens is None:
            return None
        return ceil(max(self.tokens[1] * ROOM, min(self.tokens[2] or 0, self.tokens[1] * 2)) / 1_000) * 1_000

    @property
    def offered_money(self) -> Decimal | None:
        if self.money is None or not self.money[1]:
            return None
        return (self.money[1] * Decimal(ROOM)).quantize(Decimal("0.01")) + Decimal("0.01")

    @property
    def offered_candidates(self) -> int | None:
        return None if self.candidates is None else ceil(self.candidates[1] * ROOM) + 1


def estimate(run: Run) -> Estimate | None:
    """None before anything is settled. Two queries."""
    per = list(
        run.candidates.filter(settled=True)
        .order_by("ordinal")
        .annotate(good=Count("samples", filter=Q(samples__left_out__in=["", "beyond_target"])))
        .values_list("good", flat=True)
    )
    if not per:
        return None
    spent = Spending.objects.of(run.job)
    mean = sum(per) / len(per)
    spread = sqrt(sum((one - mean) ** 2 for one in per) / max(1, len(per) - 1))
    # Of few candidates that all came to the same, the spread says nothing: one more or less among them is always possible.
    half = Z * max(spread / sqrt(len(per)), 1 / (2 * len(per)))
    each = (max(0.0, mean - half), mean, mean + half)
    return _estimate(run, per, each, spent)


def _estimate(run: Run, per: list[int], each: tuple[float, float, float], spent: Spent) -> Estimate:
    seen, good = len(per), sum(per)
    if not good:
        return Estimate(seen, 0, each, None, None, None, None)

    def needed(rate: float) -> int | None:
        return ceil(run.target / rate) if rate > 0 else None

    high, likely, low = (needed(rate) for rate in each)
    assert likely is not None and low is not None
    wanted = (low, likely, high)

    def times(share: float) -> tuple[int, int, int | None]:
        figures = [None if n is None else round(n * share) for n in wanted]
        return figures[0] or 0, figures[1] or 0, figures[2]

    money = None
    if spent.money:
        one = spent.money / seen
        money = (one * low, one * likely, None if high is None else one * high)
    return Estimate(
        seen,
        good,
        each,
        candidates=wanted,
        calls=times(spent.calls / seen),
        tokens=times(spent.tokens / seen),
        money=money,
    )

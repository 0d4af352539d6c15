"""What of a run's samples is accepted: in seed order, whoever finished first, so that a run that was killed and resumed accepts the same ones.

A sample goes on when every required verdict passed and it says nothing that was accepted before it. By verdicts it is accepted then, up to exactly
the target. By people it is proposed to them, never more than the target still wants; what passed beyond that is spare, and is proposed when one is rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.utils import timezone

from curation.actions import queues
from curation.models import Candidate, Embedding, EmbeddingModel, Item, Run, Sample, Slot, Verdict
from curation.recipe.chain import ChainVerdict
from curation.recipe.generate.diversity import repeats
from curation.recipe.verify.examine import STANDINGS, wanting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Passed, and not needed as yet: the target is reached without it.
SPARE = "beyond_target"


@dataclass(frozen=True, slots=True)
class Stock:
    """What a run has of samples that go on: accepted ones, those with people, and spare ones."""

    accepted: int
    proposed: int
    spare: int

    def short_of(self, target: int) -> int:
        """How many more have to be made."""
        return max(0, target - self.accepted - self.proposed - self.spare)


def samples_of(run: Run) -> QuerySet[Sample]:
    return Sample.objects.filter(candidate__run=run)


def going_on(run: Run) -> QuerySet[Sample]:
    """Samples that passed what the run requires: accepted, with people, or spare."""
    return samples_of(run).filter(candidate__settled=True, left_out__in=["", SPARE])


def stock(run: Run) -> Stock:
    found = going_on(run)
    if not run.by_people:
        return Stock(found.exclude(rank=None).count(), 0, 0)
    proposed = found.filter(left_out="")
    return Stock(
        proposed.filter(state=Sample.State.APPROVED).count(),
        proposed.filter(state=Sample.State.CANDIDATE).count(),
        found.filter(left_out=SPARE, state=Sample.State.CANDIDATE).count(),
    )


def settle(run: Run, model: EmbeddingModel | None, before: int | None) -> Stock:
    """Decide on candidates in their order, up to but not including `before` (None: all that are done).

    Inside a transaction that holds the run's row. `model`: whose vectors tell what repeats what; None compares texts alone.
    """
    waiting = run.candidates.filter(settled=False).exclude(state=Candidate.State.NOT_ASKED)
    if before is not None:
        waiting = waiting.filter(ordinal__lt=before)
    ids = list(waiting.order_by("ordinal").values_list("pk", flat=True))
    if ids:
        made = list(
            Sample.objects.filter(candidate__in=ids)
            .order_by("candidate__ordinal", "branch")
            .defer("search", "messages", "text", "meta")
        )
        _judge(run, made, model)
        Sample.objects.bulk_update(made, ["left_out", "left_out_detail", "repeats"], batch_size=500)
        Candidate.objects.filter(pk__in=ids).update(settled=True)
    return propose(run) if run.by_people else _accept(run)


def _judge(run: Run, made: Sequence[Sample], model: EmbeddingModel | None) -> None:
    """Set why each of these goes no further; what passes stays without a reason."""
    passed = _without_failures(run, made)
    if run.most_similar is None or not passed:
        return
    earlier = list(going_on(run).exclude(pk__in=[one.pk for one in made]).values_list("pk", "text_sha256"))
    texts = {digest: pk for pk, digest in earlier}
    fresh: list[Sample] = []
    for one in passed:
        if one.repeats_id is not None:  # of the approved set: found when it was made
            one.left_out = "repeats_approved"
        elif (twin := texts.setdefault(one.text_sha256, one.pk)) != one.pk:
            one.left_out, one.repeats_id, one.left_out_detail = "repeats_accepted", twin, "word for word"
        else:
            fresh.append(one)
    if model is not None and fresh:
        _leave_out_near(run.most_similar, model, fresh, earlier)


def _leave_out_near(
    most: float, model: EmbeddingModel, fresh: Sequence[Sample], earlier: Sequence[tuple[int, str]]
) -> None:
    ids, before = _vectors(model, earlier)
    fresh_ids, new = _vectors(model, [(one.pk, one.text_sha256) for one in fresh])
    by_id = {one.pk: one for one in fresh}
    ids += fresh_ids
    for at, (nearest, cosine) in repeats(new, before, most).items():
        one = by_id[fresh_ids[at]]
        one.left_out, one.repeats_id = "repeats_accepted", ids[nearest]
        one.left_out_detail = f"cosine {cosine:.3f}"


def _vectors(
    model: EmbeddingModel, texts: Sequence[tuple[int, str]]
) -> tuple[list[int], NDArray[np.float32]]:
    """Ids and vectors of the texts that have one under this model: one that was made under another is compared word for word only."""
    import numpy as np

    rows, there = Embedding.objects.matrix(model, [digest for _, digest in texts])
    ids = [pk for (pk, _), here in zip(texts, there, strict=True) if here]
    return ids, rows[there].astype(np.float32)


def _without_failures(run: Run, made: Sequence[Sample]) -> list[Sample]:
    """Those with every required verdict passed. The others get a reason with the verdict that kept them back."""
    said: dict[int, list[ChainVerdict]] = {}
    rows = Verdict.objects.filter(sample__in=[one.pk for one in made], kind__in=run.required)
    for sample, kind, outcome, judge in rows.order_by("sample", "ordinal").values_list(
        "sample", "kind", "outcome", "judge"
    ):
        said.setdefault(sample, []).append(ChainVerdict(kind, outcome, judge))
    passed = []
    for one in made:
        if missing := wanting(said.get(one.pk, []), run.required):
            kind, stands = next(iter(missing.items()))
            one.left_out = "verdict_failed" if stands == "failed" else "verdict_uncertain"
            one.left_out_detail = f"{kind}: {STANDINGS[stands].lower()}"
        else:
            passed.append(one)
    return passed


# By verdicts


def _accept(run: Run) -> Stock:
    """Accept what passed, in its order, until there are exactly as many as wanted."""
    waiting = (
        going_on(run)
        .filter(rank=None, left_out="", state=Sample.State.CANDIDATE)
        .order_by("candidate__ordinal", "branch")
        .only("pk")
    )
    found = list(waiting)
    taken, beyond = found[: run.target - run.accepted], found[run.target - run.accepted :]
    for rank, one in enumerate(taken, run.accepted + 1):
        one.rank, one.state = rank, Sample.State.APPROVED
    Sample.objects.bulk_update(taken, ["rank", "state"], batch_size=500)
    Sample.objects.filter(pk__in=[one.pk for one in beyond]).update(left_out=SPARE)
    run.accepted += len(taken)
    if run.accepted == run.target:
        run.ended = Run.Ended.TARGET
    run.save(update_fields=["accepted", "ended"])
    return Stock(run.accepted, 0, len(beyond))


# By people


def propose(run: Run) -> Stock:
    """Put as many samples before people as the target still wants, in their order; what passed beyond that is spare.

    When as many as wanted are approved, the run has reached its target, and they get their ranks. Inside a transaction that holds the run's row.
    """
    assert run.queue is not None
    found = going_on(run).order_by("candidate__ordinal", "branch")
    there = found.filter(items__queue=run.queue)
    approved = there.filter(state=Sample.State.APPROVED, left_out="")
    pending = there.filter(state=Sample.State.CANDIDATE, left_out="")
    room = run.target - approved.count() - pending.count()
    free = list(
        found.filter(state=Sample.State.CANDIDATE)
        .exclude(items__queue=run.queue)
        .values_list("pk", flat=True)
    )
    chosen, spare = free[: max(0, room)], free[max(0, room) :]
    if chosen:
        Sample.objects.filter(pk__in=chosen, left_out=SPARE).update(left_out="")
        queues.add_subjects(run.queue, Sample.objects.filter(pk__in=chosen))
    Sample.objects.filter(pk__in=spare).update(left_out=SPARE)
    run.accepted = min(run.target, approved.count())
    if run.accepted == run.target:
        _rank(run, approved, pending)
    run.save(update_fields=["accepted", "ended"])
    return stock(run)


def _rank(run: Run, approved: QuerySet[Sample], pending: QuerySet[Sample]) -> None:
    """The target is reached: the first approved ones are it, and nobody is asked about others any more."""
    run.ended = Run.Ended.TARGET
    first = list(approved.only("pk")[: run.target])
    for rank, one in enumerate(first, 1):
        one.rank = rank
    Sample.objects.bulk_update(first, ["rank"], batch_size=500)
    waiting = Item.objects.filter(queue=run.queue, state=Item.State.OPEN, sample__in=pending.values("pk"))
    Slot.objects.filter(item__in=waiting.values("pk"), state=Slot.State.OPEN).update(state=Slot.State.CLOSED)
    pending_ids = list(pending.values_list("pk", flat=True))
    waiting.update(state=Item.State.CLOSED, settled_at=timezone.now())
    Sample.objects.filter(pk__in=pending_ids).update(left_out=SPARE)


def with_people() -> QuerySet[Run]:
    """Runs whose samples people decide on and that may need more."""
    return Run.objects.filter(
        Q(ended="") | Q(ended__in=[Run.Ended.CANDIDATES, Run.Ended.BUDGET]),
        accepting=Run.Accepting.PEOPLE,
        phase=Run.Phase.FULL,
        project__archived_at=None,
    )

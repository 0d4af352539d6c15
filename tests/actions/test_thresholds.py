"""Thresholds as events: what a change would do is what it does, and undoing it leaves exactly what was there."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import Any

import pytest

from curation.actions import queues, thresholds
from curation.actions.thresholds import ThresholdError
from curation.jobs import run
from curation.jobs.kinds import KINDS
from curation.models import (
    Chunk,
    Cluster,
    ClusterMember,
    Document,
    Item,
    Job,
    KnobChange,
    Passage,
    Project,
    Queue,
    Score,
    Seed,
    Slot,
)
from tests import factories as make
from tests import labelling

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random vectors have no near duplicates; looking for them has tests of its own."""
    monkeypatch.setattr(thresholds, "COMPARED_ANEW", ("select",))


@pytest.fixture
def project() -> Project:
    """Forty scored passages on twenty pages of two topics, with seeds in two queues, one of them a manager's own."""
    made = make.a_project("levers", knobs={"min_educational": 1.0, "min_factual": 1.0, "min_reasoning": 5.0})
    labelling.embedded(made)
    labelling.pages(made, labelling.vectors(40), per_page=2, model=labelling.bundled())
    for at, document in enumerate(Document.objects.order_by("pk")):
        document.topic = "arts" if at % 2 else "science"
        document.save()
    job = Job.objects.create(
        project=made, kind="score", lane="curate", then=["select"], options={"model": labelling.bundled().pk}
    )
    assert run.drain(job).state == Job.State.DONE
    own = queues.create_queue(made, None, kind="seeds", name="Mine", order="random")
    queues.fill(own, queues.Filling(), None)
    return made


def applied(change: KnobChange) -> KnobChange:
    job = run.drain(Job.objects.get(kind="thresholds", options__change=change.pk))
    assert job.state == Job.State.DONE, job.reason
    change.refresh_from_db()
    return change


def standing(project: Project) -> dict[str, Any]:
    """Everything that thresholds decide, down to the ids."""
    project = Project.objects.get(pk=project.pk)
    return {
        "knobs": (project.knobs, project.topic_floors),
        "documents": list(Document.objects.order_by("pk").values_list("pk", "left_out", "left_out_detail")),
        "passages": list(Passage.objects.order_by("pk").values_list("pk", "left_out", "left_out_detail")),
        "seeds": list(Seed.objects.order_by("pk").values("id", "uuid", "passage", "state", "created_at")),
        "items": list(
            Item.objects.order_by("pk").values("id", "uuid", "queue", "seed", "position", "wanted", "state")
        ),
        "slots": sorted(Slot.objects.values_list("item", "queue", "number", "position", "state")),
    }


def kept(project: Project) -> tuple[int, int]:
    return (
        Document.objects.filter(project=project, left_out="").count(),
        Passage.objects.filter(project=project, left_out="").count(),
    )


#: Half of the pages, or passages, score less.
MIDDLE = -1.0


def placed(project: Project, changes: dict[str, float]) -> dict[str, float]:
    """The changes with MIDDLE where the middle of the scores is."""

    def middle(name: str) -> float:
        key = "educational" if name.startswith("topic:") else name.removeprefix("min_")
        return round(median(Score.objects.filter(scorer__rubric__key=key).values_list("value", flat=True)), 3)

    return {name: middle(name) if value == MIDDLE else value for name, value in changes.items()}


@pytest.mark.parametrize(
    "changes",
    [
        {"min_factual": MIDDLE},
        {"min_educational": MIDDLE},
        {"min_educational": MIDDLE, "min_factual": MIDDLE},
        {"topic:arts": 5.0},
        {"min_educational": 5.0, "topic:arts": MIDDLE},
        {"min_document_characters": 10_000},
    ],
)
def test_what_is_foretold_comes_and_goes_again(project: Project, changes: dict[str, float]) -> None:
    changes = placed(project, changes)
    before, counts = standing(project), kept(project)
    foretold = thresholds.effect(project, changes)
    assert standing(project) == before
    assert (foretold.documents.before, foretold.passages.before) == counts
    change = applied(thresholds.apply(project, changes, None))
    assert (foretold.documents.after, foretold.passages.after) == kept(project) != counts
    assert change.counts["after"]["documents"].get("", 0) == foretold.documents.after
    assert change.counts["changed"]["documents"] >= foretold.documents.won + foretold.documents.lost
    assert thresholds.values(Project.objects.get(pk=project.pk)).items() >= changes.items()
    applied(thresholds.undo(change, None))
    assert standing(project) == before


def test_groups_add_up_to_the_whole(project: Project) -> None:
    foretold = thresholds.effect(project, placed(project, {"min_educational": MIDDLE}))
    assert foretold.documents.lost
    for groups in (foretold.by_source, foretold.by_language, foretold.by_topic):
        for field in ("total", "before", "after", "won", "lost"):
            assert sum(getattr(group.documents, field) for group in groups) == getattr(
                foretold.documents, field
            )
            assert sum(getattr(group.passages, field) for group in groups) == getattr(
                foretold.passages, field
            )
    assert {group.key for group in foretold.by_topic} == {"science", "arts"}
    assert (
        foretold.documents.before + foretold.documents.won - foretold.documents.lost
        == foretold.documents.after
    )


def test_a_topic_s_own_floor_keeps_it_alive_and_is_named(project: Project) -> None:
    applied(thresholds.apply(project, {"min_educational": 5.0, "topic:arts": 0.5}, None))
    kept_topics = set(Document.objects.filter(left_out="").values_list("topic", flat=True))
    assert kept_topics == {"arts"}
    applied(thresholds.apply(Project.objects.get(pk=project.pk), {"topic:arts": 4.9}, None))
    details = Document.objects.filter(topic="arts").values_list("left_out_detail", flat=True)
    assert all(detail.endswith("at least 4.90 for the topic arts") for detail in details)
    science = Document.objects.filter(topic="science").values_list("left_out_detail", flat=True)
    assert all(detail.endswith("at least 5.00") for detail in science)


def test_what_people_touched_stays_through_a_change_and_its_undoing(project: Project) -> None:
    from curation.actions import review

    user = make.a_member(project)
    queue = Queue.objects.get(name="Mine")
    claim = review.claim(queue, user)
    assert claim is not None
    review.decide(user, Item.objects.get(pk=claim.item_id), claim.lease, review.Answer("accept"))
    before = standing(project)
    change = applied(thresholds.apply(project, {"min_factual": 5.0}, None))
    assert [one.state for one in Seed.objects.all()] == ["approved"]
    applied(thresholds.undo(change, None))
    assert standing(project) == before


class Killed(BaseException):
    pass


@pytest.mark.parametrize("undoing", [False, True])
def test_killed_in_the_middle_it_is_all_or_nothing_and_goes_on(
    project: Project, undoing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = standing(project)
    change = thresholds.apply(project, placed(project, {"min_educational": MIDDLE}), None)
    if undoing:
        change = thresholds.undo(applied(change), None)
    held = standing(project)
    kind = KINDS["thresholds"]

    def finish(job: Job) -> Any:
        assert kind.finish is not None
        kind.finish(job)
        raise Killed

    monkeypatch.setitem(KINDS, "thresholds", replace(kind, finish=finish))
    with pytest.raises(Killed):
        applied(change)
    assert standing(project) == held
    monkeypatch.setitem(KINDS, "thresholds", kind)
    change = applied(change)
    if not undoing:
        assert standing(project) != before
        applied(thresholds.undo(change, None))
    assert standing(project) == before


def test_pages_that_come_back_are_scored_before_they_are_judged(project: Project) -> None:
    applied(thresholds.apply(project, {"min_educational": 5.0}, None))
    Score.objects.filter(passage__isnull=False).delete()
    project.refresh_from_db()
    foretold = thresholds.effect(project, {"min_educational": 0.0})
    assert foretold.unscored == 40
    assert "scores them first" in foretold.notes[0]
    applied(thresholds.apply(project, {"min_educational": 0.0}, None))
    assert Score.objects.filter(passage__isnull=False).count() == 80
    assert Chunk.objects.filter(job__kind="thresholds").exists()


def test_near_duplicates_can_be_let_in_and_sent_away_again(project: Project) -> None:
    first, second = Passage.objects.filter(left_out="").order_by("pk")[:2]
    cluster = Cluster.objects.create(
        project=project,
        model=labelling.bundled(),
        threshold=0.92,
        rule="best/1",
        representative=first,
        size=2,
    )
    for passage, similarity in ((first, 1.0), (second, 0.94)):
        ClusterMember.objects.create(cluster=cluster, passage=passage, similarity=similarity)
    job = Job.objects.create(project=project, kind="select", lane="curate")
    run.drain(job)
    assert Passage.objects.get(pk=second.pk).left_out == "near_duplicate"
    before = standing(project)
    assert thresholds.effect(project, {"leave_out_near_duplicates": 0}).passages.won == 1
    change = applied(thresholds.apply(project, {"leave_out_near_duplicates": 0}, None))
    assert Passage.objects.get(pk=second.pk).left_out == ""
    applied(thresholds.undo(change, None))
    assert standing(project) == before


def test_a_moved_cosine_is_followed_by_comparing_anew(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thresholds, "COMPARED_ANEW", ("near_duplicates", "select"))
    change = thresholds.apply(project, {"near_duplicate_cosine": 0.9}, None)
    assert change.job is not None
    assert change.job.then == ["near_duplicates", "select"]


def test_changes_come_one_after_the_other(project: Project) -> None:
    first = thresholds.apply(project, {"min_factual": 2.0}, None)
    with pytest.raises(ThresholdError, match="Another change"):
        thresholds.apply(project, {"min_factual": 3.0}, None)
    with pytest.raises(ThresholdError, match="Cancel its job"):
        thresholds.undo(first, None)
    applied(first)
    project.refresh_from_db()
    applied(thresholds.apply(project, {"min_factual": 3.0}, None))
    with pytest.raises(ThresholdError, match="changed again since"):
        thresholds.undo(first, None)


def test_an_undoing_can_be_undone_and_nothing_twice(project: Project) -> None:
    change = applied(thresholds.apply(project, {"min_factual": 2.5}, None))
    after = standing(project)
    back = applied(thresholds.undo(change, None))
    with pytest.raises(ThresholdError, match="undone already"):
        thresholds.undo(change, None)
    applied(thresholds.undo(back, None))
    assert standing(project) == after


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"min_factual": 9}, "outside 0 to 5"),
        ({"seeds_decisions": 2}, "is no threshold"),
        ({"topic:dragons": 1}, "no topic 'dragons'"),
        ({"topic:arts": 7}, "outside"),
        ({"min_factual": "high"}, "not a number"),
        ({"min_factual": 1.0}, "Nothing was changed"),
    ],
)
def test_what_cannot_be_moved_is_refused(project: Project, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ThresholdError, match=said):
        thresholds.apply(project, changes, None)
    assert not KnobChange.objects.exists()


def test_a_topic_s_floor_is_taken_away_with_none(project: Project) -> None:
    applied(thresholds.apply(project, {"topic:arts": 0.5}, None))
    project.refresh_from_db()
    assert project.topic_floors == {"arts": 0.5}
    change = applied(thresholds.apply(project, {"topic:arts": None}, None))
    project.refresh_from_db()
    assert (project.topic_floors, change.before) == ({}, {"topic:arts": 0.5})

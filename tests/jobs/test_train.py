"""New versions of scorers: what they learn from, when they are trained, when they take over, and the way back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from curation.actions import review, scorers
from curation.actions.scorers import ScorerError
from curation.jobs import run
from curation.jobs.kinds import KINDS
from curation.jobs.sweep import sweep
from curation.models import (
    Activation,
    ActiveScorer,
    Chunk,
    Document,
    Job,
    Label,
    Passage,
    Project,
    Queue,
    Rubric,
    Score,
    Scorer,
)
from curation.recipe.scoring import holdout, stored
from tests import factories as make
from tests import labelling

pytestmark = pytest.mark.django_db

LABELS = 120


@pytest.fixture(autouse=True)
def _no_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random vectors have no near duplicates; looking for them has tests of its own."""
    monkeypatch.setattr(scorers, "AFTER_SCORING", ("select",))


@pytest.fixture
def project() -> Project:
    made = make.a_project("levers", knobs={"min_educational": 0.0, "min_factual": 0.0, "min_reasoning": 0.0})
    labelling.embedded(made)
    return made


@pytest.fixture
def factual() -> Rubric:
    return labelling.our_rubric("factual")


def labelled_passages(project: Project, count: int = LABELS, **changes: Any) -> list[Passage]:
    """Scored passages with ratings that follow their vectors, so that a head learns them and the starter does not know them."""
    points = labelling.vectors(count)
    ratings = changes.pop("ratings", labelling.teacher(points))
    passages = labelling.pages(project, points, model=labelling.bundled())
    labelling.scored(project)
    queue = make.a_queue(project, "scores", name=f"Ratings of {project.slug}")
    labelling.rated(queue, passages, {"factual": ratings})
    return passages


def trained(project: Project, rubric: Rubric, **how: Any) -> Scorer:
    job = run.drain(scorers.train(project, rubric, None, **how))
    assert job.state == Job.State.DONE, job.reason
    return Scorer.objects.filter(project=project, rubric=rubric).latest("pk")


def carried_out(project: Project) -> None:
    """Run every job that waits in the project, and what follows it."""
    while job := Job.objects.active().filter(project=project).order_by("pk").first():
        assert run.drain(job).state == Job.State.DONE


def active(project: Project, rubric: Rubric) -> str:
    return str(ActiveScorer.objects.get(project=project, rubric=rubric).scorer)


def test_a_version_says_what_it_learnt_from_and_how_good_it_is(project: Project, factual: Rubric) -> None:
    labelled_passages(project)
    scorer = trained(project, factual)
    assert str(scorer) == "head-1"
    training, figures = scorer.training, scorer.figures
    assert training["labels"] == LABELS == len(training["subjects"]) == len(training["decisions"])
    assert training["learnt"] + len(training["held_out"]) == LABELS
    pages = dict(Passage.objects.values_list("pk", "document__sha256"))
    assert set(training["held_out"]) == {key for key in training["subjects"] if holdout.held_out(pages[key])}
    assert figures["n"] == len(training["held_out"])
    assert figures["present"]["name"] == "starter-1"
    assert figures["present"]["n"] == figures["n"]
    assert figures["spearman"] > figures["present"]["spearman"]
    assert set(figures["by_language"]) == {"en"}
    curve = figures["learning_curve"]
    assert [point["labels"] for point in curve] == sorted(point["labels"] for point in curve)
    assert curve[-1]["labels"] == training["learnt"]


def test_too_few_labels_are_refused_with_how_many_are_missing(project: Project, factual: Rubric) -> None:
    labelled_passages(project, 30)
    queue = make.a_queue(project, "scores", wanted=2)
    item = make.an_item(queue, make.a_passage(project))
    user = make.a_user()
    claim = review.claim(queue, user)
    assert claim is not None
    review.decide(user, item, claim.lease, review.Answer("rate", ratings={"factual": 2, "reasoning": 1}))
    with pytest.raises(ScorerError, match=r"20 more settled labels; there are 30\. 1 more .* another person"):
        scorers.train(project, factual, None)
    assert not Job.objects.filter(kind="train").exists()


def test_a_project_without_vectors_is_refused(factual: Rubric) -> None:
    with pytest.raises(ScorerError, match="Curate it first"):
        scorers.train(make.a_project("nothing"), factual, None)


def test_a_better_version_takes_over_once_everything_has_its_score(project: Project, factual: Rubric) -> None:
    passages = labelled_passages(project)
    scorer = trained(project, factual)
    assert scorer.training["activation"]["by_itself"], scorer.training["activation"]
    job = scorers.pending(project, factual)
    assert job is not None
    assert active(project, factual) == "starter-1"
    run.plan(job.pk)
    chunk = run.claim(job.pk)
    job.refresh_from_db()
    assert chunk is not None, (job.state, job.reason, job.lane)
    run.run_chunk(chunk)
    assert Score.objects.filter(scorer=scorer).count() == len(passages)
    assert active(project, factual) == "starter-1", "the job has not ended"
    carried_out(project)
    assert active(project, factual) == "head-1"
    assert [str(one.scorer) for one in scorers.history(project, factual)] == ["head-1", "starter-1"]
    head = stored.read(scorer.parameters, "factual")
    one = Score.objects.filter(scorer=scorer).select_related("passage").latest("pk")
    from curation.models import features

    rows = features.of_passages(labelling.bundled(), passages=[one.passage_id])
    assert one.value == pytest.approx(head.score(rows.vectors, rows.columns(head.keys))[0])


def test_a_worse_version_waits_for_a_person_and_says_so(project: Project, factual: Rubric) -> None:
    passages = labelled_passages(project)
    trained(project, factual)
    carried_out(project)
    chance = np.random.default_rng(3).integers(0, 6, len(passages))
    queue = Queue.objects.get(project=project, kind="scores")
    for item, value in zip(queue.items.order_by("pk"), chance.tolist(), strict=True):
        if not holdout.held_out(item.passage.document.sha256):
            item.result = {"factual": float(value)}
            item.save()
    worse = trained(project, factual)
    assert str(worse) == "head-2"
    assert worse.training["activation"]["by_itself"] is False
    assert "a person decides" in worse.training["activation"]["why"]
    assert scorers.pending(project, factual) is None
    assert active(project, factual) == "head-1"
    person = make.a_member(project, "manager")
    scorers.activate(project, worse, person, "We rate otherwise now.")
    carried_out(project)
    latest = scorers.history(project, factual)[0]
    assert (str(latest.scorer), latest.by, latest.why) == ("head-2", person, "We rate otherwise now.")


def test_rolling_back_walks_the_history_and_computes_nothing(project: Project, factual: Rubric) -> None:
    labelled_passages(project)
    for _ in range(2):
        scorer = trained(project, factual)
        if not scorers.pending(project, factual):
            scorers.activate(project, scorer, None)
        carried_out(project)
    assert active(project, factual) == "head-2"
    scores = Score.objects.count()
    for expected in ("head-1", "starter-1"):
        job = scorers.roll_back(project, factual, None)
        carried_out(project)
        assert not Chunk.objects.filter(job=job).exists()
        assert active(project, factual) == expected
    assert Score.objects.count() == scores
    with pytest.raises(ScorerError, match="No other version"):
        scorers.roll_back(project, factual, None)


def test_verdicts_follow_the_version_that_speaks_and_come_back_with_it(
    project: Project, factual: Rubric
) -> None:
    labelled_passages(project)
    project.knobs = {"min_educational": 0.0, "min_factual": 2.5, "min_reasoning": 5.0}
    project.save()
    labelling.scored(project)

    def verdicts() -> list[Any]:
        return list(Passage.objects.order_by("pk").values_list("pk", "left_out", "left_out_detail"))

    before = verdicts()
    trained(project, factual)
    carried_out(project)
    after = verdicts()
    assert after != before
    low = {key for key, left_out, _ in after if left_out == "low_scores"}
    scores = Score.objects.filter(scorer__name="head", value__lt=2.5).values_list("passage", flat=True)
    assert low == set(scores)
    scorers.roll_back(project, factual, None)
    carried_out(project)
    assert verdicts() == before


class Killed(BaseException):
    pass


@pytest.mark.parametrize("name", ["train", "score"])
def test_a_worker_killed_before_saving_leaves_the_same_rows(
    project: Project, factual: Rubric, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled_passages(project)
    kind, killed = KINDS[name], []

    def save(job: Job, chunk: Chunk, result: Any) -> Any:
        tally = kind.save(job, chunk, result)
        if not killed:
            killed.append(chunk.pk)
            raise Killed
        return tally

    monkeypatch.setitem(KINDS, name, replace(kind, save=save))
    job = scorers.train(project, factual, None)
    assert job.is_active
    with pytest.raises(Killed):
        carried_out(project)
    Chunk.objects.filter(pk=killed[0]).update(state=Chunk.State.WAITING, expires_at=None)
    carried_out(project)
    assert Scorer.objects.filter(project=project).count() == 1
    first = Scorer.objects.get(project=project)
    assert active(project, factual) == "head-1"
    values = dict(Score.objects.filter(scorer=first).values_list("passage", "value"))
    assert len(values) == LABELS
    monkeypatch.setitem(KINDS, name, kind)
    again = trained(project, factual)
    assert (again.parameters, again.figures["n"]) == (first.parameters, first.figures["n"])


def test_undone_labels_are_not_in_the_next_version(project: Project, factual: Rubric) -> None:
    labelled_passages(project)
    queue = make.a_queue(project, "scores")
    item = make.an_item(
        queue, labelling.pages(project, labelling.vectors(1, seed=9), model=labelling.bundled())[0]
    )
    user = make.a_user()
    claim = review.claim(queue, user)
    assert claim is not None
    decision = review.decide(
        user, item, claim.lease, review.Answer("rate", ratings={"factual": 5, "reasoning": 1})
    )
    assert decision.pk in trained(project, factual).training["decisions"]
    carried_out(project)
    review.undo(user, decision)
    after = trained(project, factual).training
    assert decision.pk not in after["decisions"]
    assert item.passage_id not in after["subjects"]


def test_labels_of_annotators_are_used_only_when_asked_for(project: Project, factual: Rubric) -> None:
    labelled_passages(project, 60)
    extra = labelling.pages(project, labelling.vectors(40, seed=5), model=labelling.bundled())
    Label.objects.bulk_create(
        Label(project=project, rubric=factual, passage=one, annotator="m · factual/1", value=at % 6)
        for at, one in enumerate(extra)
    )
    plain = trained(project, factual).training
    assert (plain["labels"], plain["annotators"], plain["label_ids"]) == (60, [], [])
    carried_out(project)
    mixed = trained(project, factual, annotators=["m · factual/1"]).training
    assert (mixed["labels"], mixed["by_people"], len(mixed["label_ids"])) == (100, 60, 40)
    assert mixed["annotators"] == ["m · factual/1"]


def test_pages_are_learnt_as_a_whole(project: Project) -> None:
    educational = labelling.our_rubric("educational")
    points = labelling.vectors(100)
    passages = labelling.pages(project, points, model=labelling.bundled())
    labelling.scored(project)
    queue = Queue.objects.create(project=project, kind="pages", name="Pages")
    documents = [one.document for one in passages]
    labelling.rated(queue, documents, {"educational": labelling.teacher(points)})
    scorer = trained(project, educational)
    assert scorer.figures["present"]["name"] == "starter-1"
    scorers.activate(project, scorer, None) if not scorers.pending(project, educational) else None
    carried_out(project)
    assert Score.objects.filter(scorer=scorer, document__in=documents).count() == 100
    assert active(project, educational) == "head-1"


def test_a_rubric_of_the_project_s_own_is_trained_and_scored(project: Project) -> None:
    own = Rubric.objects.create(
        project=project, key="dates", name="Dates", level="passage", question="Are there dates?", highest=3
    )
    points = labelling.vectors(100)
    passages = labelling.pages(project, points, model=labelling.bundled())
    labelling.scored(project)
    queue = make.a_queue(project, "scores", rubrics=["dates"])
    labelling.rated(queue, passages, {"dates": labelling.teacher(points, 3)})
    scorer = trained(project, own)
    assert scorer.figures["present"] is None
    assert scorer.training["activation"]["by_itself"], scorer.training["activation"]
    carried_out(project)
    values = Score.objects.filter(scorer=scorer).values_list("value", flat=True)
    assert len(values) == 100
    assert max(values) <= 3


def test_enough_new_labels_start_a_training_by_themselves(project: Project, factual: Rubric) -> None:
    passages = labelled_passages(project, 60)
    sweep()
    job = Job.objects.get(kind="train")
    assert job.created_by is None
    sweep()
    assert Job.objects.filter(kind="train").count() == 1
    run.drain(job)
    carried_out(project)
    more = labelling.pages(project, labelling.vectors(50, seed=8), model=labelling.bundled())
    queue = make.a_queue(project, "scores")
    labelling.rated(queue, more[:49], {"factual": [at % 6 for at in range(49)]})
    sweep()
    assert Job.objects.filter(kind="train").count() == 1
    labelling.rated(queue, more[49:], {"factual": [3]}, [make.a_user()])
    sweep()
    assert Job.objects.filter(kind="train").count() == 2
    assert passages


def test_a_project_can_keep_its_manager_in_charge_of_training(project: Project) -> None:
    labelled_passages(project, 60)
    project.knobs = {**project.knobs, "retrain_after_labels": 0}
    project.save()
    sweep()
    assert not Job.objects.filter(kind="train").exists()


def test_one_training_of_a_rubric_runs_at_a_time(project: Project, factual: Rubric) -> None:
    labelled_passages(project)
    scorers.train(project, factual, None)
    with pytest.raises(ScorerError, match="already"):
        scorers.train(project, factual, None)


def test_another_project_s_version_cannot_be_activated(project: Project, factual: Rubric) -> None:
    labelled_passages(project)
    scorer = trained(project, factual)
    other = make.a_project("other")
    labelling.embedded(other)
    with pytest.raises(ScorerError, match="another project"):
        scorers.activate(other, scorer, None)


def test_an_activation_waits_until_curation_is_done(project: Project, factual: Rubric) -> None:
    labelled_passages(project)
    scorer = trained(project, factual)
    job = scorers.pending(project, factual) or scorers.activate(project, scorer, None)
    holder = Job.objects.create(project=project, kind="demonstration", lane="curate", state=Job.State.RUNNING)
    run.plan(job.pk)
    job.refresh_from_db()
    assert (job.state, job.lane) == (Job.State.WAITING, "")
    assert run.in_the_way(job) == holder
    holder.state = Job.State.DONE
    holder.save()
    run.plan(job.pk)
    job.refresh_from_db()
    assert (job.state, job.lane) == (Job.State.RUNNING, "curate")


def test_documents_are_given_their_topic(project: Project) -> None:
    labelling.pages(project, labelling.vectors(3), model=labelling.bundled())
    Document.objects.update(topic="")
    labelling.scored(project)
    assert not Document.objects.filter(topic="").exists()


def test_the_first_scorers_begin_the_history(project: Project, factual: Rubric) -> None:
    labelling.pages(project, labelling.vectors(3), model=labelling.bundled())
    labelling.scored(project)
    labelling.scored(project)
    assert Activation.objects.filter(project=project).count() == 3

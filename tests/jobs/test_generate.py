"""Runs against a scripted server over real HTTP: exactly as many as wanted, in seed order, whatever happens on the way."""

from __future__ import annotations

import pytest

from curation.actions import review, runs
from curation.actions.runs import RunError
from curation.jobs import run as jobs
from curation.jobs import steering
from curation.jobs.steering import Bounds
from curation.models import Call, Candidate, Chunk, Item, Job, Loss, Mishap, Run, Sample, Seed, Verdict
from curation.models.approved import Approved
from curation.recipe.llm import asking
from curation.recipe.llm.errors import ERRORS
from curation.recipe.llm.retry import Retrying
from tests import factories as make
from tests.generating import (
    CHECK,
    GOOD,
    NOTES,
    REASONING,
    a_project_with_seeds,
    a_run,
    an_endpoint,
    notes,
    sensible,
    task,
)
from tests.jobs.test_annotate import BAD
from tests.llm_server import RATING, error, serving
from tests.recipe.generate.scripted import script
from tests.recipe.verify.test_judge import SOUND

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Retries as they are, with waits of milliseconds."""
    quick = Retrying(attempts=3, first=0.01, most=0.02, patience=2)
    monkeypatch.setitem(asking.ask.__kwdefaults__, "retrying", quick)


def accepted(run):
    found = Sample.objects.filter(candidate__run=run).exclude(rank=None).order_by("rank")
    return list(found.values_list("candidate__ordinal", "branch", "text"))


def drained(run):
    job = jobs.drain(run.job)
    run.refresh_from_db()
    return job


def every_third(reply):
    """`reply` for each third seed, by the number in its text."""

    def answer(seen, nth):
        words = seen.text.partition("of kind ")[2].split()
        at = int(words[0].rstrip(".,"))
        return reply if at % 3 == 0 else None

    return answer


def or_else(special, usual):
    def answer(seen, nth):
        found = special(seen, nth)
        return found if found is not None else usual(seen, nth) if callable(usual) else usual

    return answer


def test_a_run_accepts_exactly_as_many_as_wanted_in_seed_order():
    project = a_project_with_seeds(12)
    with serving(sensible()) as server:
        run = a_run(project, an_endpoint(server), target=7)
        job = drained(run)
    assert job.state == Job.State.DONE, job.reason
    assert (run.accepted, run.ended, run.standing) == (7, Run.Ended.TARGET, "target")
    assert [ordinal for ordinal, _, _ in accepted(run)] == list(range(7))
    assert Sample.objects.filter(candidate__run=run, state="approved").count() == 7
    spare = Sample.objects.filter(candidate__run=run, rank=None)
    assert set(spare.values_list("left_out", flat=True)) <= {"beyond_target"}
    # What a run accepts by verdicts is approved, what is beyond its target is not.
    counts = Approved(project, "samples").counts()
    assert counts.rows == 7 and counts.left_out["beyond_target"] == spare.count()


def test_a_candidate_that_comes_to_nothing_is_made_up_for_and_named():
    """Each third seed is found unusable: losses say why, at which prompt, by which calls; the target is reached all the same."""
    project = a_project_with_seeds(9)
    unusable = {"consideration": "An advertisement.", "points": [], "misconceptions": [], "usable": False}
    with serving(sensible((NOTES, or_else(every_third(unusable), notes)))) as server:
        run = a_run(project, an_endpoint(server), target=8, most_candidates=40)
        drained(run)
    assert run.ended == Run.Ended.TARGET and run.accepted == 8
    losses = Loss.objects.filter(candidate__run=run)
    assert losses and {one.reason for one in losses} == {"nothing_to_teach"}
    for one in losses:
        assert one.at == "rewrite-notes/1" and "An advertisement." in one.detail
        (call,) = one.calls.all()
        assert "An advertisement." in str(call.answer) and str(call.prompt_version) == "rewrite-notes/1"
    # A second round over the seeds is another candidate of each, which is asked anew.
    assert run.candidates.filter(number=1).exists()


def test_a_run_ends_short_where_no_candidate_is_left_and_goes_on_when_more_are_allowed():
    project = a_project_with_seeds(4)
    bad = {**GOOD, "correct": False}
    with serving(sensible((CHECK, lambda seen, nth: bad))) as server:
        run = a_run(project, an_endpoint(server), target=3, most_candidates=5)
        drained(run)
        assert (run.ended, run.accepted, run.candidates.count()) == (Run.Ended.CANDIDATES, 0, 5)
        assert {one.reason for one in Loss.objects.filter(candidate__run=run)} == {"wrong_answer"}
        with pytest.raises(RunError, match="All 5 candidates"):
            steering.go_on(run, None, Bounds(3, 5, budget_tokens=10_000_000))
        server.script = sensible()
        steering.go_on(run, None, Bounds(3, 12, budget_tokens=10_000_000))
        drained(run)
    assert (run.ended, run.accepted) == (Run.Ended.TARGET, 3)
    assert [ordinal for ordinal, _, _ in accepted(run)] == [5, 6, 7]


def test_a_budget_is_never_exceeded_and_raising_it_asks_for_what_was_left():
    project = a_project_with_seeds(14)
    with serving(sensible()) as server:
        endpoint = an_endpoint(server, concurrency=3)
        run = a_run(project, endpoint, target=10, budget_tokens=20_000)
        drained(run)
        assert run.ended == Run.Ended.BUDGET and 0 < run.accepted < 10
        assert server.tokens <= 20_000
        assert run.candidates.filter(state=Candidate.State.NOT_ASKED).exists()
        before, calls = accepted(run), len(server.asked)
        steering.go_on(run, None, Bounds(10, 50, budget_tokens=10_000_000))
        drained(run)
        texts = [one.text for one in server.asked]
        assert len(texts) == len(set(texts)) and len(texts) > calls  # nothing was asked twice
    assert (run.ended, run.accepted) == (Run.Ended.TARGET, 10)
    assert accepted(run)[: len(before)] == before


def test_a_pilot_stops_for_somebody_to_look_and_is_part_of_the_run():
    project = a_project_with_seeds(6)
    with serving(sensible()) as server:
        run = a_run(project, an_endpoint(server), target=5, pilot=2)
        drained(run)
        assert (run.standing, run.candidates.count(), run.accepted) == ("ready", 2, 2)
        calls = len(server.asked)
        steering.go_on(run, None, Bounds(5, 50, budget_tokens=10_000_000))
        drained(run)
        assert len(server.asked) >= calls + 3 * 3
        assert len({one.text for one in server.asked}) == len(server.asked)
    assert (run.standing, run.accepted) == ("target", 5)
    assert [ordinal for ordinal, _, _ in accepted(run)] == [0, 1, 2, 3, 4]


def test_a_run_that_is_paused_asks_nothing_more_and_goes_on_where_it_was():
    project = a_project_with_seeds(8)
    with serving(sensible()) as server:
        run = a_run(project, an_endpoint(server, concurrency=2), target=8)
        jobs.plan(run.job_id)
        chunk = jobs.claim(run.job_id)
        steering.pause(run, None)
        jobs.run_chunk(chunk)
        run.refresh_from_db()
        assert run.standing == "paused"
        asked = len(server.asked)
        assert jobs.claim(run.job_id) is None
        steering.resume(run, None)
        drained(run)
        assert len(server.asked) > asked or run.accepted == 8
    assert (run.standing, run.accepted) == ("target", 8)


def test_a_server_that_fails_one_candidate_leaves_a_named_failure_and_the_run_goes_on():
    project = a_project_with_seeds(6)
    with serving(sensible((NOTES, or_else(every_third(error(500)), notes)))) as server:
        run = a_run(project, an_endpoint(server), target=6, most_candidates=30)
        job = drained(run)
    assert (job.state, run.accepted) == (Job.State.DONE, 6)
    failed = run.candidates.filter(state=Candidate.State.FAILED)
    assert failed and {one.error for one in failed} == {"server_error"}
    assert Mishap.objects.filter(job=job, reason="server_error").count() == failed.count()
    assert job.result["failed"] == {"The server failed": failed.count()} or job.result["failed"]


def test_however_the_server_misbehaves_every_candidate_ends_as_a_sample_a_loss_or_a_named_failure():
    """Each seed meets another misbehaviour at its first prompt; where that passes, or its answer can be mended, it goes on sensibly."""
    project = a_project_with_seeds(len(BAD))
    names = list(BAD)

    def misbehaving(seen, nth):
        at = int(seen.text.partition("of kind ")[2].split()[0].rstrip(".,"))
        reply = BAD[names[at]][0](nth)
        good = reply.content == RATING and reply.body is None and reply.status == 200
        if good and not (reply.hang or reply.cut):
            return notes(seen, nth)
        return reply

    with serving(sensible((NOTES, misbehaving))) as server:
        endpoint = an_endpoint(server, concurrency=16, seconds=1)
        run = a_run(project, endpoint, target=100, most_candidates=len(BAD))
        job = drained(run)
        assert all(
            call.error or call.answer is not None for call in Call.objects.filter(job=job, hit_of=None)
        )
    assert job.state == Job.State.DONE, job.reason
    assert run.ended == Run.Ended.CANDIDATES and run.candidates.count() == len(BAD)
    for candidate in run.candidates.prefetch_related("samples", "losses"):
        ends = [
            bool(candidate.samples.all()),
            bool(candidate.losses.all()),
            candidate.state == Candidate.State.FAILED,
        ]
        assert sum(ends) == 1, names[candidate.seed_id % len(BAD)]
    assert run.accepted > 5 and Loss.objects.filter(candidate__run=run).count() > 5
    assert set(run.candidates.exclude(error="").values_list("error", flat=True)) <= set(ERRORS)


def test_a_wrong_key_stops_the_run_with_a_reason_and_it_is_resumed_once_that_is_right():
    project = a_project_with_seeds(14)
    with serving(lambda seen, nth: error(401, "bad key")) as server:
        run = a_run(project, an_endpoint(server), target=14)
        job = drained(run)
        assert job.state == Job.State.FAILED and "resume" in job.reason.lower() and run.standing == "stopped"
        server.script = sensible()
        steering.resume(run, None)
        drained(run)
    assert (run.standing, run.accepted) == ("target", 14)


def test_what_repeats_an_accepted_sample_or_the_approved_set_is_left_out_by_name():
    project = a_project_with_seeds(5)
    texts = {}

    def same(seen, nth):
        """Every second task has the same words."""
        made = task(seen, nth)
        at = len(texts.setdefault("n", [])) % 2
        texts["n"].append(at)
        return made if at else {**made, "task": "Work out which way water flows on a slope, and say why.", "steps": made["steps"][:0] + [{"given": "Water is heavy.", "follows": "It sinks.", "because": "of weight."}] * 2, "answer": "Down."}  # fmt: skip

    make.a_sample(
        project,
        "Work out which way water flows on a slope, and say why.",
        "1. Water is heavy. Hence: It sinks. Because: of weight.\n2. Water is heavy. Hence: It sinks. Because: of weight.\n\nAnswer: Down.",
        state="approved",
    )
    with serving(sensible((REASONING, same))) as server:
        run = a_run(
            project, an_endpoint(server, concurrency=1), target=4, most_similar=0.97, most_candidates=12
        )
        job = drained(run)
    assert job.state == Job.State.DONE, job.reason
    repeated = Sample.objects.filter(candidate__run=run, left_out="repeats_approved")
    assert repeated.count() >= 2
    assert all(one.repeats is not None and "cosine" in one.left_out_detail for one in repeated)
    texts_accepted = [text for _, _, text in accepted(run)]
    assert len(texts_accepted) == 4 and not any("water flows" in text for text in texts_accepted)


def test_a_judge_is_asked_about_what_the_other_verdicts_left_and_its_words_decide():
    project = a_project_with_seeds(6)
    fault = {"words": "it holds", "wrong": "It need not.", "kind": "logical"}

    def judged(seen, nth):
        return SOUND | ({"faults": [fault], "accuracy": 2} if len(judging.asked) % 3 == 0 else {})

    fields = ("own_solution", "faults", "discussion", "accuracy", "style", "detail")
    with serving(sensible()) as server, serving(script((fields, judged))) as judging:
        judge = an_endpoint(judging, name="Judge", model="strict")
        run = a_run(project, an_endpoint(server), target=4, judge=judge, most_candidates=30)
        drained(run)
    assert (run.ended, run.accepted) == (Run.Ended.TARGET, 4)
    said = Verdict.objects.filter(sample__candidate__run=run, kind="judge", judge="strict judge/1")
    assert said.count() == Sample.objects.filter(candidate__run=run).count()
    kept_back = Sample.objects.filter(candidate__run=run, left_out="verdict_failed")
    assert kept_back.exists() and all(one.left_out_detail == "judge: failed" for one in kept_back)
    assert not said.filter(sample__rank__isnull=False).exclude(outcome="passed").exists()
    for one in said.select_related("call__prompt_version__prompt", "call__endpoint"):
        assert one.call.endpoint == judge and str(one.call.prompt_version) == "judge/1"


def test_samples_wait_for_people_and_what_they_reject_is_made_up_for():
    project = a_project_with_seeds(10)
    person = make.a_member(project, "annotator")
    with serving(sensible()) as server:
        run = a_run(project, an_endpoint(server), target=3, accepting="people", decisions=1)
        drained(run)
        assert run.standing == "reviewing" and run.accepted == 0
        assert Item.objects.filter(queue=run.queue).count() == 3
        verdicts = iter(["reject", "accept", "accept", "reject", "accept"])
        seen = []
        for _ in range(8):
            while claim := review.claim(run.queue, person):
                verdict = next(verdicts)
                answer = review.Answer(verdict, reason="wrong" if verdict == "reject" else "", note="so")
                review.decide(person, Item.objects.get(pk=claim.item_id), claim.lease, answer)
                seen.append(verdict)
            steering.make_up_for_rejected()
            drained(run)
            if run.ended:
                break
    assert (run.ended, run.accepted) == (Run.Ended.TARGET, 3)
    assert seen == ["reject", "accept", "accept", "reject", "accept"]
    ranked = Sample.objects.filter(candidate__run=run).exclude(rank=None)
    assert ranked.count() == 3 and all(one.state == "approved" for one in ranked)


def test_every_row_of_an_export_leads_back_to_its_source_call_by_call():
    project = a_project_with_seeds(5)
    with serving(sensible()) as server:
        run = a_run(project, an_endpoint(server), target=4)
        drained(run)
    rows = Approved(project, "samples").first(10)
    assert len(rows) == 4
    for row in rows:
        sample = Sample.objects.get(uuid=row["uuid"])
        lineage = row["lineage"]
        assert lineage["run"] == str(run.uuid) and lineage["accepted_by"] == "verdicts"
        assert (lineage["rank"], lineage["candidate"]) == (sample.rank, sample.candidate.ordinal + 1)
        steps = list(sample.steps.select_related("call__prompt_version__prompt", "call__endpoint"))
        assert steps and all(step.call is not None for step in steps)
        for step in steps:
            assert str(step.call.prompt_version) == step.prompt_version
            assert step.call.endpoint == run.endpoint and step.call.model == "tiny"
            assert step.call.answer["choices"][0]["message"]["content"] == step.output
        passage = sample.passage
        assert passage is not None and sample.seed == sample.candidate.seed and sample.seed.passage == passage
        assert lineage["passage"] == str(passage.uuid) and lineage["document"] == str(passage.document.uuid)
        assert sample.seed_reference["quote"] == passage.text
        assert passage.document.extraction.text[passage.start : passage.end] == passage.text
        assert sample.licence == "CC-BY-4.0" and row["licence"] == "CC-BY-4.0"
        occurrence = passage.document.occurrences.get()
        assert occurrence.source.project == project


def test_running_a_piece_again_makes_the_same_rows():
    project = a_project_with_seeds(4)
    with serving(sensible()) as server:
        run = a_run(project, an_endpoint(server), target=4)
        drained(run)
        rows, calls = accepted(run), len(server.asked)
        Chunk.objects.filter(job=run.job).update(state=Chunk.State.WAITING)
        Run.objects.filter(pk=run.pk).update(ended="")
        Job.objects.filter(pk=run.job_id).update(state=Job.State.RUNNING)
        drained(run)
        assert len(server.asked) == calls
    assert accepted(run) == rows and run.accepted == 4


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"budget_tokens": None}, "how many tokens"),
        ({"required": ()}, "which verdicts"),
        ({"required": ("luck",)}, "no verdict called 'luck'"),
        ({"workflow": "magic"}, "No workflow is called 'magic'"),
        ({"options": {"seed": 3}}, "no option 'seed'"),
        ({"name": " "}, "name"),
        ({"most_similar": 2.0}, "between 0.5 and 1"),
        ({"choice": runs.Choice(language="de")}, "no approved seed"),
        (
            {"workflow": "instruction-reversal", "options": {}},
            "no approved seed that instruction reversal takes",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(wanted, said):
    project = a_project_with_seeds(1)
    with serving() as server, pytest.raises(RunError, match=said):
        a_run(project, an_endpoint(server), **wanted)
    assert not Run.objects.exists() and not project.sources.filter(name__startswith="Run:").exists()


def test_another_projects_endpoint_is_refused():
    project, other = a_project_with_seeds(1), make.a_project()
    with serving() as server, pytest.raises(RunError, match="not offered"):
        a_run(project, an_endpoint(server, project=other))


def test_a_withdrawn_or_rejected_seed_is_not_generated_from():
    project = a_project_with_seeds(3)
    first, second, third = Seed.objects.order_by("pk")
    Seed.objects.filter(pk=first.pk).update(state="rejected")
    Seed.objects.filter(pk=second.pk).update(state="withdrawn")
    with serving() as server:
        run = a_run(project, an_endpoint(server), choice=runs.Choice(state=""))
    assert [one.seed for one in run.seeds.all()] == [third]


def test_a_person_who_rejects_what_a_run_accepted_is_heard_and_taking_it_back_restores_it():
    project = a_project_with_seeds(2)
    with serving(sensible()) as server:
        run = a_run(project, an_endpoint(server), target=2)
        drained(run)
    sample = Sample.objects.filter(candidate__run=run).first()
    item = make.decided(sample, "reject")
    assert sample.state == "rejected" and Approved(project, "samples").counts().rows == 1
    decision = item.decisions.get()
    review.undo(decision.user, decision)
    sample.refresh_from_db()
    assert sample.state == "approved"

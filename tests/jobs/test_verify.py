"""Verdicts on samples that are there: by checks, by a judge under a budget, appended and never twice, and what waits for them."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from django.conf import settings
from django.utils import timezone

from curation.actions import projects, queues, verifying
from curation.actions.asking import AskingError
from curation.actions.queues import Filling
from curation.actions.verifying import Chosen, Conclusion
from curation.jobs import run
from curation.jobs.kinds import KINDS
from curation.models import Call, Endpoint, Job, Mishap, Sample, TextVersion, Verdict
from curation.recipe.chain import ChainVerdict
from curation.recipe.reasons import REASONS
from curation.recipe.text.normalise import text_hash
from tests import factories as make
from tests.llm_server import Reply, error, serving
from tests.recipe.verify.refusal import refusal

pytestmark = pytest.mark.django_db
sandboxed = pytest.mark.skipif(bool(refusal()), reason=refusal())

SOUND = {
    "own_solution": "30 N",
    "faults": [],
    "discussion": "It is right.",
    "accuracy": 5,
    "style": 4,
    "detail": 3,
}
WRONG = SOUND | {
    "accuracy": 1,
    "faults": [{"words": "120 N", "wrong": "It is 30 N.", "kind": "factual"}],
}
CODE = "```python\ndef double(x):\n    return 2 * x\n```"


@pytest.fixture
def project():
    return make.a_project("stars")


def a_judge(server, **fields):
    return Endpoint.objects.create(
        **{
            "name": f"Tiny {Endpoint.objects.count()}",
            "address": server.address,
            "model": "tiny",
            "private_allowed": True,
            "seconds": 2,
            **fields,
        }
    )


def verified(project, *checks, **chosen):
    return [run.drain(job) for job in verifying.start(project, None, Chosen(**chosen), checks=checks)]


def judged(project, endpoint, budget=1_000_000, **chosen):
    (job,) = verifying.start(
        project, None, Chosen(**chosen), checks=(), endpoint=endpoint, budget_tokens=budget
    )
    return run.drain(job)


def said(sample):
    return [(one.kind, one.judge, one.outcome) for one in sample.verdicts.all()]


def short(project, words="Yes, it does.", **fields):
    return make.a_sample(project, "Answer in at most 3 words.", words, **fields)


@sandboxed
def test_checks_append_verdicts_with_their_evidence_and_again_they_say_nothing_twice(project):
    sample = make.a_sample(
        project, "Double it.", CODE, meta={"tests": "assert double(2) == 4", "answer": "4"}
    )
    (job,) = verified(project, "code", "maths", "format")
    assert job.state == Job.State.DONE, job.reason
    assert [(kind, outcome) for kind, _, outcome in said(sample)] == [
        ("code", "passed"),
        ("maths", "uncertain"),
        ("format", "uncertain"),
    ]
    assert job.result["verdicts"] == {
        "code": {"passed": 1},
        "maths": {"uncertain": 1},
        "format": {"uncertain": 1},
    }
    first = sample.verdicts.first()
    assert "carries" in first.evidence and first.job == job and first.text_sha256 == sample.text_sha256
    with pytest.raises(AskingError, match="not verified so already"):
        verified(project, "code", "maths", "format")
    verified(project, "code", "format", again=True)
    assert sample.verdicts.count() == 3


def test_a_piece_that_is_run_again_adds_nothing(project):
    samples = [short(project) for _ in range(3)]
    (job,) = verifying.start(project, None, Chosen(), checks=["format"])
    run.plan(job.pk)
    chunk = run.claim(job.pk)
    kind = KINDS["verify"]
    pulse = type("Pulse", (), {"beat": lambda self, done=0: None})()
    result = kind.process(job, chunk, pulse)  # and killed before it was saved
    run.run_chunk(chunk)
    kind.save(job, chunk, result)
    assert [one.verdicts.count() for one in samples] == [1, 1, 1]


def test_a_sample_that_was_edited_is_verified_anew_and_the_newest_verdict_counts(project):
    sample = short(project, "It does so for sure.")
    verified(project, "format")
    person = make.a_member(project)
    text = "It does."
    edited = TextVersion.objects.create(
        project=project,
        sample=sample,
        text=text,
        messages=[sample.messages[0], {"role": "assistant", "content": text}],
        sha256=text_hash(text),
        author=person,
    )
    Sample.objects.filter(pk=sample.pk).update(text_version=edited)
    verified(project, "format")
    assert [outcome for _, _, outcome in said(sample)] == ["failed", "passed"]
    assert [one.outcome for one in sample.verdicts.counting()] == ["passed"]


def test_what_a_sample_brought_along_counts_beside_what_is_said_here(project):
    sample = short(project)
    Verdict.objects.bulk_create(
        Verdict(sample=sample, ordinal=at, kind="judge", judge="phi-4 judge/1", outcome=outcome)
        for at, outcome in enumerate(("passed", "failed"))
    )
    verified(project, "format")
    assert [one.ordinal for one in sample.verdicts.counting()] == [0, 1, 2]


def test_samples_are_chosen_by_source_workflow_state_and_name(project):
    one = short(project, workflow="rewrite")
    source = make.a_source(project, "Other", kind="synthetic")
    two = short(project, source=source)
    gone = short(project, state="withdrawn")
    names = verifying.names_of(["format"])

    def found(**chosen):
        return set(verifying.samples(project, Chosen.of(Chosen(**chosen).stored()), names))

    assert found() == {one, two} and found(sources=(source.pk,)) == {two}
    assert found(workflow="rewrite") == {one} and found(samples=(str(two.uuid),)) == {two}
    assert found(state="approved") == set() and gone not in found(state="withdrawn")


def test_what_cannot_be_verified_is_refused_with_the_way_out(project):
    with pytest.raises(AskingError, match="No sample fits"):
        verified(project, "format")
    short(project)
    with pytest.raises(AskingError, match="Choose what to verify"):
        verifying.start(project, None, Chosen(), checks=())
    with pytest.raises(AskingError, match="no check 'colour'"):
        verified(project, "colour")
    verifying.start(project, None, Chosen(), checks=["format"])
    with pytest.raises(AskingError, match="being verified already"):
        verifying.start(project, None, Chosen(), checks=["format"])


# The judge


def test_a_judge_says_its_verdict_with_the_call_that_said_it(project):
    good, bad = make.a_sample(project, "60 N?", "30 N"), make.a_sample(project, "60 N?", "120 N")
    with serving(lambda seen, nth: Reply(json.dumps(WRONG if "120 N" in seen.text else SOUND))) as server:
        endpoint = a_judge(server)
        told = verifying.estimate(project, endpoint, Chosen())
        assert told.texts == 2 and told.tokens_in > 1_000 and told.money is None
        job = judged(project, endpoint)
    assert job.state == Job.State.DONE, job.reason
    assert said(good) == [("judge", "tiny judge/1", "passed")]
    assert said(bad) == [("judge", "tiny judge/1", "failed")]
    verdict = bad.verdicts.get()
    assert verdict.scores["accuracy"] == 1 and verdict.meta["faults"][0]["found"]
    assert (
        str(verdict.call.prompt_version) == "judge/1"
        and "120 N" in verdict.call.request["messages"][1]["content"]
    )
    assert (
        job.result["verdicts"] == {"judge": {"passed": 1, "failed": 1}}
        and job.result["tokens"] == server.tokens
    )
    assert "It is 30 N." not in json.dumps(job.result)


def test_a_judge_stays_within_its_budget_and_goes_on_with_another(project):
    samples = [make.a_sample(project) for _ in range(6)]
    with serving(lambda seen, nth: Reply(json.dumps(SOUND))) as server:
        endpoint = a_judge(server, most_tokens=64, concurrency=1)
        job = judged(project, endpoint, budget=6_000)
        spent = Call.objects.filter(job=job).count()
        assert 0 < spent < 6 and job.result["tokens"] <= 6_000 and "did not cover" in job.result["not_asked"]
        judged(project, endpoint)
        assert len(server.asked) == 6
    assert all(len(said(sample)) == 1 for sample in samples)


def test_a_judge_that_cannot_be_read_is_a_named_failure_and_no_verdict(project):
    sample = make.a_sample(project)
    with serving(lambda seen, nth: error(400, "maximum context length")) as server:
        job = judged(project, a_judge(server))
    assert job.state == Job.State.DONE and not said(sample)
    assert Mishap.objects.get(job=job).reason == "context_too_long"


def test_a_judge_needs_a_budget_and_an_endpoint_of_the_project(project):
    make.a_sample(project)
    with serving() as server:
        endpoint = a_judge(server, project=make.a_project("other"))
        with pytest.raises(AskingError, match="not offered"):
            judged(project, endpoint)
        with pytest.raises(AskingError, match="may be spent at most"):
            judged(project, a_judge(server), budget=None)


# Who runs what


def test_foreign_code_has_a_queue_of_its_own_and_nothing_that_needs_a_network_is_in_it(project):
    short(project)
    (code,) = verifying.start(project, None, Chosen(), checks=["code"])
    assert run.queue_for(code) == settings.CODE_QUEUE
    others = [
        Job(kind="verify", options={"checks": ["format"]}),
        Job(kind="judge"),
        Job(kind="annotate"),
        Job(kind="?"),
    ]
    assert [run.queue_for(job) for job in others] == ["", "", "", ""]
    assert {queue.name for queue in settings.CELERY_TASK_QUEUES} == {
        settings.CELERY_TASK_DEFAULT_QUEUE,
        settings.CODE_QUEUE,
    }
    assert len({queue.routing_key for queue in settings.CELERY_TASK_QUEUES}) == 2


# What a project requires


def require(project, **kinds):
    projects.change_knobs(
        project, make.a_member(project, "manager"), {f"require_{kind}": on for kind, on in kinds.items()}
    )
    project.refresh_from_db()


def test_samples_wait_for_what_their_project_requires_and_are_counted_by_why(project):
    kept, broken, unknown = short(project), short(project, "It does not do it."), make.a_sample(project)
    verified(project, "format", samples=tuple(str(one.uuid) for one in (kept, broken, unknown)))
    missing = short(project)
    queue = make.a_queue(project, "samples")
    assert queues.count_new(queue, Filling()) == (4, 4) and not queues.held_back(
        project, "samples", Filling()
    )
    require(project, format=1)
    queue.refresh_from_db()
    assert queues.held_back(project, "samples", Filling()) == {
        "format": Counter(failed=1, uncertain=1, missing=1)
    }
    assert queues.fill(queue, Filling(), None) == 1
    assert queue.items.get().sample == kept
    require(project, format=1, judge=1)
    assert queues.held_back(project, "samples", Filling())["judge"] == Counter(missing=4)
    assert set(queues.matching(project, "samples", Filling())) == set()
    require(project, format=0, judge=0)
    queue.refresh_from_db()
    assert queues.fill(queue, Filling(), None) == 3 and missing
    assert "not_verified" in REASONS


def test_a_failure_by_one_judge_is_not_outweighed_by_another_and_a_newer_pass_of_the_same_is_heard(project):
    sample = short(project)
    job = Job.objects.create(project=project, kind="verify", options={"checks": []}, state="done")

    def say(judge, outcome):
        verifying.append(
            [Conclusion(sample.pk, sample.text_sha256, ChainVerdict("judge", outcome, judge))], job
        )
        return project.samples.filter(verifying.standing("judge", "passed")).exists()

    assert say("one", "passed") and not say("two", "failed") and say("two", "passed")
    assert sample.verdicts.count() == 3 and sample.verdicts.counting().count() == 2
    assert not say("three", "failed") and say("three", "uncertain")
    assert sample.verdicts.last().created_at <= timezone.now()

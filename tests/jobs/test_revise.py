"""A revision that somebody asked for, against a real server on loopback: made or failed by name, and the item is with people again."""

from __future__ import annotations

import json

import pytest

from curation.actions import review
from curation.jobs import control, run
from curation.jobs.sweep import sweep
from curation.models import Call, Item, Job, Mishap, Revision, SampleStep, Spending, TextVersion
from tests import factories as make
from tests.jobs.test_annotate import an_endpoint
from tests.llm_server import Reply, error, serving
from tests.recipe.generate.scripted import material

pytestmark = pytest.mark.django_db
NOTE = "Say zanzibar: it is 4."
GOOD = json.dumps({"changes": NOTE, "turns": [{"number": 2, "text": "It is 4."}]})


def sent_back(server, **knobs):
    """(item, job) of a sample that was sent back with a note."""
    project = make.a_project("stars", knobs=knobs)
    an_endpoint(server)
    sample = make.a_sample(project, "What is 2 + 2?", "It is 5.", seed_reference={"text": "Two and two."})
    SampleStep.objects.create(
        sample=sample, ordinal=0, kind="critique", output="Off by one.", scores={"accuracy": 1}
    )
    item = make.an_item(make.a_queue(project, "samples"), sample)
    ada = make.a_member(project)
    claim = review.claim(item.queue, ada)
    review.send_back(ada, item, claim.lease, NOTE)
    return item, Job.objects.get(kind="revise")


def drained(job):
    run.plan(job.pk)
    while chunk := run.claim(job.pk):
        run.run_chunk(chunk)
    run.finish_if_done(job.pk)
    job.refresh_from_db()
    return job


def state_of(item):
    item.refresh_from_db()
    return item.state, item.round


def test_a_revision_is_made_by_the_note_and_the_item_is_asked_about_anew():
    with serving(lambda seen, nth: Reply(GOOD)) as server:
        item, job = sent_back(server)
        drained(job)
        (asked,) = server.asked
    assert (job.state, job.result["revision"], job.result["calls"]) == ("done", "made", 1)
    assert material(asked.text, "NOTE") == NOTE and material(asked.text, "MATERIAL") == "Two and two."
    assert "Off by one." in material(asked.text, "CRITIQUE")
    assert state_of(item) == ("open", 1) and item.text_version.messages[1]["content"] == "It is 4."
    call = Call.objects.get()
    assert item.text_version.call == call and str(call.prompt_version) == "revise-again/1"
    assert Spending.objects.of(job).tokens == call.tokens_in + call.tokens_out
    # What everybody may look at tells neither who asked nor what for.
    assert "zanzibar" not in json.dumps([job.options, job.result, job.reason]) and job.created_by is None


@pytest.mark.parametrize(
    ("reply", "knobs", "reason"),
    [
        (error(401), {}, "unauthorised"),
        (Reply(json.dumps({"changes": NOTE, "turns": []})), {}, "nothing_revised"),
        (Reply("zanzibar, no JSON"), {}, "unusable_answer"),
        (Reply(GOOD), {"revision_tokens": 2_000}, "budget"),
    ],
)
def test_a_failure_gives_the_item_back_with_a_named_reason(reply, knobs, reason):
    with serving(lambda seen, nth: reply) as server:
        item, job = sent_back(server, **knobs)
        drained(job)
        if reason == "budget":
            assert not server.asked
    revision = Revision.objects.get()
    assert (revision.state, revision.reason) == ("failed", reason) and revision.detail
    assert (
        state_of(item) == ("open", 0) and job.state == "done" and job.result["revision"] == "came to nothing"
    )
    mishap = Mishap.objects.get(job=job)
    assert (mishap.reason, mishap.detail) == (reason, "") and not TextVersion.objects.exists()


def test_a_piece_that_was_killed_before_saving_asks_nothing_again_and_makes_the_same_rows(monkeypatch):
    with serving(lambda seen, nth: Reply(GOOD)) as server:
        item, job = sent_back(server)
        run.plan(job.pk)
        monkeypatch.setattr(run, "_save", lambda *args: (_ for _ in ()).throw(run.Lost()))
        run.run_chunk(run.claim(job.pk))
        monkeypatch.undo()
        assert state_of(item) == ("revising", 0)
        job.chunks.update(state="waiting")
        drained(job)
        assert len(server.asked) == 1
        job.chunks.update(state="waiting")  # a message that came twice
        Job.objects.filter(pk=job.pk).update(state="running")
        drained(job)
        assert len(server.asked) == 1
    assert state_of(item) == ("open", 1)
    assert TextVersion.objects.count() == 1 and SampleStep.objects.filter(kind="revision").count() == 1


def test_what_was_taken_back_is_not_asked_about_and_a_cancelled_job_gives_its_item_back():
    with serving(lambda seen, nth: Reply(GOOD)) as server:
        item, job = sent_back(server)
        review.undo(Revision.objects.get().decision.user, Revision.objects.get().decision)
        drained(job)
        assert not server.asked and state_of(item) == ("open", 0)
        item = Item.objects.get()
        claim = review.held(item.queue, Revision.objects.get().decision.user)[0]
        review.send_back(Revision.objects.get().decision.user, item, claim.lease, NOTE)
        control.cancel(Job.objects.filter(kind="revise").latest("pk"))
        assert sweep()["revisions_given_back"] == 1
    assert state_of(item) == ("open", 0) and Revision.objects.latest("pk").reason == "job_ended"

"""Every workflow as a run: twenty seeds against the scripted server, and some in this process; every row leads back to its source."""

from __future__ import annotations

import pytest

from curation.actions import runs
from curation.jobs import run as jobs
from curation.models import Candidate, Endpoint, Job, Loss, Occurrence, Run, Sample, Seed
from curation.models.approved import Approved
from curation.recipe.generate.records import Seed as Given
from curation.recipe.generate.workflows import WORKFLOWS
from tests import factories as make
from tests.generating import an_endpoint
from tests.llm_server import serving
from tests.lookup_model import build
from tests.recipe.generate import (
    scripted,
    test_conversation,
    test_fill_middle,
    test_question_answer,
    test_reversal,
    test_revision,
    test_rewrite,
)
from tests.recipe.generate.scripted import PASSAGES, script

pytestmark = pytest.mark.django_db

#: Seeds in this process, where a call takes a twentieth of a second.
LOCAL = (3, pytest.param(20, marks=pytest.mark.soak))

#: Workflow → answers that make sense of every prompt, and the verdict that it brings with it.
SENSIBLE = {
    "rewrite": (script(*test_rewrite.SENSIBLE), "judge"),
    "question-answer": (script(*test_question_answer.SENSIBLE), "judge"),
    "self-revision": (test_revision.scripted(*test_revision.IMPROVING), "judge"),
    "instruction-reversal": (test_reversal.scripted(test_reversal.rewritten), "code"),
    "conversation": (test_conversation.scripted(), "judge"),
    "fill-in-the-middle": (test_fill_middle.scripted(), "judge"),
}


def a_project(texts, kind):
    """A document with one seed for each text."""
    project = make.a_project()
    source = make.a_source(project, kind=kind, licence="MIT")
    for at, text in enumerate(texts):
        document = make.a_kept_document(project, text, source=source)
        Occurrence.objects.filter(document=document).update(address=f"https://example.org/{at}")
        passage = make.a_passage(project, text, document=document)
        make.a_seed(project, passage=passage, state=Seed.State.APPROVED)
    return project


def ran(project, endpoint, workflow, verdict, candidates=20):
    run = runs.create(
        project,
        None,
        runs.Wanted(
            name="All",
            workflow=workflow,
            endpoint=endpoint,
            target=500,
            most_candidates=candidates,
            pilot=0,
            budget_tokens=100_000_000,
            accepting="verdicts",
            required=(verdict,),
            most_similar=None,
        ),
    )
    job = jobs.drain(run.job)
    assert job.state == Job.State.DONE, job.reason
    return Run.objects.get(pk=run.pk)


def check_lineage(run, server=None):
    """From every exported row over its candidate and calls to the bytes that the source holds; from every loss to its calls."""
    rows = Approved(run.project, "samples").first(1_000)
    assert len(rows) == run.accepted > 0
    asked = {one.text for one in server.asked} if server else set()
    for row in rows:
        sample = Sample.objects.select_related("candidate__seed", "passage__document__extraction").get(
            uuid=row["uuid"]
        )
        passage = sample.passage
        assert sample.candidate.run_id == run.pk and sample.seed == sample.candidate.seed
        assert passage is not None and passage == sample.seed.passage
        assert passage.document.extraction.text[passage.start : passage.end] == passage.text
        assert Occurrence.objects.filter(document=passage.document, source__licence="MIT").exists()
        assert row["licence"] == "MIT" and row["lineage"]["document"] == str(passage.document.uuid)
        for step in sample.steps.select_related("call__prompt_version__prompt"):
            assert step.call is not None and str(step.call.prompt_version) == step.prompt_version
            said = "\n\n".join(one["content"] for one in step.call.request["messages"])
            assert said.startswith(step.prompt)
            assert not server or "\n".join(one["content"] for one in step.call.request["messages"]) in asked
        assert sample.verdicts.exists()
    for loss in Loss.objects.filter(candidate__run=run):
        assert loss.reason and loss.at


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_twenty_seeds_against_the_server_become_samples_that_lead_back_to_their_source(workflow):
    answers, verdict = SENSIBLE[workflow]
    code = "code" in WORKFLOWS[workflow].takes and "passage" not in WORKFLOWS[workflow].takes
    project = a_project(test_reversal.FUNCTIONS if code else PASSAGES, "code" if code else "web")
    with serving(answers) as server:
        run = ran(project, an_endpoint(server, concurrency=16, most_tokens=600), workflow, verdict)
        check_lineage(run, server)
    made = run.candidates.filter(state=Candidate.State.DONE)
    assert made.count() == 20 and not run.candidates.exclude(state=Candidate.State.DONE).exists()
    assert {one.seed_id for one in made} == set(project.seeds.values_list("pk", flat=True))
    assert all(one.samples.exists() or one.losses.exists() for one in made)
    assert Sample.objects.filter(candidate__run=run).values("candidate").distinct().count() == 20


@pytest.mark.parametrize("seeds", LOCAL)
@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_seeds_in_this_process_end_as_samples_or_losses_by_name(workflow, seeds, tmp_path):
    answers, verdict = SENSIBLE[workflow]
    code = "code" in WORKFLOWS[workflow].takes and "passage" not in WORKFLOWS[workflow].takes
    first = test_reversal.FUNCTIONS[0] if code else PASSAGES[0]
    # The same words with another number: what is quoted from the first stands in each.
    texts = [f"{first.rstrip()}\n{'# ' if code else ''}Case {at}." for at in range(seeds)]
    book = scripted.Book()
    with serving(answers) as server:
        scripted.run_on(
            server.address, WORKFLOWS[workflow].step(), [Given(texts[0], "code" if code else "passage")], book
        )
    folder = build(tmp_path, _table(book))
    project = a_project(texts, "code" if code else "web")
    endpoint = Endpoint.objects.create(
        name="Here", kind="local", model=folder, concurrency=1, most_tokens=64, seconds=60
    )
    run = ran(project, endpoint, workflow, verdict, candidates=seeds)
    assert run.candidates.filter(state=Candidate.State.DONE).count() == seeds
    assert all(one.samples.exists() or one.losses.exists() for one in run.candidates.all())
    check_lineage(run)


def _table(book):
    """{last word of a prompt as a local model reads it: its first answer}."""
    from curation.recipe.llm.structured import spelled_out

    found: dict[str, str] = {}
    for entry in book.entries:
        if entry.answer is not None and not entry.error:
            words = spelled_out(entry.request).messages[-1].content.split()
            found.setdefault(words[-1], entry.answer.text)
    return found

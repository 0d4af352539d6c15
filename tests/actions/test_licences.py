"""Licences: what a project accepts goes on, the rest waits by name until a manager accepts it or takes its source; all undoable."""

from __future__ import annotations

import pytest
from django.test import Client

from curation.actions import thresholds
from curation.actions.judging import judge_documents
from curation.actions.thresholds import ThresholdError
from curation.jobs import run
from curation.models import Document, Job, KnobChange, Occurrence, Project, Signals, Source
from curation.models.licensing import stated
from curation.recipe.scoring import signals
from tests import factories as make

pytestmark = pytest.mark.django_db

LICENCES = ("MIT", "CC BY-SA 4.0", "Apache-2.0 OR MIT", "CC-BY-SA-3.0 AND CC-BY-SA-4.0", "")


@pytest.fixture
def project() -> Project:
    """A document under each licence, and one whose page states its own; all of one source that states none."""
    made = make.a_project("rights", knobs={"min_document_characters": 0})
    source = make.a_source(made, "Crawl")
    for at, licence in enumerate([*LICENCES, "page"]):
        document = make.a_document(made, f"A text of its own, number {at}.", source)
        Occurrence.objects.filter(document=document).update(licence="" if licence == "page" else licence)
        if licence == "page":
            document.extraction.notes = {"licence": {"name": "CC-BY-NC-4.0", "evidence": "its footer"}}
            document.extraction.save()
        Document.objects.filter(pk=document.pk).update(title=licence or "none")
        Signals.objects.create(extraction=document.extraction, version=signals.VERSION, values={})
    return made


def waiting(project: Project) -> dict[str, str]:
    judge_documents(Project.objects.get(pk=project.pk))
    rows = Document.objects.filter(project=project, left_out="licence_not_accepted")
    return dict(rows.values_list("title", "left_out_detail"))


def applied(change: KnobChange) -> KnobChange:
    assert run.drain(Job.objects.get(kind="thresholds", options__change=change.pk)).state == Job.State.DONE
    change.refresh_from_db()
    return change


def test_every_licence_goes_on_until_a_project_heeds_them(project: Project) -> None:
    assert waiting(project) == {}


def test_what_is_not_accepted_waits_with_its_licence_named(project: Project) -> None:
    changes = {"heed_licences": 1.0, "licence:MIT": 1.0, "licence:CC-BY-SA-4.0": 1.0}
    would = thresholds.effect(project, changes)
    applied(thresholds.apply(project, changes, None))
    # One of the alternatives is enough; of licences that hold together all are needed.
    assert waiting(project) == {
        "CC-BY-SA-3.0 AND CC-BY-SA-4.0": "CC-BY-SA-3.0 AND CC-BY-SA-4.0",
        "none": "no licence stated",
        "page": "CC-BY-NC-4.0",
    }
    kept = Document.objects.filter(project=project, left_out="").count()
    assert (would.documents.before, would.documents.after) == (6, kept)


def test_a_manager_lifts_it_by_licence_or_by_source_and_takes_it_back(project: Project) -> None:
    applied(thresholds.apply(project, {"heed_licences": 1.0}, None))
    assert len(waiting(project)) == 6
    one = applied(thresholds.apply(project, {"licence:": 1.0, "licence:CC-BY-NC-4.0": 1.0}, None))
    assert waiting(project).keys() == {
        "MIT",
        "CC BY-SA 4.0",
        "Apache-2.0 OR MIT",
        "CC-BY-SA-3.0 AND CC-BY-SA-4.0",
    }
    source = Source.objects.get(name="Crawl")
    two = applied(thresholds.apply(Project.objects.get(pk=project.pk), {f"source:{source.uuid}": 1.0}, None))
    assert waiting(project) == {} and thresholds.title(f"source:{source.uuid}") == "Any licence: Crawl"
    applied(thresholds.undo(two, None))
    applied(thresholds.undo(one, None))
    assert len(waiting(project)) == 6
    assert Project.objects.get(pk=project.pk).accepted_licences == []


def test_a_source_of_another_project_cannot_be_taken(project: Project) -> None:
    foreign = make.a_source(make.a_project("foreign"))
    with pytest.raises(ThresholdError, match="no source of this project"):
        thresholds.apply(project, {f"source:{foreign.uuid}": 1.0}, None)


def test_the_page_shows_licences_with_their_evidence_and_accepts_one(
    project: Project, client: Client
) -> None:
    client.force_login(make.a_member(project, "manager"))
    found = {one.name: one for one in stated(project)}
    assert found["CC-BY-NC-4.0"].evidence == "its footer" and found[""].documents == 1
    page = client.get("/projects/rights/thresholds/licences").content.decode()
    assert "its footer" in page and "Accept MIT" in page and "none stated" in page
    response = client.post("/projects/rights/thresholds/apply", {"licence:MIT": "1"})
    assert "/thresholds/changes/" in response["Location"]
    applied(KnobChange.objects.get(after={"licence:MIT": 1.0}))
    assert Project.objects.get(pk=project.pk).accepted_licences == ["MIT"]

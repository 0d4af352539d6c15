"""Extracting again: the same text changes nothing; another one moves the document on, and nothing that people decided is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from curation.actions import imports, rereading
from curation.actions.judging import judge_passages
from curation.jobs.kinds.extract_again import outdated
from curation.jobs.run import drain
from curation.models import Decision, Document, Extraction, Job, Passage, Project, Queue
from curation.models.stale import stale_items
from curation.recipe.text.normalise import text_hash
from tests import factories as make

pytestmark = pytest.mark.django_db

PARTS = ["Water boils at a hundred degrees at sea level. " * 20, "Ice floats because it is less dense. " * 20]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two documents whose texts an older extractor made: of one the same text, of the other half of it."""
    made = make.a_project("anew")
    for name, text in (
        ("same.md", "# Same\n\nWater boils."),
        ("other.md", f"# A\n\n{PARTS[0]}\n\n# B\n\n{PARTS[1]}"),
    ):
        (tmp_path / name).write_text(text)
    source = imports.find_or_create_source(made, "Notes", None)
    files = [(name, imports.keep_path(tmp_path / name)) for name in ("same.md", "other.md")]
    drain(imports.start_import(imports.draft_import(source, files, None), None))
    drain(Job.objects.create(project=made, kind="extract"))
    drain(Job.objects.create(project=made, kind="split"))
    Extraction.objects.update(extractor="markdown/0")
    other = Extraction.objects.get(document__title="A")
    old = other.text.replace("floats", "swims")
    Extraction.objects.filter(pk=other.pk).update(text=old, text_sha256=text_hash(old))
    for passage in other.passages.filter(text__contains="floats"):
        text = passage.text.replace("floats", "swims")
        Passage.objects.filter(pk=passage.pk).update(text=text, text_sha256=text_hash(text))
    return made


def test_what_comes_out_the_same_changes_nothing_and_the_rest_moves_with_its_passages(
    project: Project,
) -> None:
    same, other = Document.objects.get(title="Same"), Document.objects.get(title="A")
    kept, gone = (
        other.passages.filter(text__contains="boils").first(),
        other.passages.filter(text__contains="swims").first(),
    )
    held, lost = (
        make.decided(kept, "rate"),
        make.decided(gone, "rate"),
    )
    assert len(list(outdated(project))) == 2
    job = drain(Job.objects.create(project=project, kind="extract_again"))
    assert job.result == {"changed": 1, "same": 1, "old_text_kept": 0}
    assert list(outdated(project)) == []
    drain(Job.objects.create(project=project, kind="split"))
    judge_passages(project)
    before = same.extraction_id
    same.refresh_from_db()
    other.refresh_from_db()
    assert same.extraction_id == before and Extraction.objects.filter(document=same).count() == 1
    assert "floats" in other.extraction.text and Extraction.objects.filter(document=other).count() == 2
    kept.refresh_from_db()
    gone.refresh_from_db()
    assert kept.extraction == other.extraction and kept.left_out == ""
    assert other.extraction.text[kept.start : kept.end] == kept.text
    assert gone.left_out == "superseded" and Decision.objects.filter(item=lost).exists()
    assert list(stale_items(project)) == [lost] and held.pk != lost.pk

    (queue,) = rereading.ask_again(project, None)
    assert queue.kind == Queue.Kind.SCORES
    assert set(queue.items.values_list("passage", flat=True)) == set(
        Passage.objects.filter(extraction=other.extraction, left_out="").values_list("pk", flat=True)
    )


def test_the_page_says_what_is_outdated_and_starts_it(project: Project, client: Client) -> None:
    client.force_login(make.a_member(project, "manager"))
    assert "came from an older extractor" in client.get("/projects/anew/documents/again/").content.decode()
    client.post("/projects/anew/documents/again/start")
    assert Job.objects.get(kind="extract_again").then[0] == "extract"
    response = client.post("/projects/anew/documents/again/ask", follow=True)
    assert "No decision stands on a text that was replaced" in response.content.decode()

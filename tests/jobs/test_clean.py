"""Cleaning as a job: repeated lines are cut from new texts, personal data is masked where a project says so, and nothing is changed twice."""

import pytest

from curation.actions.curation import LANE
from curation.jobs import run
from curation.models import Document, Extraction, Job
from curation.recipe.ingest.cleaning.lines import REASON
from curation.recipe.ingest.extract import searched
from tests import factories as make
from tests.recipe.ingest.test_repeated_lines import CONSENT, PAGES

pytestmark = pytest.mark.django_db

LETTER = "Please write to Ada Byron (ada@lovelace-lab.org) before the first of May, or call 617-253-1000."


@pytest.fixture
def project():
    made = make.a_project("pages")
    for number, text in enumerate([*PAGES, LETTER]):
        document = make.a_document(made, text, title=str(number))
        document.extraction.notes = {"by": "hand", **searched(text)}
        document.extraction.save()
    return made


def cleaned(project, kinds=("clean",)):
    job = Job.objects.create(project=project, kind=kinds[0], then=list(kinds[1:]), lane=LANE)
    assert run.drain(job).state == Job.State.DONE


def texts(project):
    return dict(Document.objects.filter(project=project).values_list("title", "extraction__text"))


def test_lines_of_a_source_are_cut_into_a_new_extraction_that_says_what_went(project):
    before = texts(project)
    cleaned(project)
    document = project.documents.get(title="3")
    assert CONSENT not in document.extraction.text and "bread" not in before["0"]
    assert document.extraction.extractor.endswith("·cut")
    assert document.characters == len(document.extraction.text)
    assert document.extraction.notes["cut"][0] == {"reason": REASON, "excerpt": CONSENT, "characters": len(CONSENT), "documents": 12}  # fmt: skip
    assert document.extractions.count() == 2 and CONSENT in document.extractions.earliest("pk").text
    assert texts(project)[str(len(PAGES))] == LETTER
    made = Extraction.objects.count()
    cleaned(project)
    assert Extraction.objects.count() == made


def test_personal_data_is_masked_when_a_project_says_so_and_counted_until_then(project):
    cleaned(project)
    letter = project.documents.get(title=str(len(PAGES)))
    assert letter.extraction.notes["found"] == {"email": 1, "phone": 1}
    project.knobs = {"personal_data": 2}
    project.save()
    cleaned(project)
    letter.refresh_from_db()
    assert (
        letter.extraction.text
        == "Please write to Ada Byron ([email]) before the first of May, or call [phone]."
    )
    assert letter.extraction.notes == {"by": "hand", "masked": {"email": 1, "phone": 1}}
    made = Extraction.objects.count()
    cleaned(project)
    assert Extraction.objects.count() == made


def test_texts_that_are_assessed_are_not_cut_any_more_but_masked_all_the_same(project):
    project.knobs = {"cut_repeated_lines": 0}
    project.save()
    cleaned(project, ("clean", "assess"))
    project.knobs = {"personal_data": 2}
    project.save()
    cleaned(project, ("clean", "assess"))
    assert CONSENT in project.documents.get(title="3").extraction.text
    letter = project.documents.get(title=str(len(PAGES)))
    assert "[email]" in letter.extraction.text and letter.extraction.signals.exists()

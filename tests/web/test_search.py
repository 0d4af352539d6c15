"""Search by words, and find similar by meaning."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from curation.models import EmbeddingModel, Job, Passage
from curation.models.neighbours import Neighbour
from curation.recipe.text.aside import TooSlow
from curation.recipe.text.search import index
from curation.web import search
from tests import factories as make
from tests.web.browsing import HOSTILE, queries, seen_by, text_of

pytestmark = pytest.mark.django_db

PAGE = "/projects/stars/search/"
SIMILAR = "/projects/stars/search/similar"


@pytest.fixture
def project():
    return make.a_project("stars")


def indexed(row, language: str = "en"):
    """Fill the search column as the pipeline does."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {row._meta.db_table} SET search = to_tsvector(%s::regconfig, %s) WHERE id = %s",
            [*index(row.text, language), row.pk],
        )
    return row


class FakeAside:
    """Stands in for the process that encodes: remembers what it was asked, answers or raises what it was given."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def encode(self, text: str, options: object) -> object:
        self.asked.append(text)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def embedded(project, monkeypatch):
    """A project with a model, in which every passage is found as a neighbour."""
    model = EmbeddingModel.objects.create(key="test-key", name="test", revision="1", dimensions=3)
    Job.objects.create(project=project, kind="embed", state="done", result={"model": model.pk})

    def near(of, *args, **kwargs):
        return [Neighbour(one, 0.9) for one in Passage.objects.filter(project=project)]

    monkeypatch.setattr(search.neighbours, "nearest", near)
    monkeypatch.setattr(search.neighbours, "nearest_to_passage", near)
    aside = FakeAside(("test-key", [0.1, 0.2, 0.3]))
    monkeypatch.setattr(search, "_aside", aside)
    return aside


def test_passages_documents_and_samples_are_found_in_one_s_own_projects_only(project):
    indexed(make.a_passage(project, "The tides rise twice a day.", heading="Twice"))
    indexed(make.a_sample(project, "Why are there two tides?"))
    make.a_document(project, "x", title="All about tides")
    moons = make.a_project("moons")
    indexed(make.a_passage(moons, "The tides of another project.", heading="Elsewhere"))
    page = text_of(seen_by(project, "annotator"), PAGE + "?q=tides")
    for said in ("Twice", "<mark>tides</mark>", "Why are there two", "All about tides"):
        assert said in page, said
    assert "Elsewhere" not in page
    assert seen_by(project, "outsider").get(PAGE + "?q=tides").status_code == 404


def test_chinese_and_japanese_are_found_without_spaces(project):
    make.a_document(project, "x", language="zh")
    indexed(make.a_passage(project, "水在海平面上一百度沸腾。", heading="水", language="zh"), "zh")
    indexed(make.a_passage(project, "潮の満ち引きは月の引力による。", heading="潮", language="ja"), "ja")
    client = seen_by(project)
    assert "<mark>海平面</mark>" in text_of(client, PAGE + "?q=海平面")
    assert "<mark>引力</mark>" in text_of(client, PAGE + "?q=引力&what=passages")
    assert "Nothing that is kept matches" in text_of(client, PAGE + "?q=火山")


def test_what_was_left_out_is_found_when_it_is_asked_for(project):
    indexed(make.a_passage(project, "A lever lifts.", heading="Levers", left_out="near_duplicate"))
    client = seen_by(project)
    assert "Levers" not in text_of(client, PAGE + "?q=lever")
    page = text_of(client, PAGE + "?q=lever&all=1")
    assert "Levers" in page and "Near duplicate" in page


def test_one_kind_is_read_page_by_page(project, monkeypatch):
    monkeypatch.setattr(search.search, "PAGE", 2)
    for number in range(3):
        indexed(make.a_passage(project, f"Lever number {number}."))
    client = seen_by(project)
    first = client.get(PAGE + "?q=lever&what=passages")
    second = client.get(first.context["next_url"])
    assert len(first.context["found"][0].hits) == 2 and len(second.context["found"][0].hits) == 1
    assert second.context["previous_url"] and not second.context["next_url"]
    assert client.get(PAGE + "?q=lever&what=nonsense").status_code == 404


def test_questions_that_are_no_words_find_nothing_and_break_nothing(project):
    client = seen_by(project)
    for query in ("", "-", '"', "''; DROP TABLE x", "%00", "a" * 5000, "&|!:*()"):
        assert client.get(PAGE, {"q": query}).status_code == 200, query


def test_hostile_texts_and_questions_stay_text(project):
    indexed(make.a_passage(project, f"lever {HOSTILE} lever", heading=HOSTILE))
    indexed(make.a_sample(project, f"lever {HOSTILE}"))
    client = seen_by(project)
    for query in ("lever", HOSTILE):
        page = client.get(PAGE, {"q": query, "all": "1"}).content.decode()
        assert "<script>alert" not in page and "<img src=x" not in page


def test_the_number_of_queries_does_not_grow_with_results(project):
    client = seen_by(project)
    indexed(make.a_passage(project, "A lever."))
    few = queries(client, PAGE + "?q=lever")
    for number in range(20):
        indexed(make.a_passage(project, f"Lever {number}."))
    assert queries(client, PAGE + "?q=lever") == few <= 18
    assert queries(client, PAGE + "?q=lever&what=passages") <= 12


def test_neighbours_of_a_passage_a_sample_and_of_pasted_text_are_shown(project, embedded):
    passage = make.a_passage(project, "Ice floats.", heading="Ice")
    sample = make.a_sample(project, "Why does ice float?", "It is less dense.")
    client = seen_by(project, "annotator")
    for asked in (f"?passage={passage.uuid}", f"?sample={sample.uuid}"):
        page = text_of(client, SIMILAR + asked)
        assert "Ice floats." in page and "0.900" in page
    assert embedded.asked == [sample.text]
    pasted = client.post(SIMILAR, {"text": "  Frozen water swims.  "})
    assert pasted.status_code == 200 and embedded.asked[-1] == "Frozen water swims."
    part = client.get(f"{SIMILAR}?passage={passage.uuid}&few=1", headers={"HX-Request": "true"})
    assert b"<html" not in part.content and b"0.900" in part.content


def test_neighbours_are_looked_for_in_ones_own_projects_only(project, embedded):
    elsewhere = make.a_passage(make.a_project("moons"))
    sample = make.a_sample(elsewhere.project)
    client = seen_by(project, "manager")
    assert client.get(f"{SIMILAR}?passage={elsewhere.uuid}").status_code == 404
    assert client.get(f"{SIMILAR}?sample={sample.uuid}").status_code == 404
    assert client.get(f"{SIMILAR}?passage=nonsense").status_code == 404
    assert seen_by(project, "outsider").post(SIMILAR, {"text": "x"}).status_code == 404


def test_trouble_with_the_model_is_said_and_not_an_error_of_the_page(project, embedded, monkeypatch):
    client = seen_by(project)
    embedded.answer = TooSlow("The embedding model did not answer within 60 seconds.")
    refused = client.post(SIMILAR, {"text": "Ice"})
    assert refused.status_code == 422 and b"did not answer within" in refused.content
    embedded.answer = ("another-key", [0.1])
    assert b"another embedding model" in client.post(SIMILAR, {"text": "Ice"}).content
    Job.objects.all().delete()
    assert b"No passage has a vector yet" in client.post(SIMILAR, {"text": "Ice"}).content


def test_pasted_text_is_not_stored_and_not_rendered_as_html(project, embedded):
    page = seen_by(project).post(SIMILAR, {"text": HOSTILE}).content.decode()
    assert "<script>alert" not in page and "<img src=x" not in page


def test_templates_never_mark_a_headline_safe():
    folder = Path(__file__).resolve().parents[2] / "templates" / "search"
    assert not [path.name for path in folder.iterdir() if "|safe" in path.read_text()]

"""Documents: the list with its filters, the page of one, and its raw bytes."""

from __future__ import annotations

import io

import pytest

from curation.actions.imports import keep_file
from curation.models import Document, ImportFile, Item, Occurrence, Score
from tests import factories as make
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, seen_by, text_of, walk

pytestmark = pytest.mark.django_db

LIST = "/projects/stars/documents/"


@pytest.fixture
def project():
    return make.a_project("stars")


def address(document: Document) -> str:
    return f"{LIST}{document.uuid}/"


def titles(client, asked: str = "") -> list[str]:
    return [row.title for row in client.get(LIST + asked).context["page"]]


def test_members_see_the_documents_of_their_project_and_nobody_elses(project):
    make.a_document(project, title="Tides")
    make.a_document(make.a_project("moons"), title="Craters")
    assert titles(seen_by(project, "annotator")) == ["Tides"]
    outsider = seen_by(project, "outsider")
    document = project.documents.get()
    assert outsider.get(LIST).status_code == outsider.get(address(document)).status_code == 404


def test_a_document_is_not_found_through_another_project(project):
    elsewhere = make.a_document(make.a_project("moons"))
    assert seen_by(project, "manager").get(address(elsewhere)).status_code == 404


def test_the_list_is_narrowed_by_state_reason_language_source_kind_and_words(project):
    client = seen_by(project)
    shelf = make.a_source(project, "Shelf", kind="book")
    web = make.a_source(project, "Web", kind="web")
    tides = make.a_document(project, "a", source=web, title="Tides")
    levers = make.a_document(project, "b", source=shelf, title="Levers")
    bread = make.a_document(project, "c", source=web, title="Bread")
    Document.objects.filter(pk__in=[tides.pk, levers.pk]).update(assessed_at=tides.created_at)
    Document.objects.filter(pk=levers.pk).update(left_out="too_short", language="de")
    assert titles(client, "?state=kept") == ["Tides"]
    assert titles(client, "?state=left_out") == titles(client, "?reason=too_short") == ["Levers"]
    assert titles(client, "?state=waiting") == ["Bread"] == [bread.title]
    assert titles(client, "?language=de") == ["Levers"]
    assert titles(client, f"?source={shelf.uuid}") == titles(client, "?kind=book") == ["Levers"]
    assert titles(client, f"?source={shelf.uuid}&kind=web") == []
    assert titles(client, "?q=tid") == ["Tides"]
    assert titles(client, "?sort=oldest") == ["Tides", "Levers", "Bread"]
    assert titles(client, "?state=nonsense") == titles(client, "?source=nonsense") == []


def test_reviewers_filter_and_sort_by_score_and_annotators_see_none(project):
    scorer = make.an_active_scorer(project)
    for title, value in (("Low", 1.0), ("High", 4.5), ("Middle", 2.0)):
        document = make.a_document(project, title, title=title)
        Score.objects.create(scorer=scorer, document=document, value=value)
    reviewer, annotator = seen_by(project), seen_by(project, "annotator")
    assert titles(reviewer, "?sort=highest") == ["High", "Middle", "Low"]
    assert titles(reviewer, "?rubric=educational&least=2&below=4.5") == ["Middle"]
    assert titles(reviewer, "?least=4.5&below=5") == ["High"]
    assert "4.5" in text_of(reviewer, LIST)
    assert titles(annotator, "?sort=highest") == ["Middle", "High", "Low"]
    assert titles(annotator, "?least=4") == ["Middle", "High", "Low"]
    assert 'class="score"' not in text_of(annotator, LIST)
    Document.objects.filter(title="Low").update(
        left_out="low_educational", left_out_detail="educational 1.00, at least 1.5"
    )
    low = project.documents.get(title="Low")
    assert "at least 1.5" in text_of(reviewer, address(low))
    assert "at least 1.5" not in text_of(annotator, address(low))


def test_htmx_gets_the_rows_alone_and_the_address_without_empty_filters(project):
    make.a_document(project, title="Tides")
    response = seen_by(project).get(LIST + "?q=Tides&state=&language=", headers={"HX-Request": "true"})
    assert response["HX-Push-Url"] == LIST + "?q=Tides"
    assert "HX-Request" in response["Vary"]
    assert response.content.startswith(b'<div id="rows">') and b"<html" not in response.content


def test_a_list_asks_as_often_however_many_rows_it_has(project):
    scorer = make.an_active_scorer(project)
    client = seen_by(project)
    make.a_document(project)
    few = queries(client, LIST)
    for number in range(30):
        document = make.a_document(project, f"text {number}")
        Score.objects.create(scorer=scorer, document=document, value=3.0)
    assert queries(client, LIST) <= LIST_QUERIES
    assert queries(client, LIST + "?sort=highest&state=kept") <= LIST_QUERIES
    assert queries(client, LIST) - few <= 1  # the scores, where there are scorers


def test_walking_the_list_meets_every_row_once_while_others_come_in(project):
    client = seen_by(project)
    made = [make.a_document(project, f"text {number}").pk for number in range(120)]
    first = client.get(LIST).context["page"]
    make.a_document(project, "one more")
    second = client.get(f"{LIST}?after={first.older}").context["page"]
    make.a_document(project, "and another")
    third = client.get(f"{LIST}?after={second.older}").context["page"]
    assert [row.pk for page in (first, second, third) for row in page] == made[::-1]
    back = client.get(f"{LIST}?before={third.newer}").context["page"]
    assert [row.pk for row in back] == [row.pk for row in second]
    assert not third.older


def test_walking_by_score_meets_every_row_once_where_scores_are_equal(project):
    scorer = make.an_active_scorer(project)
    client = seen_by(project)
    documents = [make.a_document(project, f"text {number}") for number in range(110)]
    for number, document in enumerate(documents):
        Score.objects.create(scorer=scorer, document=document, value=number % 3)
    for sort in ("highest", "lowest"):
        seen = walk(client, f"{LIST}?sort={sort}", "pk")
        assert len(seen) == len(set(seen)) == 110


def test_a_page_shows_the_text_with_its_passages_the_places_and_the_lineage(project):
    source = make.a_source(project, "Harbour notes", licence="CC-BY-4.0")
    text = "Menu.\n\nThe tide rises twice a day.\n\nFooter."
    document = make.a_document(project, text, source=source, title="Tides")
    passage = make.a_passage(project, "The tide rises twice a day.", document)
    make.a_seed(project, passage=passage)
    shown = text_of(seen_by(project, "annotator"), address(document))
    for said in (
        "Menu.",
        "Footer.",
        "Passage 1",
        "Harbour notes",
        "CC-BY-4.0",
        "text/1",
        "1 passage",
        "1 seed",
    ):
        assert said in shown, said
    assert f'href="/projects/stars/passages/{passage.uuid}/"' in shown
    assert f"/projects/stars/passages/?document={document.uuid}" in shown


def test_a_long_text_is_shown_in_parts_that_join_up(project, monkeypatch):
    monkeypatch.setattr("curation.web.documents.WINDOW", 100)
    text = "".join(f"[{number:04}]" for number in range(40))
    document = make.a_document(project, text)
    client = seen_by(project)
    parts = [client.get(f"{address(document)}?at={at}") for at in (0, 100, 200, 9999)]
    said = ["".join(stretch.text for stretch in part.context["stretches"]) for part in parts]
    assert "".join(said[:3]) == text and said[3] == said[2]


def test_hostile_titles_addresses_and_texts_stay_text(project):
    document = make.a_document(project, HOSTILE, title=HOSTILE, address="javascript:alert(1)")
    make.a_passage(project, HOSTILE, document, heading=HOSTILE)
    Occurrence.objects.update(file=HOSTILE, address=HOSTILE)
    client = seen_by(project, "manager")
    for here in (LIST, address(document)):
        shown = text_of(client, here)
        assert "<script>alert" not in shown and "<img src=x" not in shown
        assert 'href="javascript:' not in shown


def test_raw_bytes_are_saved_by_managers_only_and_never_rendered(project):
    stored = keep_file(io.BytesIO(HOSTILE.encode()))
    document = make.a_document(project, HOSTILE, stored_file=stored)
    ImportFile.objects.create(batch=document.first_import, stored_file=stored, name="page.html")
    raw = address(document) + "raw"
    response = seen_by(project, "manager").get(raw)
    assert response.status_code == 200 and response.content == HOSTILE.encode()
    assert response["Content-Type"].startswith("text/plain")
    assert response["Content-Disposition"].startswith("attachment") and "nosniff" in str(response.headers)
    assert seen_by(project, "reviewer").get(raw).status_code == 403
    assert seen_by(project, "outsider").get(raw).status_code == 404


def test_an_empty_project_says_what_goes_here(project):
    assert "No documents yet" in text_of(seen_by(project), LIST)
    make.a_document(project)
    assert "No document fits these filters" in text_of(seen_by(project), LIST + "?language=xx")


def test_the_score_of_a_page_stays_hidden_from_those_who_have_yet_to_rate_it(project):
    page = make.a_kept_document(project)
    Score.objects.create(scorer=make.an_active_scorer(project), document=page, value=4.37)
    make.an_item(make.a_queue(project, "pages"), page)
    client = seen_by(project, "reviewer")
    where = "/projects/stars/documents/"
    for address in (where, f"{where}{page.uuid}/"):
        shown = client.get(address).content.decode()
        assert "4.4" not in shown and "4.37" not in shown
    assert str(page.uuid) not in client.get(f"{where}?sort=highest").content.decode()
    Item.objects.update(state="rated")
    assert "4.4" in client.get(where).content.decode()
    assert str(page.uuid) in client.get(f"{where}?sort=highest").content.decode()


def test_documents_with_personal_data_are_listed_by_its_kind_unless_the_project_does_not_heed_it(project):
    client = seen_by(project)
    letter, form, _ = (make.a_document(project, title, title=title) for title in ("Letter", "Form", "Tides"))
    for document, notes in (
        (letter, {"found": {"email": 2, "phone": 1}}),
        (form, {"found": {"card": 1}, "masked": {"iban": 1}}),
    ):
        document.extraction.notes = notes
        document.extraction.save()
    assert titles(client, "?found=any") == ["Form", "Letter"]
    assert titles(client, "?found=email") == ["Letter"] and titles(client, "?found=token") == []
    shown = text_of(client, address(form))
    assert "Payment card" in shown and 'Bank account (IBAN) <span class="faint">masked</span>' in shown
    project.knobs = {"personal_data": 0}
    project.save()
    assert len(titles(client, "?found=any")) == 3
    assert "Payment card" not in text_of(client, address(form))

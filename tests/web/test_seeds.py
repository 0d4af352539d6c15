"""Seeds: the list and the page of one."""

from __future__ import annotations

import pytest

from curation.models import Seed, TextVersion
from tests import factories as make
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, scored, seen_by, text_of

pytestmark = pytest.mark.django_db

LIST = "/projects/stars/seeds/"


@pytest.fixture
def project():
    return make.a_project("stars")


def shown(client, asked: str = "") -> list[int]:
    return [row.pk for row in client.get(LIST + asked).context["page"]]


def a_question(project, text: str) -> Seed:
    return Seed.objects.create(project=project, text=text, text_sha256=make.sha256(text))


def test_members_see_the_seeds_of_their_project_and_nobody_elses(project):
    seed = make.a_seed(project)
    elsewhere = make.a_seed(make.a_project("moons"))
    client = seen_by(project, "annotator")
    assert shown(client) == [seed.pk]
    assert client.get(f"{LIST}{elsewhere.uuid}/").status_code == 404
    outsider = seen_by(project, "outsider")
    assert outsider.get(LIST).status_code == outsider.get(f"{LIST}{seed.uuid}/").status_code == 404


def test_the_list_is_narrowed_and_sorted_and_questions_stand_among_passages(project):
    client = seen_by(project)
    low = make.a_seed(project, state="approved")
    high = make.a_seed(project)
    question = a_question(project, "Why is the sky blue?")
    scored(low.passage, factual=1)
    scored(high.passage, factual=4)
    assert shown(client) == [question.pk, high.pk, low.pk]
    assert shown(client, "?state=approved") == [low.pk]
    assert shown(client, "?sort=highest") == [high.pk, low.pk]
    assert shown(client, "?q=sky") == [question.pk]
    assert shown(client, f"?document={low.passage.document.uuid}") == [low.pk]
    assert shown(seen_by(project, "annotator"), "?sort=highest") == shown(client)


def test_htmx_gets_the_rows_alone_and_a_list_asks_as_often_however_long(project):
    client = seen_by(project)
    for _ in range(20):
        scored(make.a_seed(project).passage, factual=2, reasoning=3)
    part = client.get(LIST, headers={"HX-Request": "true"})
    assert part.content.startswith(b'<div id="rows">')
    for asked in ("", "?sort=highest&state=candidate", "?q=ice"):
        assert queries(client, LIST + asked) <= LIST_QUERIES, asked


def test_a_page_shows_what_was_edited_and_what_was_generated_from_it(project):
    seed = make.a_seed(project, "Ice floats because it is dense.")
    author = make.a_member(project, "reviewer")
    seed.text_version = TextVersion.objects.create(
        project=project,
        seed=seed,
        text="Ice floats because it is less dense.",
        sha256="0" * 64,
        author=author,
    )
    seed.state = Seed.State.APPROVED
    seed.save()
    sample = make.a_sample(project, "Why does ice float?", seed=seed)
    page = text_of(seen_by(project, "annotator"), f"{LIST}{seed.uuid}/")
    assert "<ins>" in page and "less" in page and "Approved" in page
    assert f"/projects/stars/samples/{sample.uuid}/" in page


def test_hostile_questions_stay_text(project):
    seed = a_question(project, HOSTILE)
    client = seen_by(project)
    for here in (LIST, f"{LIST}{seed.uuid}/"):
        page = text_of(client, here)
        assert "<script>alert" not in page and "<img src=x" not in page


def test_an_empty_project_says_how_seeds_come(project):
    assert "No seeds yet" in text_of(seen_by(project), LIST)

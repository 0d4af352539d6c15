"""Samples: the list, the page of one with its chain, and a step of the chain."""

from __future__ import annotations

import pytest

from curation.models import Sample, SampleStep, TextVersion, Verdict
from tests import factories as make
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, seen_by, text_of, walk

pytestmark = pytest.mark.django_db

LIST = "/projects/stars/samples/"


@pytest.fixture
def project():
    return make.a_project("stars")


def address(sample: Sample) -> str:
    return f"{LIST}{sample.uuid}/"


def titles(client, asked: str = "") -> list[str]:
    return [row.title for row in client.get(LIST + asked).context["page"]]


def with_chain(sample: Sample, text: str = "") -> Sample:
    steps = (
        ("prompt", "Write an exercise.", "A plank lies over a log."),
        ("draft", "Solve it.", "F = 12 N " + text),
        ("critique", "Find faults.", "g is missing " + text),
        ("revision", "Mend it.", "F = 118 N " + text),
    )
    for ordinal, (kind, prompt, output) in enumerate(steps):
        SampleStep.objects.create(sample=sample, ordinal=ordinal, kind=kind, prompt=prompt, output=output)
    Verdict.objects.create(
        sample=sample, kind="maths", judge="math-verify", outcome="passed", evidence="117.7 " + text
    )
    return sample


def test_members_see_the_samples_of_their_project_and_nobody_elses(project):
    sample = with_chain(make.a_sample(project, "Why is it so?"))
    make.a_sample(make.a_project("moons"))
    assert titles(seen_by(project, "annotator")) == ["Why is it so?"]
    outsider = seen_by(project, "outsider")
    for here in (LIST, address(sample), f"{address(sample)}steps/1"):
        assert outsider.get(here).status_code == 404


def test_a_step_is_not_found_through_another_project(project):
    elsewhere = with_chain(make.a_sample(make.a_project("moons")))
    client = seen_by(project, "manager")
    assert client.get(f"{address(elsewhere)}steps/1").status_code == 404
    assert client.get(address(elsewhere)).status_code == 404


def test_the_list_is_narrowed_by_state_verdict_workflow_model_source_and_what_it_stands_on(project):
    client = seen_by(project)
    seed = make.a_seed(project)
    first = with_chain(make.a_sample(project, "First", workflow="exercise", model="phi", seed=seed))
    make.a_sample(project, "Second", workflow="dialogue", state="approved", language="de")
    assert titles(client) == ["Second", "First"]
    for asked in (
        *("state=candidate", "verdict=passed", "workflow=exercise", "model=phi"),
        *(f"seed={seed.uuid}", f"passage={seed.passage.uuid}", f"document={seed.passage.document.uuid}"),
    ):
        assert titles(client, f"?{asked}") == [first.title], asked
    assert titles(client, f"?source={first.source.uuid}&language=de") == ["Second"]
    assert titles(client, "?verdict=failed") == []


def test_htmx_gets_the_rows_alone_and_a_list_asks_as_often_however_long(project):
    client = seen_by(project)
    for _ in range(20):
        with_chain(make.a_sample(project))
    part = client.get(LIST, headers={"HX-Request": "true"})
    assert part.content.startswith(b'<div id="rows">')
    for asked in ("", "?state=candidate&verdict=passed&workflow=x", "?q=plus"):
        assert queries(client, LIST + asked) <= LIST_QUERIES, asked


def test_walking_the_list_meets_every_row_once(project):
    made = [make.a_sample(project).pk for _ in range(105)]
    assert walk(seen_by(project), LIST, "pk") == made[::-1]


def test_a_page_shows_the_turns_the_chain_without_its_texts_and_the_verdicts(project):
    seed = make.a_seed(project)
    sample = with_chain(make.a_sample(project, "How hard must I press?", "118 N", seed=seed))
    client = seen_by(project, "annotator")
    page = text_of(client, address(sample))
    for said in (
        "How hard must I press?",
        "118 N",
        "Revision",
        "math-verify",
        "117.7",
        f"/seeds/{seed.uuid}/",
    ):
        assert said in page, said
    assert "Solve it." not in page
    part = client.get(f"{address(sample)}steps/1", headers={"HX-Request": "true"}).content.decode()
    assert "Solve it." in part and "<html" not in part
    assert "Solve it." in text_of(client, f"{address(sample)}steps/1")


def test_a_revision_is_shown_as_what_it_changed_of_the_draft(project):
    sample = with_chain(make.a_sample(project))
    page = text_of(seen_by(project), f"{address(sample)}steps/3")
    assert "<del>12 </del>" in page and "<ins>118 </ins>" in page


def test_an_edited_sample_shows_each_turn_with_what_it_was(project):
    sample = make.a_sample(project, "Why?", "Because of that.")
    edited = [sample.messages[0], {"role": "assistant", "content": "Because of this."}]
    sample.text_version = TextVersion.objects.create(
        project=project, sample=sample, text="…", messages=edited, sha256="0" * 64, author=make.a_user()
    )
    sample.save()
    page = text_of(seen_by(project), address(sample))
    assert "<del>that</del>" in page and page.count("What was edited") == 1


def test_a_seed_that_was_not_found_is_named_as_the_file_gave_it(project):
    sample = make.a_sample(
        project, seed_reference={"quote": "The lever law.", "address": "https://x.example"}
    )
    page = text_of(seen_by(project), address(sample))
    assert "Not found in this project" in page and "The lever law." in page


def test_hostile_samples_stay_text(project):
    sample = with_chain(
        make.a_sample(project, HOSTILE, HOSTILE, meta={HOSTILE: HOSTILE}, topics=[HOSTILE[:80]]), HOSTILE
    )
    client = seen_by(project)
    for here in (LIST, address(sample), *(f"{address(sample)}steps/{at}" for at in range(4))):
        page = text_of(client, here)
        assert "<script>alert" not in page and "<img src=x" not in page

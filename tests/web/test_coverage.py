"""Coverage: every number leads to as many rows, thin places are marked, and what is wanted is a manager's to say."""

from __future__ import annotations

import re
from html import unescape

import pytest

from curation.models import Activity, Run, coverage
from curation.models.job import Job
from curation.recipe.generate.drawn import SKILLS
from tests import factories as make
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, seen_by, text_of

pytestmark = pytest.mark.django_db

PAGE = "/projects/stars/coverage/"
ERROR, QUANTITY = SKILLS[1], SKILLS[4]


@pytest.fixture
def project():
    return make.a_project("stars")


def on(project, topic):
    document = make.a_document(project, f"A page about {topic}.")
    document.topic = topic
    document.save(update_fields=["topic"])
    return make.a_passage(project, f"A passage about {topic}.", document)


def sample(project, skill=ERROR, difficulty="easy", topics=("Science",), state="approved", **fields):
    return make.a_sample(
        project, skill=skill, difficulty=difficulty, topics=list(topics), state=state, **fields
    )


def cells(page):
    """{words of the place: (number, address of the rows)} of the linked cells."""
    found = re.findall(
        r'<a href="([^"]+)">([\d,]+)<span class="visually-hidden"> samples: ([^<]+)</span>', page
    )
    return {unescape(place): (int(n.replace(",", "")), unescape(address)) for address, n, place in found}


def test_a_samples_topic_is_its_own_or_that_of_the_document_it_came_from(project):
    passage = on(project, "arts")
    seed = make.a_seed(project, passage=on(project, "history"))
    for fields in (
        {"topics": ["Technology and computing", "x"]}, {"topics": ["SCIENCE"]}, {"topics": ["Beekeeping"]},
        {"topics": [], "passage": passage}, {"topics": [], "seed": seed}, {"topics": []},
    ):  # fmt: skip
        sample(project, **fields)
    found = coverage.counted(coverage.approved(project))
    assert {topic for topic, _, _ in found} == {"technology", "science", "beekeeping", "arts", "history", ""}


def test_every_number_leads_to_as_many_rows(project):
    for n, (skill, difficulty, topic) in enumerate(
        [(ERROR, "easy", "science"), (ERROR, "hard", "science"), (QUANTITY, "easy", "arts"), (HOSTILE[:80], "odd", "a & b")]
    ):  # fmt: skip
        for _ in range(n + 1):
            sample(project, skill, difficulty, [topic])
    sample(project, state="candidate")
    client = seen_by(project)
    page = text_of(client, PAGE)
    assert "<script>alert" not in page and "<strong>10</strong>" in page
    found = cells(page)
    assert found["Science, easy"][0] == 1 and found["Science"][0] == 3 and found[f"{ERROR}, hard"][0] == 2
    for place, (number, address) in found.items():
        assert text_of(client, address).count('<th scope="row"') == number, place
    science = cells(text_of(client, f"{PAGE}?topic=science"))
    assert science[f"Science, {ERROR}, hard"][0] == 2 and f"{QUANTITY}, easy" not in science


def test_the_set_is_what_is_approved_or_everything_made_or_one_run(project):
    sample(project)
    sample(project, state="candidate")
    sample(project, state="withdrawn")
    source = make.a_source(project, "Run 1", kind="synthetic")
    job = Job.objects.create(project=project, kind="generate", state="done")
    endpoint = project.endpoints.create(name="m", address="http://127.0.0.1:9/v1", model="tiny")
    run = Run.objects.create(
        project=project, name="First", workflow="rewrite", endpoint=endpoint, source=source, job=job, model="tiny",
        target=1, most_candidates=1, budget_tokens=1,
    )  # fmt: skip
    candidate = run.candidates.create(ordinal=0, seed=make.a_seed(project), number=0, state="done")
    sample(project, state="rejected", source=source, batch=None, candidate=candidate)
    client = seen_by(project)
    for asked, number in (
        ("", 1),
        ("?set=made", 3),
        (f"?run={run.uuid}", 1),
        ("?set=odd", 1),
        ("?run=odd", 1),
    ):
        page = text_of(client, f"{PAGE}{asked}")
        assert f"<strong>{number}</strong> sample" in page, asked
        where, address = cells(page)["Science"]
        assert where == number and text_of(client, address).count('<th scope="row"') == number
    other = seen_by(make.a_project("other"))
    assert other.get(f"/projects/other/coverage/?run={run.uuid}").status_code == 404


def test_thin_places_are_marked_and_what_is_missing_most_comes_first(project):
    for _ in range(120):
        sample(project)
    for n in range(3):
        make.a_seed(project, passage=on(project, "arts") if n == 0 else None)
    page = text_of(seen_by(project, "manager"), PAGE)
    assert page.count(">thin</span>") > 20 and "Where most is missing" in page
    assert f"Science, {SKILLS[0]}, easy" in page or f"Arts and literature, {SKILLS[0]}, easy" in page


def test_a_place_leads_to_the_form_of_a_run_for_exactly_that(project):
    for _ in range(60):
        sample(project)
    make.a_seed(project, passage=on(project, "arts"))
    project.endpoints.create(name="m", address="http://127.0.0.1:9/v1", model="tiny")
    manager = seen_by(project, "manager")
    page = text_of(manager, f"{PAGE}?topic=arts")
    address = unescape(
        re.search(
            r'href="([^"]+runs/new\?[^"]+skill=applying[^"]+topic=arts[^"]*|[^"]+runs/new\?[^"]+topic=arts[^"]+skill=applying[^"]*)"',
            page,
        )[1]
    )
    form = manager.get(address).context["form"]
    asked = {name: form.initial[name] for name in ("workflow", "topic", "skill", "difficulty")}
    assert asked == {"workflow": "rewrite", "topic": "arts", "skill": SKILLS[0], "difficulty": "easy"}
    # Nobody is sent to a run that has nothing to begin with, or that they may not start.
    assert "runs/new" not in "".join(re.findall(r'href="[^"]*topic=science[^"]*"', page))
    assert "runs/new" not in text_of(seen_by(project), PAGE)


def test_a_manager_says_what_is_wanted_and_the_table_follows(project):
    for _ in range(60):
        sample(project)
    client = seen_by(project, "manager")
    form = client.get(f"{PAGE}wanted").context["form"]
    sent = dict.fromkeys(form.fields, "1")
    (easy,) = [name for name, place in form.places.items() if place == ("difficulty", "easy")]
    assert client.post(f"{PAGE}wanted", sent | {easy: "4"}).status_code == 302
    project.refresh_from_db()
    assert project.coverage_wanted == {"difficulty": {"easy": 4.0}}
    assert Activity.objects.filter(project=project, verb="changed what is wanted of samples").count() == 1
    page = text_of(client, PAGE)
    assert "Wanted as a manager said" in page
    assert client.post(f"{PAGE}wanted", sent | {easy: "4"}).status_code == 302
    assert Activity.objects.filter(project=project).count() == 1
    for wrong in ({easy: "-1"}, {easy: "nan"}, {easy: "1e9"}, {easy: ""}):
        assert client.post(f"{PAGE}wanted", sent | wrong).status_code == 422
    none = {name: "0" for name, place in form.places.items() if place[0] == "difficulty"}
    assert "has to be wanted" in client.post(f"{PAGE}wanted", sent | none).content.decode()


def test_empty_states_say_what_to_look_at(project):
    client = seen_by(project, "annotator")
    assert "Nothing approved yet" in text_of(client, PAGE)
    sample(project, skill="", state="candidate")
    assert "Nothing that can be placed" in text_of(client, f"{PAGE}?set=made")


def test_the_page_asks_the_database_a_handful_of_times(project):
    for skill in SKILLS:
        sample(project, skill)
    assert queries(seen_by(project, "manager"), PAGE) <= LIST_QUERIES

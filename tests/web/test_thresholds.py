"""The workbench: the picture, rows on either side, what to expect and what would change; applying, undoing, topics' floors."""

from __future__ import annotations

import pytest
from django.utils import timezone

from curation.jobs import run
from curation.models import Document, DuplicatePair, EmbeddingModel, Item, Job, KnobChange, Passage, Score
from curation.models.comparison import Comparison
from curation.web import benches
from curation.web.benches import BENCHES, default_good
from tests import factories as make
from tests.labelling import embedded, our_rubric, rated
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, scored, seen_by, text_of

pytestmark = pytest.mark.django_db

PAGE = "/projects/stars/thresholds/"
EDUCATIONAL = PAGE + "min_educational/"
FACTUAL = PAGE + "min_factual/"
SAME = PAGE + "near_duplicate_cosine/"


@pytest.fixture
def project():
    our_rubric("factual")  # ours, with their words
    return make.a_project("stars")


def scored_page(project, value, topic="", **fields):
    """A curated page with a score; below the default threshold it is left out."""
    from curation.models import Signals
    from curation.recipe.scoring import signals

    document = make.a_kept_document(project, "", topic=topic, **fields)
    Signals.objects.create(
        extraction=document.extraction,
        version=signals.VERSION,
        values=signals.measure(document.extraction.text),
    )
    Document.objects.filter(pk=document.pk).update(
        left_out="" if value >= 2.3 else "low_educational", characters=900
    )
    document.extraction.characters, document.extraction.normal_sha256 = 900, document.sha256
    document.extraction.save()
    Score.objects.create(scorer=make.an_active_scorer(project), document=document, value=value)
    return document


def done(change):
    run.drain(change.job)
    change.refresh_from_db()
    return change


def test_only_managers_come_here(project):
    for address in (PAGE, FACTUAL, PAGE + "topics", PAGE + "changes/"):
        assert seen_by(project, "reviewer").get(address).status_code == 403
        assert seen_by(project, "outsider").get(address).status_code == 404
    assert seen_by(project, "manager").get(PAGE + "min_nothing/").status_code == 404


def test_before_anything_is_scored_it_says_how_to_begin(project):
    client = seen_by(project, "manager")
    assert text_of(client, PAGE).count("Nothing scored yet.") == 3
    assert "Nothing scored yet" in text_of(client, EDUCATIONAL)
    assert "Nothing compared yet" in text_of(client, SAME)
    assert "No topics yet" in text_of(client, PAGE + "topics")


def test_the_picture_counts_every_row_that_the_threshold_decides_about_and_no_other(project):
    for value in (0.5, 2.29, 2.3, 2.31, 5.0):
        scored_page(project, value)
    other = scored_page(project, 4.0)
    Document.objects.filter(pk=other.pk).update(left_out="too_short")
    scored_page(make.a_project("moons"), 3.0)
    look = seen_by(project, "manager").get(EDUCATIONAL).context["look"]
    assert (look.total, look.kept, look.current, look.moved) == (5, 3, 2.3, False)
    assert look.bars.counts[46] == 2 and look.bars.counts[99] == 1
    look = seen_by(project, "manager").get(EDUCATIONAL + "?value=4").context["look"]
    assert (look.value, look.kept, look.moved) == (4.0, 1, True)


@pytest.mark.parametrize(
    ("asked", "stands"), [("nan", 2.3), ("x", 2.3), ("-1", 0.0), ("99", 5.0), ("2.333", 2.35)]
)
def test_whatever_is_asked_for_the_handle_stays_on_its_rail(project, asked, stands):
    scored_page(project, 3)
    assert seen_by(project, "manager").get(EDUCATIONAL + f"?value={asked}&good=77").context["value"] == stands


def test_examples_are_the_nearest_on_either_side_and_their_text_is_harmless(project):
    documents = [
        scored_page(project, value, title=f"{HOSTILE} {value}")
        for value in (1.0, 2.0, 3.0, 3.4, 4.0, 4.5, 5.0)
    ]
    response = seen_by(project, "manager").get(EDUCATIONAL + "?value=3.2")
    look = response.context["look"]
    assert [one["row"].value for one in look.above] == [3.4, 4.0, 4.5, 5.0]
    assert [one["row"].value for one in look.below] == [3.0, 2.0, 1.0]
    assert str(documents[3].uuid) in look.above[0]["url"]
    assert "<script>alert" not in response.content.decode()


def test_what_the_manager_has_yet_to_rate_is_no_example_and_no_mark(project):
    queue = make.a_queue(project, "scores", wanted=1)
    passages = [scored(make.a_kept_passage(project), factual=value) for value in (3.0, 3.5)]
    rated(make.a_queue(project, "scores", wanted=1), passages, {"factual": [2, 4]})
    make.an_item(queue, passages[0])
    client = seen_by(project, "manager")
    look = client.get(FACTUAL + "?value=3.2").context["look"]
    assert look.below == [] and [one["row"].value for one in look.above] == [3.5]
    assert [at for at, _ in look.labels.points] == [3.5]


def test_precision_and_yield_come_from_what_people_settled_with_an_interval(project):
    passages = [scored(make.a_kept_passage(project), factual=at / 20) for at in range(100)]
    rated(
        make.a_queue(project, "scores", wanted=1),
        passages,
        {"factual": [5 if at >= 60 else 0 for at in range(100)]},
    )
    client = seen_by(project, "manager")
    look = client.get(FACTUAL + "?value=3").context["look"]
    assert look.kept == 40 and look.expected.kept.share == 1.0 and look.expected.left_out.good == 0
    low, high = look.expected.kept.share_interval
    assert low < 1.0 and high == pytest.approx(1.0)
    lower = client.get(FACTUAL + "?value=1").context["look"]
    assert 0.4 < lower.expected.kept.share < 0.6
    page = text_of(client, FACTUAL + "?value=3")
    assert "from 40 rated" in page and "Precision by threshold" in page


def test_good_is_what_the_manager_says(project):
    passage = scored(make.a_kept_passage(project), factual=4)
    rated(make.a_queue(project, "scores", wanted=1), [passage], {"factual": [3]})
    client = seen_by(project, "manager")
    assert client.get(FACTUAL).context["look"].labels.points == [(4.0, True)]
    assert client.get(FACTUAL + "?good=4").context["look"].labels.points == [(4.0, False)]
    assert [default_good(highest) for highest in (1, 2, 3, 4, 5)] == [1, 1, 2, 2, 3]


def test_a_trained_scorer_is_measured_on_labels_that_it_has_not_learnt_from(project, monkeypatch):
    passages = [scored(make.a_kept_passage(project), factual=at / 2) for at in range(6)]
    rated(make.a_queue(project, "scores", wanted=1), passages, {"factual": [0, 1, 2, 3, 4, 5]})
    held = {passages[1].document.sha256, passages[4].document.sha256}
    monkeypatch.setattr(benches.holdout, "held_out", lambda key: key in held)
    scorer = make.an_active_scorer(project, "factual", "passage")
    client = seen_by(project, "manager")
    assert len(client.get(FACTUAL).context["look"].labels.points) == 6
    scorer.project = project
    scorer.save()
    labels = client.get(FACTUAL).context["look"].labels
    assert [at for at, _ in labels.points] == [0.5, 2.0] and labels.all == 6
    assert "Measured on 2 of 6 rated passages" in text_of(client, FACTUAL)


def test_what_would_change_is_said_by_source_language_and_topic_and_nothing_is_written(project):
    for value, topic in ((2.5, "arts"), (3.5, "science"), (4.5, "science")):
        scored_page(project, value, topic)
    client = seen_by(project, "manager")
    response = client.get(EDUCATIONAL + "?value=3")
    context = response.context
    assert (context["moved"].before, context["moved"].after, context["moved"].lost) == (3, 2, 1)
    topics = {row["name"]: row["change"] for row in context["tables"][2]["rows"]}
    assert sorted(topics.values()) == [-1, 0]
    assert "1 documents leave" in response.content.decode()
    assert not KnobChange.objects.exists() and project.documents.filter(left_out="").count() == 3


def test_htmx_gets_what_changes_with_the_handle_and_the_address_follows(project):
    scored_page(project, 3)
    response = seen_by(project, "manager").get(
        EDUCATIONAL + "?value=3.5&good=2", headers={"HX-Request": "true"}
    )
    assert response.content.startswith(b'\n<div id="look"') or response.content.startswith(b'<div id="look"')
    assert response["HX-Replace-Url"] == EDUCATIONAL + "?value=3.5&good=2"
    assert "HX-Request" in response["Vary"] and b"<html" not in response.content


def test_a_change_is_applied_by_a_job_undone_by_another_and_both_stay_in_the_history(project):
    documents = [scored_page(project, value) for value in (2.5, 4.0)]
    client = seen_by(project, "manager")
    answer = client.post(PAGE + "apply", {"min_educational": "3"})
    change = KnobChange.objects.get()
    assert answer["Location"] == f"{PAGE}changes/{change.uuid}/"
    page = text_of(client, answer["Location"])
    assert 'hx-trigger="every 2s"' in page and "2.3 → 3" in page
    assert "A change is being applied" in text_of(client, EDUCATIONAL)
    done(change)
    page = text_of(client, answer["Location"] + "progress")
    assert "Applied" in page and "every 2s" not in page and "2 → 1" in page
    documents[0].refresh_from_db()
    assert documents[0].left_out == "low_educational"
    project.refresh_from_db()
    assert project.settings.min_educational == 3
    client.post(f"{PAGE}changes/{change.uuid}/undo")
    back = KnobChange.objects.exclude(pk=change.pk).get()
    done(back)
    documents[0].refresh_from_db()
    project.refresh_from_db()
    assert documents[0].left_out == "" and project.settings.min_educational == 2.3
    listed = text_of(client, PAGE + "changes/")
    assert listed.index("Undone: ") < listed.rindex("2.3 → 3") and "Undone</span>" in listed
    assert "takes" in text_of(client, f"{PAGE}changes/{back.uuid}/")


def test_a_change_that_is_none_or_nonsense_is_refused_in_words(project):
    scored_page(project, 3)
    client = seen_by(project, "manager")
    for given, said in (("2.3", "as they are"), ("7", "outside"), ("x", "not a number"), ("", "as they are")):
        response = client.post(PAGE + "apply", {"min_educational": given}, follow=True)
        assert said in response.content.decode(), given
    assert client.post(PAGE + "apply", {"seeds_decisions": "3"}, follow=True).status_code == 200
    assert not KnobChange.objects.exists()


def test_a_change_that_was_cancelled_says_that_nothing_was_changed(project):
    scored_page(project, 3)
    client = seen_by(project, "manager")
    client.post(PAGE + "apply", {"min_educational": "3.5"})
    change = KnobChange.objects.get()
    Job.objects.filter(pk=change.job_id).update(state="cancelled")
    page = text_of(client, f"{PAGE}changes/{change.uuid}/")
    assert "Nothing was changed" in page and "Undo</button>" not in page
    undone = client.post(f"{PAGE}changes/{change.uuid}/undo", follow=True)
    assert "was not applied" in undone.content.decode() and KnobChange.objects.count() == 1


def test_another_project_s_change_is_not_here(project):
    other = make.a_project("moons")
    change = KnobChange.objects.create(project=other, after={"min_factual": 3})
    client = seen_by(project, "manager")
    assert client.get(f"{PAGE}changes/{change.uuid}/").status_code == 404
    assert client.post(f"{PAGE}changes/{change.uuid}/undo").status_code == 404


def test_a_topic_keeps_its_pages_alive_by_a_floor_of_its_own(project):
    arts = scored_page(project, 1.8, "arts")
    for value in (1.7, 4.0):
        scored_page(project, value, "science")
    client = seen_by(project, "manager")
    rows = {row["key"]: row for row in client.get(PAGE + "topics").context["rows"]}
    assert (rows["arts"]["total"], rows["arts"]["kept"], rows["science"]["share"]) == (1, 0, 0.5)
    shown = client.get(PAGE + "topics?topic:arts=1.5&topic:science=")
    assert shown.context["look"]["moved"].won == 1 and "Apply 1 floor<" in shown.content.decode()
    client.post(PAGE + "apply", {"topic:arts": "1.5"})
    done(KnobChange.objects.get())
    arts.refresh_from_db()
    project.refresh_from_db()
    assert arts.left_out == "" and project.topic_floors == {"arts": 1.5}
    rows = {row["key"]: row for row in client.get(PAGE + "topics").context["rows"]}
    assert (rows["arts"]["own"], rows["arts"]["bars"].before) == (1.5, 2.3)
    client.post(PAGE + "apply", {"topic:arts": ""})
    done(KnobChange.objects.first())
    project.refresh_from_db()
    assert project.topic_floors == {}


def test_a_floor_that_cannot_be_is_named(project):
    scored_page(project, 3, "arts")
    client = seen_by(project, "manager")
    refused = client.get(PAGE + "topics?topic:arts=9")
    assert refused.status_code == 422 and "outside 0 to 5" in refused.content.decode()
    assert client.get(PAGE + "topics?topic:galaxies=2").status_code == 422


def a_pair(project, cosine, state="", weight=1.0):
    """Two passages that were compared; with a state also drawn for people."""
    left, right = sorted((make.a_passage(project), make.a_passage(project)), key=lambda one: one.pk)
    model = EmbeddingModel.objects.of_project(project) or embedded(project)
    Comparison.objects.create(
        project=project,
        passage=right,
        model=model,
        version=1,
        floor=0.85,
        others=[left.pk],
        cosines=[cosine],
        jaccards=[0.5],
    )
    pair = DuplicatePair(project=project, left=left, right=right, cosine=cosine, weight=weight)
    if state:
        pair.save()
        queue = project.queues.filter(kind="pairs").first() or make.a_queue(project, "pairs")
        settled_at = None if state == "open" else timezone.now()
        Item.objects.create(
            queue=queue, pair=pair, position=pair.pk, wanted=1, state=state, settled_at=settled_at
        )
    return pair


def test_the_similarity_uses_the_same_page_with_pairs_and_what_people_said_of_them(project):
    for at in range(20):
        a_pair(project, 0.9 + at / 400, "accepted" if at >= 8 else "rejected", weight=10)
    a_pair(project, 0.6)
    client = seen_by(project, "manager")
    look = client.get(SAME + "?value=0.93").context["look"]
    assert (look.total, look.kept) == (20, 8)
    assert look.expected.kept.share == 1.0 and look.expected.kept.share_interval[0] < 1
    assert 0 < look.expected.left_out.share < 0.5
    assert [round(one["row"].value, 4) for one in look.above][:2] == [0.93, 0.9325]
    assert [round(one["row"].value, 4) for one in look.below][:2] == [0.9275, 0.925]
    page = text_of(client, SAME)
    assert "Precision by threshold" in page and "passages/" in look.above[0]["left_url"]


def test_pairs_are_pictured_before_any_was_drawn_and_nothing_is_claimed_of_their_precision(project):
    a_pair(project, 0.95)
    look = seen_by(project, "manager").get(SAME).context["look"]
    assert (look.total, look.expected, look.curve) == (1, None, None)


def test_a_pair_that_still_asks_the_manager_is_not_shown(project):
    a_pair(project, 0.95, "open")
    shown = a_pair(project, 0.96, "accepted")
    look = seen_by(project, "manager").get(SAME + "?value=0.9").context["look"]
    assert [one["row"].value for one in look.above] == [shown.cosine]
    assert look.labels.points == [(shown.cosine, True)]


def test_pages_ask_seldom_however_much_there_is(project):
    scored_page(project, 3, "arts")
    scored(Passage.objects.first() or make.a_kept_passage(project), factual=3, reasoning=3)
    client = seen_by(project, "manager")
    few = {
        address: queries(client, address)
        for address in (PAGE, EDUCATIONAL, PAGE + "topics", PAGE + "changes/")
    }
    for at in range(4):
        scored_page(project, at + 0.5, "science")
        KnobChange.objects.create(
            project=project, after={"min_educational": 3}, before={"min_educational": 2}
        )
    for address, asked in few.items():
        assert queries(client, address) <= asked + 2, address
    assert few[PAGE + "changes/"] <= LIST_QUERIES and few[PAGE] <= LIST_QUERIES + 3


def test_every_bench_is_a_knob_whose_range_holds_its_handle():
    from curation.recipe.knobs import KNOBS

    for one in BENCHES.values():
        knob = KNOBS[one.knob]
        assert knob.minimum <= one.low < one.high <= knob.maximum
        edges = one.bins * one.step / (one.high - one.low)
        assert edges == pytest.approx(round(edges)), "a handle rests on the edges of bins"
        assert one.clean(one.ours) == one.ours

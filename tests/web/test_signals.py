"""Signals: each with definition, source and distribution; the sample says how large it is; a row's own value finds its place."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from curation.models import Signals, measured
from curation.recipe.scoring import signals
from curation.web.signals import GROUPS, say, spread
from tests import factories as make
from tests.web.browsing import HOSTILE, LIST_QUERIES, queries, seen_by, text_of

pytestmark = pytest.mark.django_db

LIST = "/projects/stars/signals/"


@pytest.fixture(autouse=True)
def nothing_is_remembered():
    cache.clear()


@pytest.fixture
def project():
    return make.a_project("stars")


def measure(document):
    values = signals.measure(document.extraction.text)
    Signals.objects.create(extraction=document.extraction, version=signals.VERSION, values=values)
    return values


def named(key: str) -> signals.Signal:
    return next(one for one in signals.SIGNALS if one.key == key)


def test_every_signal_stands_in_one_group():
    assert sorted(key for _, keys in GROUPS for key in keys) == sorted(signals.KEYS)


def test_every_signal_is_listed_with_its_definition_and_how_documents_are_spread(project):
    for at in range(3):
        measure(make.a_document(project, "Ice floats. " * (at + 1)))
    measure(make.a_document(make.a_project("moons"), "Elsewhere."))
    page = text_of(seen_by(project, "annotator"), LIST)
    assert "All 3 measured documents." in page and "Gopher, table A1" in page
    for one in signals.SIGNALS:
        assert one.definition in page, one.key
    assert page.count('role="img"') == len(signals.SIGNALS)


def test_an_outsider_is_told_nothing_and_an_unknown_signal_is_missing(project):
    assert seen_by(project, "outsider").get(LIST).status_code == 404
    assert seen_by(project).get(f"{LIST}nothing/").status_code == 404


def test_before_curation_the_definitions_stand_there_and_it_says_how_to_begin(project):
    page = text_of(seen_by(project, "annotator"), LIST + "?of=passages")
    assert "Nothing measured yet" in page and named("entropy").definition in page
    assert "Nothing measured yet" in text_of(seen_by(project), f"{LIST}entropy/")


def test_the_sample_is_spread_evenly_the_same_each_time_and_says_its_size(project):
    for at in range(40):
        measure(make.a_document(project, f"Text {at}."))
    first, again = (measured.sampled(project, "document", signals.VERSION, most=10) for _ in range(2))
    assert first.total == 40 and 0 < len(first.rows) < 40 and not first.whole
    assert [row.row for row in first.rows] == [row.row for row in again.rows]
    assert measured.sampled(project, "document", signals.VERSION).whole


def test_withdrawn_documents_and_old_versions_are_not_counted(project):
    measure(make.a_document(project, "Gone.", withdrawn_at=make.timezone.now()))
    old = make.a_document(project, "Old.")
    Signals.objects.create(extraction=old.extraction, version="0", values={})
    assert measured.sampled(project, "document", signals.VERSION).total == 0


def test_the_last_bar_holds_the_outliers_and_says_so():
    shown = spread(named("words"), [*range(1, 200), 100_000], 10, "documents")
    assert shown.bars.overflow and shown.bars.total == 200
    assert shown.bars.ticks[-1].endswith("+") and shown.bars.axis.high < 100_000
    assert shown.quantiles[2] == 100.5


def test_a_signal_that_is_the_same_for_all_is_drawn():
    shown = spread(named("mojibake"), [0.0] * 5, 10, "documents")
    assert shown.bars.counts[0] == 5 and not shown.bars.overflow
    assert shown.median == "0.0%"


def test_values_are_said_in_their_unit():
    assert say(named("letters"), 0.934) == "93.4%"
    assert say(named("symbols"), 0.0162) == "0.016"
    assert say(named("entropy"), 4.453) == "4.45 bits"
    assert say(named("mean_word_length"), 4.12) == "4.1 characters"
    assert say(named("words"), 1204.0) == "1,204"


def test_a_document_page_leads_to_its_place_among_the_others(project):
    values = [
        measure(make.a_document(project, "word " * (at + 1), title=HOSTILE))["words"] for at in range(4)
    ]
    client = seen_by(project, "annotator")
    document = project.documents.last()
    page = text_of(client, f"/projects/stars/documents/{document.pk and document.uuid}/")
    there = f"/projects/stars/signals/words/?of=documents&amp;value={values[-1]}"
    assert there in page
    page = text_of(client, there.replace("&amp;", "&"))
    assert "This one: 4" in page and "above 75% of them" in page and "<script>alert" not in page


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "x", ""])
def test_a_value_that_is_none_marks_nothing(project, value):
    measure(make.a_document(project, "A text."))
    assert "This one" not in text_of(seen_by(project), f"{LIST}words/?value={value}")


def test_the_ends_show_the_rows_with_the_least_and_the_most(project):
    for at in range(3):
        measure(make.a_document(project, "word " * (at + 1), title=f"Of {at + 1}"))
    ends = seen_by(project).get(f"{LIST}words/").context["ends"]
    assert [row["title"] for row in ends[0]["rows"]] == ["Of 1", "Of 2", "Of 3"]
    assert [row["value"] for row in ends[1]["rows"]] == ["3", "2", "1"]


def test_both_pages_ask_seldom_however_much_there_is(project):
    client = seen_by(project)
    measure(make.a_document(project, "One."))
    few = [queries(client, address) for address in (LIST, f"{LIST}words/")]
    for at in range(5):
        measure(make.a_document(project, f"More {at}."))
    assert [queries(client, address) for address in (LIST, f"{LIST}words/")] == few
    assert max(few) <= LIST_QUERIES


def test_the_limit_beyond_which_documents_are_corrupted_is_drawn_with_how_many_lie_there(project):
    for value in (0.02, 0.3, 0.5):
        document = make.a_document(project, str(value), title=str(value))
        values = dict.fromkeys(signals.KEYS, 0.0) | {"compression": value}
        Signals.objects.create(extraction=document.extraction, version=signals.VERSION, values=values)
    page = seen_by(project).get(f"/projects/{project.slug}/signals/compression/")
    assert page.context["limits"] == [("Below 0.100", 1), ("Above 0.800", 0)]
    assert b"histogram-threshold" in page.content

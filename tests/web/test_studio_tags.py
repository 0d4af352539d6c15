"""What templates say: figures, times, badges, pictures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.utils import timezone

from curation.templatetags import studio


def drawn(source: str, **context: Any) -> str:
    return Template("{% load studio %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (1204, "1,204"), (None, "–"), (3.456, "3"), (0.0, "0")],
)
def test_numbers_have_thousands_separators(value: Any, said: str) -> None:
    assert studio.number(value) == said


def test_figures_have_units() -> None:
    assert studio.number(3.456, 1) == "3.5"
    assert studio.percent(0.924) == "92%"
    assert studio.percent(None) == "–"
    assert [studio.size(n).replace("\u202f", " ") for n in (12, 1536, 250_000, 3_200_000_000)] == [
        "12 B",
        "1.5 kB",
        "250 kB",
        "3.2 GB",
    ]
    assert [studio.duration(n).replace("\u202f", " ") for n in (4.2, 14.2, 200, 8_000, 200_000)] == [
        "4.2 s",
        "14 s",
        "3 min",
        "2 h 13 min",
        "55 h",
    ]


def test_times_are_relative_with_the_absolute_on_hover() -> None:
    html = studio.ago(timezone.now() - timedelta(hours=5))
    assert "5\u202fh ago</time>" in html and " UTC" in html
    assert "in 10\u202fmin" in studio.ago(timezone.now() + timedelta(minutes=10, seconds=5))
    assert studio.ago(None) == "–"


def test_reasons_are_said_by_name() -> None:
    assert studio.reason("too_short") == "Too short"
    assert studio.reason("shallow") == "Nothing to reason about"
    assert studio.reason("nobody knows") == "nobody knows"


def test_a_state_is_said_by_colour_shape_and_word() -> None:
    html = drawn("{% state 'disputed' %}")
    assert "badge-warn" in html and "#git-compare" in html and "Disputed" in html
    assert "Held by Ada" in drawn("{% state 'held' 'Held by Ada' %}")
    assert "Some new state" in drawn("{% state 'some_new_state' %}")


def test_every_icon_that_a_state_names_is_in_the_set(settings: Any) -> None:
    sprite = (settings.CHECKOUT / "static/vendor/lucide/sprite.svg").read_text()
    assert [name for name, _, _ in studio.STATES.values() if f'id="{name}"' not in sprite] == []


def test_every_icon_that_a_template_names_is_in_the_set(settings: Any) -> None:
    import re

    sprite = set(
        re.findall(r'id="([a-z0-9-]+)"', (settings.CHECKOUT / "static/vendor/lucide/sprite.svg").read_text())
    )
    named = {
        (path.name, name)
        for path in (settings.CHECKOUT / "templates").rglob("*.html")
        for name in re.findall(r"""(?:\{% icon |icon_name=)["']([a-z0-9-]+)["']""", path.read_text())
    }
    assert {pair for pair in named if pair[1] not in sprite} == set()


def test_bars_are_widths_in_svg_and_never_beyond_their_track() -> None:
    assert 'width="50.00"' in drawn("{% bar 1 2 %}")
    assert 'width="100.00"' in drawn("{% bar 7 2 %}")
    assert 'width="0.00"' in drawn("{% bar 7 0 %}")
    assert 'aria-label="Settled: 50%"' in drawn("{% bar 1 2 'Settled' %}")


def test_a_score_has_its_figure_and_its_meaning() -> None:
    html = drawn("{% score 3.84 'Several steps' %}")
    assert "3.8" in html and 'title="Several steps"' in html and html.count("score-fill") == 4
    assert "not scored" in drawn("{% score None %}")


def test_a_histogram_says_in_words_what_it_draws() -> None:
    bins = [{"start": 0, "end": 1, "count": 3}, {"start": 1, "end": 2, "count": 1_200}]
    html = drawn("{% histogram bins 'Educational value' 1 %}", bins=bins)
    assert "Educational value: 1,203 values from 0 to 2; 1,200 from 1 up." in html
    assert html.count("is-kept") == 1
    assert "<svg" in drawn("{% histogram bins 'Nothing' %}", bins=[])


def test_a_funnel_links_its_numbers_and_names_what_is_lost() -> None:
    stages = [
        {"label": "Documents", "count": 385, "url": "/d", "lost": [{"label": "Too short", "count": 21}]}
    ]
    html = drawn("{% funnel stages %}", stages=stages)
    assert '<a href="/d">Documents</a>' in html and "−21" in html


def test_no_picture_has_an_inline_style() -> None:
    stages = [{"label": "x", "count": 1}]
    html = drawn("{% bar 1 2 %}{% ring 40 %}{% score 3 %}{% funnel stages %}", stages=stages)
    assert "style=" not in html


def test_a_field_joins_its_help_and_errors_to_its_control() -> None:
    class Form(forms.Form):
        name = forms.CharField(help_text="Shown in <lists>.")

    html = drawn("{% field form.name %}", form=Form({"name": ""}))
    assert 'aria-invalid="true"' in html and 'aria-describedby="id_name-help id_name-error"' in html
    assert "Shown in &lt;lists&gt;." in html and "This field is required." in html


def test_labels_from_outside_are_escaped() -> None:
    html = drawn(
        "{% lineage steps %}{% state word %}", steps=[{"kind": "document", "label": "<b>"}], word="<i>"
    )
    assert "<b>" not in html and "<i>" not in html

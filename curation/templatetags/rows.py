"""Cells of lists that repeat on every row, drawn once and remembered. `{% load rows %}`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from curation.templatetags.studio import icon, reason, reason_help, score, state
from curation.web.standing import Standing

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=512)
def standing(said: Standing) -> SafeString:
    """A state as a badge, with the reason why the row goes no further beside it."""
    badge = state(said.state, said.word)
    if not said.reason or said.reason == said.state:
        return badge
    return format_html(
        '{} <span class="muted" title="{}">{}</span>', badge, reason_help(said.reason), reason(said.reason)
    )


@register.simple_tag
def score_cells(scored: Iterable[tuple[str, float | None, bool]]) -> SafeString:
    """The cells of a row's scores: (rubric's name, score, whether it is hidden from this person)."""
    return format_html_join("", "{}", ((_cell(name, value, hidden),) for name, value, hidden in scored))


def _cell(name: str, value: float | None, hidden: bool) -> SafeString:
    return _drawn(name, None if value is None else round(value, 2), hidden)


@lru_cache(maxsize=2048)
def _drawn(name: str, value: float | None, hidden: bool) -> SafeString:
    if not hidden:
        return format_html('<td data-label="{}">{}</td>', name, score(value))
    return format_html(
        '<td data-label="{}"><span class="faint" title="Hidden until you have rated this passage">{} hidden</span></td>',
        name,
        icon("eye-off"),
    )

"""What templates say in the studio's words: numbers, times, icons, meters, pictures, text, pages.

`{% load studio %}`; docs/interface.md has an example of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.forms import CheckboxInput
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from curation.recipe.reasons import REASONS, REJECT_REASONS
from curation.recipe.review.diff import compare
from curation.web import render

register = template.Library()

NARROW_SPACE = "\u202f"

#: state → (icon, badge class, word). Colour never stands alone.
STATES: dict[str, tuple[str, str, str]] = {
    "accept": ("check", "badge-good", "Accepted"),
    "accepted": ("check", "badge-good", "Accepted"),
    "active": ("check", "badge-good", "Active"),
    "approved": ("check", "badge-good", "Approved"),
    "archived": ("archive", "", "Archived"),
    "cancelled": ("ban", "", "Cancelled"),
    "candidate": ("circle-dashed", "", "Candidate"),
    "closed": ("ban", "", "Closed"),
    "disputed": ("git-compare", "badge-warn", "Disputed"),
    "done": ("check", "badge-good", "Done"),
    "failed": ("circle-x", "badge-bad", "Failed"),
    "flag": ("flag", "badge-warn", "Flagged"),
    "flagged": ("flag", "badge-warn", "Flagged"),
    "held": ("lock", "badge-info", "Held"),
    "kept": ("check", "badge-good", "Kept"),
    "left_out": ("ban", "", "Left out"),
    "open": ("circle", "", "Open"),
    "passed": ("check", "badge-good", "Passed"),
    "paused": ("pause", "badge-warn", "Paused"),
    "rate": ("gauge", "badge-good", "Rated"),
    "rated": ("gauge", "badge-good", "Rated"),
    "reject": ("x", "badge-bad", "Rejected"),
    "rejected": ("x", "badge-bad", "Rejected"),
    "revising": ("wand-sparkles", "badge-info", "Being revised"),
    "running": ("loader", "badge-info", "Running"),
    "send_back": ("rotate-ccw", "badge-info", "Sent back"),
    "skip": ("skip-forward", "", "Skipped"),
    "uncertain": ("circle-help", "badge-warn", "Uncertain"),
    "undone": ("undo-2", "", "Undone"),
    "waiting": ("clock", "", "Waiting"),
    "withdrawn": ("archive", "badge-bad", "Withdrawn"),
}


# -- Words and figures -----------------------------------------------------------------------------------------


@register.filter
def number(value: Any, decimals: int = 0) -> str:
    """1204 → "1,204"; `3.456|number:1` → "3.5"; None → "–"."""
    if value is None or value == "":
        return "–"
    return f"{value:,.{decimals}f}" if decimals or isinstance(value, float) else f"{value:,}"


@register.filter
def percent(share: float | None, decimals: int = 0) -> str:
    """0.924 → "92%"; None → "–"."""
    return "–" if share is None else f"{share * 100:.{decimals}f}%"


@register.filter
def size(value: int | None) -> str:
    """Bytes in the unit one would say: 1536 → "1.5 kB" (thousands, not 1,024s)."""
    if value is None:
        return "–"
    amount, unit = float(value), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":
            break
        amount /= 1000
    return (
        f"{amount:,.0f}{NARROW_SPACE}{unit}"
        if unit == "B" or amount >= 100
        else f"{amount:.1f}{NARROW_SPACE}{unit}"
    )


@register.filter
def duration(seconds: float | None) -> str:
    """14.2 → "14 s", 200 → "3 min", 8000 → "2 h 13 min"; None → "–"."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f}{NARROW_SPACE}s"
    if seconds < 90:
        return f"{seconds:.0f}{NARROW_SPACE}s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes}{NARROW_SPACE}min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}{NARROW_SPACE}h" + (f" {minutes}{NARROW_SPACE}min" if minutes and hours < 24 else "")


@register.filter
def ago(when: datetime | None) -> SafeString | str:
    """A `<time>`: relative in words, absolute (UTC) on hover."""
    if when is None:
        return "–"
    seconds = (timezone.now() - when).total_seconds()
    absolute = f"{when:%-d %B %Y, %H:%M} UTC"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', when.isoformat(), absolute, _relative(seconds, when)
    )


def _relative(seconds: float, when: datetime) -> str:
    past, away = seconds >= 0, abs(seconds)
    if away < 45:
        return "just now" if past else "in a moment"
    for unit, length, limit in (("min", 60, 3600), ("h", 3600, 86_400), ("d", 86_400, 30 * 86_400)):
        if away < limit:
            amount = f"{max(1, round(away / length))}{NARROW_SPACE}{unit}"
            return f"{amount} ago" if past else f"in {amount}"
    return f"{when:%-d %b %Y}"


@register.filter
def reason(key: str) -> str:
    """The title of a reason (left out, rejected), by its key; an unknown key as it is."""
    if key in REASONS:
        return REASONS[key].title
    for reasons in REJECT_REASONS.values():
        for known in reasons:
            if known.key == key:
                return known.title
    return key


@register.filter
def reason_help(key: str) -> str:
    return REASONS[key].explanation if key in REASONS else ""


@register.filter
def at(container: Any, place: Any) -> Any:
    """`container[place]`, where `place` is a key or an index (a digit will do); "" where there is nothing."""
    if isinstance(container, Mapping):
        return container.get(place, "")
    try:
        return container[int(place)]
    except (IndexError, KeyError, TypeError, ValueError):
        return ""


@register.simple_tag
@lru_cache(maxsize=256)  # a list draws the same few badges on every row
def state(key: str, word: str = "") -> SafeString:
    """A badge for a state: colour, shape and word together. `word` overrides what it says."""
    name, css, title = STATES.get(key, ("circle", "", str(key).replace("_", " ").capitalize()))
    return format_html('<span class="badge {}">{}{}</span>', css, icon(name), word or title)


# -- Small pictures ----------------------------------------------------------------------------------------------


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """An icon of the vendored set. Without a label it is decoration: put a word beside it."""
    href = f"{static('vendor/lucide/sprite.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon {}" role="img" aria-label="{}"><use href="{}"/></svg>', css, label, href
        )
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}"/></svg>', css, href)


@register.simple_tag
def bar(value: float, total: float, label: str = "", css: str = "") -> SafeString:
    """A horizontal bar filled to value/total. With a label it says its share; without, it is decoration."""
    share = max(0.0, min(100.0, 100 * float(value or 0) / float(total))) if total else 0.0
    said = (
        format_html(' role="img" aria-label="{}: {}%"', label, f"{share:.0f}")
        if label
        else mark_safe(' aria-hidden="true"')
    )
    return format_html(
        '<svg class="bar {}" viewBox="0 0 100 6" preserveAspectRatio="none"{}><rect width="{}" height="6"/></svg>',
        css,
        said,
        f"{share:.2f}",
    )


@register.simple_tag
def score(value: float | None, meaning: str = "", maximum: int = 5) -> SafeString | str:
    """A score from 0 to `maximum` as segments and a figure; `meaning` (of its anchor) on hover."""
    if value is None:
        return mark_safe('<span class="faint">not scored</span>')
    return _score(round(value, 2), meaning, maximum)


@lru_cache(maxsize=2048)
def _score(value: float, meaning: str, maximum: int) -> SafeString:
    width = 100 / maximum
    tracks = format_html_join(
        "",
        '<rect class="score-track" x="{}" width="{}" height="8" rx="1.5"/>',
        ((f"{at * width:.1f}", f"{width - 3:.1f}") for at in range(maximum)),
    )
    fills = format_html_join(
        "",
        '<rect class="score-fill" x="{}" width="{}" height="8" rx="1.5"/>',
        (
            (f"{at * width:.1f}", f"{(width - 3) * min(1.0, value - at):.1f}")
            for at in range(maximum)
            if value > at
        ),
    )
    return format_html(
        '<span class="score" title="{}"><svg viewBox="0 0 97 8" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>'
        '<span>{}<span class="visually-hidden"> of {}</span></span></span>',
        meaning,
        tracks,
        fills,
        f"{value:.1f}",
        maximum,
    )


@register.simple_tag
def ring(done: float) -> SafeString:
    """A progress ring, `done` in percent. Decoration: say the percentage beside it."""
    return format_html(
        '<svg class="ring" viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="8"/>'
        '<circle class="ring-done" cx="10" cy="10" r="8" pathLength="100" stroke-dasharray="{} 100"/></svg>',
        f"{max(0.0, min(100.0, float(done or 0))):.0f}",
    )


@register.inclusion_tag("parts/_funnel.html")
def funnel(stages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Stages from most to fewest: [{label, count, url?, lost?: [{label, count, url?}]}]."""
    listed = [dict(stage) for stage in stages]
    return {"stages": listed, "most": max((stage["count"] for stage in listed), default=0)}


@register.inclusion_tag("parts/_histogram.html")
def histogram(
    bins: Sequence[Mapping[str, Any]],
    title: str,
    threshold: float | None = None,
    unit: str = "",
    height: int = 120,
) -> dict[str, Any]:
    """Bars over equal intervals: [{start, end, count, url?}], with the threshold drawn where it stands."""
    left, top, width, room = 4, 16, 392, height - 34
    most = max((entry["count"] for entry in bins), default=0) or 1
    step = width / max(1, len(bins))
    low, high = (bins[0]["start"], bins[-1]["end"]) if bins else (0, 1)
    drawn = [
        {
            **entry,
            "x": f"{left + at * step + 1:.1f}",
            "width": f"{max(1, step - 2):.1f}",
            "y": f"{top + room * (1 - entry['count'] / most):.1f}",
            "height": f"{room * entry['count'] / most:.1f}",
            "kept": threshold is None or entry["start"] >= threshold - 1e-9,
        }
        for at, entry in enumerate(bins)
    ]
    return {
        "bars": drawn,
        "linked": any(entry.get("url") for entry in bins),
        "title": title,
        "unit": unit,
        "low": low,
        "high": high,
        "most": most,
        "total": sum(entry["count"] for entry in bins),
        "kept": sum(entry["count"] for entry in drawn if entry["kept"]),
        "threshold": threshold,
        "threshold_x": None
        if threshold is None
        else f"{left + width * (threshold - low) / ((high - low) or 1):.1f}",
        "height": height,
        "base": top + room,
        "label_y": height - 4,
    }


@register.inclusion_tag("parts/_lineage.html")
def lineage(steps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Where something came from, oldest first: [{kind, label, url?, here?}]."""
    icons = {
        "source": "database",
        "document": "file-text",
        "extraction": "file-code",
        "passage": "text-select",
        "seed": "sprout",
        "sample": "package",
        "snapshot": "download",
    }
    return {"steps": [{"icon": icons.get(step["kind"], "circle"), **step} for step in steps]}


# -- Text ------------------------------------------------------------------------------------------------------------


@register.filter
def render_text(text: str | None) -> SafeString:
    """Text from outside as safe HTML: Markdown, formulas, code. Wrap it in `<div class="prose">`."""
    return render.render_text(text or "")


@register.simple_tag
def diff(old: str | None, new: str | None, context: int = 0) -> SafeString:
    """What changed from `old` to `new`, word by word. With `context`, longer unchanged stretches are
    shortened to that many characters on each side of a change."""
    pieces = compare(old or "", new or "")
    parts: list[SafeString] = []
    for at, piece in enumerate(pieces):
        if piece.change == "removed":
            parts.append(format_html("<del>{}</del>", piece.text))
        elif piece.change == "added":
            parts.append(format_html("<ins>{}</ins>", piece.text))
        elif context and len(piece.text) > 2 * context + 80:
            parts.append(_shortened(piece.text, context, first=at == 0, last=at == len(pieces) - 1))
        else:
            parts.append(format_html("{}", piece.text))
    return format_html('<div class="diff">{}</div>', format_html_join("", "{}", ((part,) for part in parts)))


def _shortened(text: str, context: int, *, first: bool, last: bool) -> SafeString:
    head = "" if first else text[:context].rsplit(maxsplit=1)[0]
    tail = "" if last else text[-context:].split(maxsplit=1)[-1]
    hidden = len(text) - len(head) - len(tail)
    return format_html(
        '{}<span class="diff-skip">{} characters unchanged</span>{}', head, f"{hidden:,}", tail
    )


@register.simple_tag
def highlighted(text: str, start: int, end: int) -> SafeString:
    """Plain text with one span (code points) marked; the mark is the target of `#passage`."""
    return format_html('{}<mark id="passage">{}</mark>{}', text[:start], text[start:end], text[end:])


# -- Pages of a list -------------------------------------------------------------------------------------------------


@register.inclusion_tag("parts/_pager.html", takes_context=True)
def pager(context: Mapping[str, Any], page: Any, total: int | None = None) -> dict[str, Any]:
    """Newer and older, for a `keyset.Page`. `total`, where it is known cheaply, is said beside it."""
    return {"page": page, "total": total, "request": context.get("request")}


@register.inclusion_tag("parts/_field.html")
def field(bound: Any, said: str = "") -> dict[str, Any]:
    """A form field with its label, help and errors, joined by aria-describedby."""
    said = said or bound.help_text
    ids = [f"{bound.id_for_label}-help"] if said else []
    if bound.errors:
        ids.append(f"{bound.id_for_label}-error")
    attributes = {"aria-describedby": " ".join(ids)} if ids else {}
    if bound.errors:
        attributes["aria-invalid"] = "true"
    return {
        "field": bound,
        "help": conditional_escape(said),
        "widget": bound.as_widget(attrs=attributes),
        "is_check": isinstance(bound.field.widget, CheckboxInput),
        "is_group": bound.use_fieldset,
    }

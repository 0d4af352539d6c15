"""Thresholds: the workbench where one is moved while looking at what it does, topics with floors of their own, and the history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from curation import access
from curation.actions import licences, thresholds
from curation.actions.thresholds import Group, ThresholdError
from curation.models import KnobChange, Project, licensing, workbench
from curation.recipe.scoring import topics as topic_table
from curation.web import benches, keyset
from curation.web.benches import BENCHES, Bench
from curation.web.charts import Axis, Bars
from curation.web.links import link

HISTORY = 8
TOPIC_BINS = 50
TOPIC_NAMES = {**topic_table.NAMES, "": "No topic yet"}
#: Groups of an effect that a table shows; the rest is counted.
GROUPS_SHOWN = 12


# -- Pages ------------------------------------------------------------------------------------------------------------


@require_GET
def list_page(request: HttpRequest, project: str) -> HttpResponse:
    """Every threshold that can be moved here, with its picture, and what was changed last."""
    opened = access.open(request, project, "manage")
    context = {
        "entries": [
            {
                "bench": one,
                "value": getattr(opened.settings, one.knob),
                "picture": benches.picture(opened, one),
            }
            for one in BENCHES.values()
        ],
        "changes": _told(_changes(opened)[:HISTORY]),
        "floors": len(opened.topic_floors),
        "heeds_licences": bool(opened.settings.heed_licences),
        "accepted": len(opened.accepted_licences),
    }
    return render(request, "thresholds/list.html", context)


@require_GET
def bench(request: HttpRequest, project: str, knob: str) -> HttpResponse:
    """The workbench of one threshold; htmx gets what changes with the handle alone."""
    opened = access.open(request, project, "manage")
    found = _bench(knob)
    value = found.clean(_number(request, "value", getattr(opened.settings, found.knob)))
    look = found.read(opened, found, value, _whole(request, "good"), request.user)
    context: dict[str, Any] = {"bench": found, "look": look, "value": value}
    if look is not None and look.moved:
        context |= _effect(opened, {found.knob: value}, found.level)
    is_part = _is_part(request)
    context["under_way"] = thresholds.under_way(opened)
    if not is_part:
        mine = _changes(opened).filter(after__has_key=found.knob)
        context |= {"changes": _told(mine[:HISTORY]), "benches": BENCHES.values()}
    response = render(request, "thresholds/_look.html" if is_part else "thresholds/bench.html", context)
    patch_vary_headers(response, ["HX-Request"])
    if is_part:
        asked = {name: request.GET[name] for name in ("value", "good") if name in request.GET}
        response["HX-Replace-Url"] = f"{request.path}?{urlencode(asked)}"
    return response


def _bench(knob: str) -> Bench:
    if knob not in BENCHES:
        raise Http404("There is no such threshold.")
    return BENCHES[knob]


def _is_part(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False)) and not request.htmx.history_restore_request  # type: ignore[attr-defined]


def _number(request: HttpRequest, name: str, otherwise: float) -> float:
    try:
        value = float((request.POST or request.GET).get(name, ""))
    except ValueError:
        return otherwise
    return value if value == value else otherwise  # not a number is not itself


def _whole(request: HttpRequest, name: str) -> int | None:
    given = request.GET.get(name, "")
    return int(given) if given.isdigit() and len(given) < 3 else None


# -- What a change would do ------------------------------------------------------------------------------------------


def _effect(project: Project, changes: dict[str, float | None], level: str) -> dict[str, Any]:
    """What a change would do, as the tables show it: rows of one level by source, language and topic."""
    found = thresholds.effect(project, changes)
    groups = (("Source", found.by_source), ("Language", found.by_language), ("Topic", found.by_topic))
    return {
        "effect": found,
        "level": level,
        "moved": found.documents if level == "documents" else found.passages,
        "tables": [_table(title, rows, level) for title, rows in groups],
    }


def _table(title: str, groups: Sequence[Group], level: str) -> dict[str, Any]:
    rows = [
        {"name": group.name, "moved": (moved := getattr(group, level)), "change": moved.after - moved.before}
        for group in groups
    ]
    shown = sorted((row for row in rows if row["moved"].total), key=lambda row: -row["moved"].total)
    return {"title": title, "rows": shown[:GROUPS_SHOWN], "rest": len(shown[GROUPS_SHOWN:])}


def _changes(project: Project) -> QuerySet[KnobChange]:
    return project.knob_changes.select_related("by", "job", "undoes__by").prefetch_related("undone_by")


def _told(changes: Iterable[KnobChange]) -> list[dict[str, Any]]:
    """Each change with its moves in words, and how it stands."""
    return [
        {
            "change": change,
            "moves": [
                {"title": thresholds.title(name), "before": change.before.get(name), "after": value}
                for name, value in change.after.items()
            ],
            "undone": hasattr(change, "undone_by"),
            "state": _state(change),
        }
        for change in changes
    ]


def _state(change: KnobChange) -> str:
    if change.applied_at:
        return "done"
    return change.job.state if change.job else "cancelled"


# -- Changing them -----------------------------------------------------------------------------------------------------


@require_POST
def apply(request: HttpRequest, project: str) -> HttpResponse:
    """Move thresholds and floors of topics: every field that names one. A job does it."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    try:
        change = thresholds.apply(opened, _asked(request), user)
    except ThresholdError as error:
        messages.error(request, str(error))
        return redirect(_back(request, opened))
    return redirect("thresholds:change", project=opened.slug, change=change.uuid)


def _asked(request: HttpRequest) -> dict[str, float | None]:
    """The thresholds that a form names, by their own names; an empty field takes a topic's own floor, or a licence, away."""
    changes: dict[str, float | None] = {}
    for name, given in request.POST.items():
        may_go, value = name.startswith(thresholds.TOPIC) or licences.is_one(name), str(given).strip()
        if may_go and not value:
            changes[name] = None
        elif value and (may_go or name in thresholds.JUDGING):
            try:
                changes[name] = float(value)
            except ValueError:
                raise ThresholdError(f"{thresholds.title(name)}: {value!r} is not a number.") from None
    return changes


def _back(request: HttpRequest, project: Project) -> str:
    """Where a refused form came from: one of our own pages."""
    if "heed_licences" in request.POST or any(map(licences.is_one, request.POST)):
        return link("thresholds:licences", project)
    knob = next((name for name in BENCHES if name in request.POST), None)
    return link("thresholds:bench", project, knob=knob) if knob else link("thresholds:topics", project)


@require_POST
def undo(request: HttpRequest, project: str, change: UUID) -> HttpResponse:
    """Take a change back; a job does it."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    found = get_object_or_404(opened.knob_changes, uuid=change)
    try:
        back = thresholds.undo(found, user)
    except ThresholdError as error:
        messages.error(request, str(error))
        return redirect("thresholds:change", project=opened.slug, change=found.uuid)
    return redirect("thresholds:change", project=opened.slug, change=back.uuid)


@require_GET
def change(request: HttpRequest, project: str, change: UUID) -> HttpResponse:
    """One change: how far its job is, what it did, and undoing it."""
    opened = access.open(request, project, "manage")
    return render(request, "thresholds/change.html", _change(opened, change))


@require_GET
def progress(request: HttpRequest, project: str, change: UUID) -> HttpResponse:
    """The part that reads itself again until the change is applied."""
    opened = access.open(request, project, "manage")
    return render(request, "thresholds/_change.html", _change(opened, change))


def _change(project: Project, uuid: UUID) -> dict[str, Any]:
    found = get_object_or_404(_changes(project), uuid=uuid)
    (told,) = _told([found])
    job = found.job
    return {
        **told,
        "job": job,
        "progress": job.progress() if job else None,
        "counts": _counts(found),
        "knob": next((name for name in found.after if name in BENCHES), ""),
    }


def _counts(change: KnobChange) -> list[dict[str, Any]]:
    """Kept rows before and after, and the seeds."""
    counts = change.counts
    if "before" not in counts or "after" not in counts:
        return []
    rows = []
    for name in ("documents", "passages"):
        before, after = counts["before"].get(name, {}), counts["after"].get(name, {})
        kept, now = before.get("", 0), after.get("", 0)
        rows.append(
            {"name": f"{name.capitalize()} that go on", "before": kept, "after": now, "change": now - kept}
        )
    seeds = [counts[side].get("seeds", 0) for side in ("before", "after")]
    rows.append({"name": "Seeds", "before": seeds[0], "after": seeds[1], "change": seeds[1] - seeds[0]})
    return rows


@require_GET
def history(request: HttpRequest, project: str) -> HttpResponse:
    """Every change of thresholds, newest first."""
    opened = access.open(request, project, "manage")
    page = keyset.page(request, _changes(opened))
    return render(request, "thresholds/history.html", {"page": page, "changes": _told(page.rows)})


# -- Topics ------------------------------------------------------------------------------------------------------------


@require_GET
def topics(request: HttpRequest, project: str) -> HttpResponse:
    """Pages by topic: how many, how they score, what share goes on, and floors of their own; `?topic:arts=2` shows its effect."""
    opened = access.open(request, project, "manage")
    scorer = workbench.active_scorer(opened, "educational")
    proposed = _proposed(request)
    floor = opened.settings.min_educational
    effect = None
    error = ""
    if scorer is not None and proposed:
        try:
            effect = _effect(opened, proposed, "documents")
        except ThresholdError as refused:
            error = str(refused)
    context = {
        "scorer": scorer,
        "floor": floor,
        "rows": _topic_rows(opened, scorer, proposed) if scorer else [],
        "look": effect,
        "error": error,
        "proposed": proposed,
        "under_way": thresholds.under_way(opened),
    }
    return render(request, "thresholds/topics.html", context, status=422 if error else 200)


def _proposed(request: HttpRequest) -> dict[str, float | None]:
    """Floors that the address proposes; what is no number proposes nothing."""
    found: dict[str, float | None] = {}
    for name, given in request.GET.items():
        if not name.startswith(thresholds.TOPIC):
            continue
        try:
            found[name] = float(str(given)) if str(given).strip() else None
        except ValueError:
            continue
    return found


def _topic_rows(project: Project, scorer: Any, proposed: dict[str, float | None]) -> list[dict[str, Any]]:
    """Every topic that has pages, the most frequent first, with its floor and its share."""
    general = project.settings.min_educational
    rows = []
    for one in workbench.topics(project, scorer, TOPIC_BINS):
        name = f"{thresholds.TOPIC}{one.topic}"
        own = proposed.get(name, project.topic_floors.get(one.topic))
        stands = general if own is None else own
        rows.append(
            {
                "key": one.topic,
                "field": name,
                "name": TOPIC_NAMES.get(one.topic, one.topic),
                "total": one.total,
                "kept": one.kept,
                "share": one.kept / one.total if one.total else None,
                "own": own,
                "can_have": one.topic in topic_table.KEYS,
                "bars": Bars(
                    title=TOPIC_NAMES.get(one.topic, one.topic),
                    unit="pages",
                    axis=Axis("Educational value", 0.0, float(scorer.rubric.highest), 1.0),
                    counts=one.counts,
                    threshold=stands,
                    before=general if own is not None else None,
                ),
            }
        )
    return rows


# -- Licences ----------------------------------------------------------------------------------------------------------


@require_GET
def licences_page(request: HttpRequest, project: str) -> HttpResponse:
    """Licences as they were found, with their evidence: which are accepted, what waits, and sources that are taken as they are."""
    opened = access.open(request, project, "manage")
    found = licensing.stated(opened)
    names = sorted(
        {one.name for one in found} | set(opened.accepted_licences), key=lambda name: (not name, name)
    )
    waiting: dict[str, int] = {}
    for one in found:
        waiting[one.source] = waiting.get(one.source, 0) + one.waiting
    taken = set(map(str, opened.sources.filter(any_licence=True).values_list("uuid", flat=True)))
    named = {one.source: one.source_name for one in found}
    context = {
        "heeds": bool(opened.settings.heed_licences),
        "rows": [
            {
                "field": f"{licences.LICENCE}{name}",
                "name": name,
                "accepted": name in opened.accepted_licences,
                "documents": sum(one.documents for one in found if one.name == name),
                "waiting": sum(one.waiting for one in found if one.name == name),
                "evidence": next((one.evidence for one in found if one.name == name and one.evidence), ""),
                "sources": [one.source_name for one in found if one.name == name][:4],
            }
            for name in names
        ],
        "sources": [
            {
                "field": f"{licences.SOURCE}{uuid}",
                "name": named[uuid],
                "waiting": waiting[uuid],
                "taken": uuid in taken,
            }
            for uuid in named
            if waiting[uuid] or uuid in taken
        ],
        "under_way": thresholds.under_way(opened),
        "changes": _told(
            [one for one in _changes(opened)[: HISTORY * 4] if any(map(_of_licences, one.after))][:HISTORY]
        ),
    }
    return render(request, "thresholds/licences.html", context)


def _of_licences(name: str) -> bool:
    return name == "heed_licences" or licences.is_one(name)


app_name = "thresholds"
urlpatterns = [
    path("", list_page, name="list"),
    path("apply", apply, name="apply"),
    path("topics", topics, name="topics"),
    path("licences", licences_page, name="licences"),
    path("changes/", history, name="history"),
    path("changes/<uuid:change>/", change, name="change"),
    path("changes/<uuid:change>/progress", progress, name="progress"),
    path("changes/<uuid:change>/undo", undo, name="undo"),
    path("<slug:knob>/", bench, name="bench"),
]

"""Queues for the people who run them: creating, filling from a filter, order, pausing, who holds what, closing."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from curation import access
from curation.actions import queues, review
from curation.actions.queues import MOST_WANTED, ORDERS, SUBJECTS, Filling, QueueError, rubrics_for
from curation.actions.review import revisions
from curation.jobs.control import NotNow, cancel
from curation.models import Item, Project, Queue, Revision, Sample, Seed, Slot, Source
from curation.models.reviewing import queue_states
from curation.recipe.atlas.area import LONGEST
from curation.recipe.review.cards import CARDS, LEVELS
from curation.recipe.verify.examine import STANDINGS
from curation.web import areas, keyset
from curation.web.links import link

KIND_MEANINGS = {
    Queue.Kind.SEEDS: "Is this passage worth generating from? Accept or reject.",
    Queue.Kind.PAGES: "One's own 0 to 5 for a whole page's educational value; the model's stay hidden until then.",
    Queue.Kind.SCORES: "One's own 0 to 5 for factual and reasoning value; the model's stay hidden until then.",
    Queue.Kind.PAIRS: "Do two close passages say the same? Filled from the page of duplicates.",
    Queue.Kind.SAMPLES: "Would you train on this sample? Accept, edit or reject.",
}
HELD_SHOWN = 50
RUBRIC_TITLES = {"factual": "Factual", "reasoning": "Reasoning", "educational": "Educational (page)"}


class QueueForm(forms.Form):
    """What a queue asks for. `kind` decides the orders it can have."""

    name = forms.CharField(max_length=120)
    wanted = forms.IntegerField(
        label="Decisions per item",
        min_value=1,
        max_value=MOST_WANTED,
        initial=1,
        help_text="By different people, blind. A change applies where nobody has begun, and to new items.",
    )
    order = forms.ChoiceField(label="Order")
    random_seed = forms.IntegerField(
        label="Seed of the random order",
        initial=1,
        min_value=0,
        max_value=2**31 - 1,
        help_text="The same seed gives the same order.",
    )
    share_random = forms.FloatField(
        label="Share of random controls",
        required=False,
        initial=0.2,
        min_value=0,
        max_value=1,
        help_text="In the learning order: drawn at random, so that figures stay honest. 0.2 is one in five.",
    )
    share_top = forms.FloatField(
        label="Share of likely top items",
        required=False,
        initial=0.1,
        min_value=0,
        max_value=1,
        help_text="In the learning order: what scores highest, so that its errors are found.",
    )
    dispute_gap = forms.IntegerField(
        label="Ratings in dispute when apart by",
        min_value=1,
        max_value=5,
        initial=2,
        help_text="Points on the scale from 0 to 5.",
    )
    guidelines = forms.CharField(
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Markdown. Shown after the project's own, beside every item of this queue.",
    )

    rubrics = forms.MultipleChoiceField(
        label="What people rate",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="On one screen, in this order. It stays as it is when the queue is there.",
    )

    def __init__(self, *args: Any, kind: str, project: Project | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = rubrics_for(project, kind) if project and kind in LEVELS else ()
        asked: Any = self.fields["rubrics"]
        asked.choices = [(rubric.key, rubric.name) for rubric in offered]
        asked.initial = [*CARDS[kind].rubrics]
        if len(asked.choices) < 2:
            del self.fields["rubrics"]
        choices: Any = self.fields["order"]
        choices.choices = [(order.value, order.label) for order in ORDERS[Queue.Kind(kind)]]
        for name in ("share_random", "share_top"):
            self.fields[name].widget.attrs["step"] = "0.05"
        if kind not in LEVELS:
            for name in ("dispute_gap", "share_random", "share_top"):
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if (values.get("share_random") or 0) + (values.get("share_top") or 0) > 1:
            self.add_error("share_top", "The two shares together are more than the whole.")
        return values

    def values(self) -> dict[str, Any]:
        """As `create_queue` and `change_queue` take them."""
        said = {name: value for name, value in self.cleaned_data.items() if value is not None}
        return {"dispute_gap": 2, **said, "rubrics": self.cleaned_data.get("rubrics", [])}


class FillForm(forms.Form):
    """Which subjects go into the queue: the fields of `Filling`."""

    languages = forms.MultipleChoiceField(required=False)
    sources = forms.MultipleChoiceField(required=False)
    state = forms.ChoiceField(required=False)
    workflow = forms.ChoiceField(required=False)
    area = forms.CharField(required=False, max_length=LONGEST, widget=forms.HiddenInput)
    rubric = forms.ChoiceField(label="Score", required=False)
    least_score = forms.FloatField(label="At least", required=False, min_value=0, max_value=5)
    most_score = forms.FloatField(label="At most", required=False, min_value=0, max_value=5)
    take = forms.IntegerField(
        label="Random sample of",
        required=False,
        min_value=0,
        max_value=10_000_000,
        help_text="Empty takes all.",
    )
    sample_seed = forms.IntegerField(
        label="drawn with seed", required=False, min_value=0, max_value=2**31 - 1, initial=1
    )

    def __init__(self, data: Any, *, queue: Queue) -> None:
        super().__init__(data)
        self.queue = queue
        if not SUBJECTS[Queue.Kind(queue.kind)].passage:
            del self.fields["area"]
        for name, found in _choices(queue).items():
            if found is None:
                del self.fields[name]
                continue
            field: Any = self.fields[name]
            field.choices = found
        for name in ("least_score", "most_score"):
            if "rubric" not in self.fields:
                del self.fields[name]
            else:
                self.fields[name].widget.attrs["step"] = "any"

    def clean_area(self) -> str:
        area = str(self.cleaned_data["area"])
        if area and (refusal := areas.refusal(self.queue.project, area)):
            raise forms.ValidationError(refusal)
        return area

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        least, most = values.get("least_score"), values.get("most_score")
        if (least is not None or most is not None) and not values.get("rubric"):
            self.add_error("rubric", "Say which score the bounds are for.")
        if least is not None and most is not None and least > most:
            self.add_error("most_score", "This is below the lower bound.")
        return values

    @property
    def sent(self) -> Any:
        """What was asked, name by name, for the form that sends it again to fill."""
        data: Any = self.data
        return [(name, data.getlist(name)) for name in self.fields if any(data.getlist(name))]

    def filling(self) -> Filling:
        """What was asked. Only after `is_valid`."""
        values = self.cleaned_data
        return Filling(
            languages=tuple(values.get("languages", ())),
            sources=tuple(int(pk) for pk in values.get("sources", ())),
            rubric=values.get("rubric", ""),
            least_score=values.get("least_score"),
            most_score=values.get("most_score"),
            state=values.get("state", ""),
            workflow=values.get("workflow", ""),
            area=values.get("area", ""),
            take=values.get("take") or 0,
            sample_seed=1 if values.get("sample_seed") is None else values["sample_seed"],
        )


def _choices(queue: Queue) -> dict[str, Any]:
    """What the project has to choose from; None for what this kind of queue cannot be filled by."""
    project, kind = queue.project, Queue.Kind(queue.kind)
    subject = SUBJECTS[kind]
    counted: Any = subject.of(project).values_list(subject.language)
    languages = counted.order_by().annotate(count=Count("pk")).order_by("-count")[:60]
    states: Any = {Queue.Kind.SEEDS: Seed.State, Queue.Kind.SAMPLES: Sample.State}.get(kind)
    workflows = Sample.objects.filter(project=project).order_by("workflow").values_list("workflow", flat=True)
    return {
        "languages": [(code, f"{code} ({count:,})") for code, count in languages if code],
        "sources": [
            (str(pk), name) for pk, name in Source.objects.filter(project=project).values_list("pk", "name")
        ],
        "state": [("", "Any"), *[one for one in states.choices if one[0] != "withdrawn"]] if states else None,
        "workflow": [("", "Any"), *[(name, name) for name in workflows.distinct()[:100] if name]]
        if kind == Queue.Kind.SAMPLES
        else None,
        "rubric": [("", "Any"), *[(key, RUBRIC_TITLES[key]) for key in subject.rubrics]]
        if subject.rubrics
        else None,
    }


# Pages


@require_GET
def list(request: HttpRequest, project: str) -> HttpResponse:  # noqa: A001  the page is called queues:list
    """The project's queues and how far each is."""
    opened = access.open(request, project, "manage")
    found = [*opened.queues.order_by("archived_at", "id")]
    states = queue_states(found)
    context = {
        "current": [{"queue": one, "state": states[one.pk]} for one in found if one.archived_at is None],
        "closed": [{"queue": one, "state": states[one.pk]} for one in found if one.archived_at is not None],
    }
    return render(request, "queues/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, project: str) -> HttpResponse:
    """Choose a kind, then say what the queue asks for; filling it comes next, from an area of the map where one was selected."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    kind = request.POST.get("kind") or request.GET.get("kind") or ""
    area = (request.POST.get("area") or request.GET.get("area") or "")[:LONGEST]
    if area and (refusal := areas.refusal(opened, area)):
        messages.error(request, refusal)
        return redirect("map:page", project=opened.slug)
    if kind not in Queue.Kind.values or kind == Queue.Kind.PAIRS:
        return render(request, "queues/kinds.html", {"kinds": _kinds(opened, area), "area": area})
    wanted = getattr(opened.settings, f"{kind}_decisions")
    initial = {"name": _free_name(opened, kind), "wanted": wanted}
    form = QueueForm(request.POST or None, kind=kind, project=opened, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            queue = queues.create_queue(opened, user, kind=kind, **form.values())
        except QueueError as error:
            form.add_error("name", str(error))
        else:
            filling = reverse("queues:fill", args=[opened.slug, queue.uuid])
            return redirect(f"{filling}?{urlencode({'area': area})}" if area else filling)
    context = {
        "form": form,
        "kind": Queue.Kind(kind),
        "meaning": KIND_MEANINGS[Queue.Kind(kind)],
        "area": area,
    }
    return render(request, "queues/create.html", context, status=422 if form.errors else 200)


def _kinds(project: Project, area: str) -> Any:
    """Every kind with where it is made: pairs are drawn where duplicates are looked at. From an area of the map: those whose
    subjects are passages."""
    asked = {"area": area} if area else {}
    return [
        {
            "kind": kind,
            "meaning": KIND_MEANINGS[kind],
            "inside": queues.matching(project, kind, Filling(area=area)).count() if area else None,
            "url": link("duplicates:list", project)
            if kind == Queue.Kind.PAIRS
            else f"?{urlencode({'kind': kind, **asked})}",
        }
        for kind in Queue.Kind
        if SUBJECTS[kind].passage or not area
    ]


def _free_name(project: Project, kind: str) -> str:
    taken = {*project.queues.values_list("name", flat=True)}
    base = Queue.Kind(kind).label
    return next(
        name for n in range(1, len(taken) + 2) if (name := base if n == 1 else f"{base} {n}") not in taken
    )


@require_GET
def page(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """One queue: how far it is, who holds what, its items."""
    opened = access.open(request, project, "manage")
    found = _queue(opened, queue)
    state = request.GET.get("state", "")
    items = (
        Item.objects.filter(queue=found)
        .select_related(
            "document", "passage__document", "pair__left__document", "seed__passage__document", "sample"
        )
        .only(
            "document__uuid",
            "document__title",
            "pair__uuid",
            "pair__left__ordinal",
            "pair__left__document__title",
            "uuid",
            "position",
            "state",
            "wanted",
            "settled_at",
            "passage__uuid",
            "passage__ordinal",
            "passage__document__title",
            "seed__uuid",
            "seed__passage__ordinal",
            "seed__passage__document__title",
            "sample__uuid",
            "sample__title",
        )
        .annotate(decided=Subquery(_slots("decided")), held=Subquery(_slots("held")))
    )
    if state in Item.State.values:
        items = items.filter(state=state)
    held = Slot.objects.filter(queue=found, state=Slot.State.HELD).select_related("holder", "item")
    counts = queue_states([found])[found.pk]
    context = {
        "queue": found,
        "state": counts,
        "tabs": [("", "All", counts.items)]
        + [
            (one.value, one.label, getattr(counts, one.value))
            for one in Item.State
            if getattr(counts, one.value)
        ],
        "chosen": state,
        "page": keyset.page(request, items, order=("position", "id")),
        "held": held.order_by("expires_at")[:HELD_SHOWN],
        "revising": Revision.objects.asked()
        .filter(item__queue=found)
        .select_related("item__sample", "job")[:HELD_SHOWN],
        "filled_from": _said(found),
        "held_back": _held_back(opened, found.kind, queues.filled_from(found)),
    }
    return render(request, "queues/page.html", context)


def _slots(state: str) -> Any:
    """How many slots of an item are in a state, as a subquery."""
    slots = Slot.objects.filter(item=OuterRef("pk"), state=state).order_by().values("item")
    return slots.annotate(count=Count("pk")).values("count")


def _said(queue: Queue) -> str:
    """The filter a queue was last filled from, in words."""
    names = dict(
        Source.objects.filter(project=queue.project, pk__in=queue.filter.get("sources", [])).values_list(
            "pk", "name"
        )
    )
    said = []
    for key, value in queue.filter.items():
        if key == "sources":
            said.append("from " + ", ".join(names.get(pk, "a source that is gone") for pk in value))
        elif key == "languages":
            said.append("in " + ", ".join(value))
        elif key in ("state", "workflow"):
            said.append(f"{key} {value}")
        elif key == "area":
            said.append(areas.said(queue.project, value))
        elif key == "take":
            said.append(f"a random sample of {value:,} with seed {queue.filter.get('sample_seed', 1)}")
        elif key in ("least_score", "most_score"):
            bound = "at least" if key == "least_score" else "at most"
            said.append(f"{queue.filter.get('rubric', '')} {bound} {value:g}")
    return ", ".join(said)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """Change what a queue asks for."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    found = _queue(opened, queue)
    names = (
        "name",
        "wanted",
        "order",
        "random_seed",
        "dispute_gap",
        "guidelines",
        "share_random",
        "share_top",
    )
    form = QueueForm(
        request.POST or None, kind=found.kind, initial={name: getattr(found, name) for name in names}
    )
    if request.method == "POST" and form.is_valid():
        try:
            queues.change_queue(found, user, **{"dispute_gap": found.dispute_gap, **form.cleaned_data})
        except QueueError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, "Saved.")
            return redirect("queues:page", project=opened.slug, queue=found.uuid)
    return render(
        request, "queues/edit.html", {"form": form, "queue": found}, status=422 if form.errors else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
def fill(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """Choose what goes in: a GET counts, a POST of the same filter fills."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    found = _queue(opened, queue)
    data: QueryDict = request.POST if request.method == "POST" else request.GET
    form = FillForm(data, queue=found)
    context: dict[str, Any] = {"form": form, "queue": found}
    if area := data.get("area", ""):
        context["area_said"] = areas.said(opened, area)
    status = 200
    if form.is_valid():
        filling = form.filling()
        if request.method == "POST":
            try:
                added = queues.fill(found, filling, user)
            except QueueError as error:
                form.add_error(None, str(error))
            else:
                said = f"{added:,} {'item is' if added == 1 else 'items are'} in the queue now."
                if added:
                    messages.success(request, said)
                else:
                    messages.warning(request, "Nothing was added: all that matches is in the queue already.")
                return redirect("queues:page", project=opened.slug, queue=found.uuid)
        else:
            context["matching"], context["new"] = queues.count_new(found, filling)
            context["held_back"] = _held_back(opened, found.kind, filling)
            context["asked"] = context["new"] * found.wanted
    if form.errors:
        status = 422
    template = "queues/_count.html" if request.headers.get("HX-Request") else "queues/fill.html"
    return render(request, template, context, status=status)


def _held_back(project: Project, kind: str, filling: Filling) -> tuple[dict[str, Any], ...]:
    """Samples that wait for a verdict which the project requires: how many, why, and the list of them."""
    samples = reverse("samples:list", args=[project.slug])
    return tuple(
        {
            "count": count,
            "kind": verdict,
            "standing": STANDINGS[standing].lower(),
            "url": f"{samples}?{urlencode({'verified': f'{verdict}:{standing}'})}",
        }
        for verdict, counts in queues.held_back(project, kind, filling).items()
        for standing, count in counts.items()
    )


# Buttons: each says what should be, so that pressing twice changes nothing


@require_POST
def pause(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """Hand out nothing more."""
    return _do(
        request, project, queue, queues.pause, "The queue is paused. Whoever holds an item can finish it."
    )


@require_POST
def resume(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """Hand out items again."""
    return _do(request, project, queue, queues.resume, "The queue hands out items again.")


@require_POST
def close(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """Put the queue away."""
    return _do(
        request, project, queue, queues.close, "The queue is closed. Its decisions stand; it can be reopened."
    )


@require_POST
def reopen(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """Bring a closed queue back."""
    return _do(request, project, queue, queues.reopen, "The queue is open again.")


def _do(request: HttpRequest, project: str, queue: UUID, action: Any, said: str) -> HttpResponse:
    opened = access.open(request, project, "manage")
    found = _queue(opened, queue)
    action(found, request.user)
    messages.success(request, said)
    return redirect("queues:page", project=opened.slug, queue=found.uuid)


@require_POST
def free(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """Take an item back from whoever holds it."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    found = _queue(opened, queue)
    slots = Slot.objects.filter(queue=found, lease=_uuid(request.POST.get("lease", ""))).select_related(
        "queue", "item", "holder"
    )
    slot = slots.exclude(lease=None).first()
    if slot and review.free(slot, user):
        messages.success(request, "The item is free again. If its holder still decides, that is kept too.")
    else:
        messages.info(request, "Nobody holds this item any more.")
    return redirect("queues:page", project=opened.slug, queue=found.uuid)


@require_POST
def take_back(request: HttpRequest, project: str, queue: UUID) -> HttpResponse:
    """End the waiting for a revision: the item is open again with the text it had, and its job is cancelled."""
    opened = access.open(request, project, "manage")
    user: Any = request.user
    found = _queue(opened, queue)
    asked = Revision.objects.asked().filter(
        item__queue=found, item__uuid=_uuid(request.POST.get("item", "")) or UUID(int=0)
    )
    revision = asked.select_related("item", "job").first()
    if revision and revisions.take_back(revision, user):
        with suppress(NotNow):
            cancel(revision.job)
        messages.success(request, "Taken back. The item is in the queue again, with the text it had.")
    else:
        messages.info(request, "This item is not being revised any more.")
    return redirect("queues:page", project=opened.slug, queue=found.uuid)


def _uuid(said: str) -> UUID | None:
    try:
        return UUID(said)
    except ValueError:
        return None


def _queue(project: Project, queue: UUID) -> Queue:
    return get_object_or_404(Queue.objects.select_related("project"), project=project, uuid=queue)


app_name = "queues"
urlpatterns = [
    path("", list, name="list"),
    path("new", create, name="create"),
    path("<uuid:queue>/", page, name="page"),
    path("<uuid:queue>/edit", edit, name="edit"),
    path("<uuid:queue>/fill", fill, name="fill"),
    path("<uuid:queue>/pause", pause, name="pause"),
    path("<uuid:queue>/resume", resume, name="resume"),
    path("<uuid:queue>/close", close, name="close"),
    path("<uuid:queue>/reopen", reopen, name="reopen"),
    path("<uuid:queue>/free", free, name="free"),
    path("<uuid:queue>/take-back", take_back, name="take_back"),
]

"""Queues, and the decisions that came from them. Decisions are read only, and blind where their item is still open."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Case, Count, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from curation import access
from curation.actions import queues, review
from curation.admin.scoped import Long, ProjectFilter, Scoped, choice_filter, confirmed, each, set_filter
from curation.admin.site import site
from curation.models import Decision, Item, Queue, Slot

HIDDEN = "hidden until you have answered"


@admin.register(Queue, site=site)
class QueueAdmin(Scoped):
    editable = True
    list_display = (
        "name",
        "project",
        "kind",
        "wanted",
        "order",
        "item_count",
        "open_count",
        "held_count",
        "standing",
    )
    list_select_related = ("project",)
    list_filter = (
        ProjectFilter,
        choice_filter("kind", "kind", lambda: Queue.Kind.choices),
        set_filter("paused", "paused_at", "Paused", "Handing out"),
        set_filter("closed", "archived_at", "Closed", "In use"),
    )
    search_fields = ("name",)
    search_help_text = "Name"
    fields = (
        "name",
        "wanted",
        "order",
        "random_seed",
        "dispute_gap",
        "guidelines",
        "project",
        "kind",
        "filter",
        "uuid",
        "created_at",
        "paused_at",
        "archived_at",
    )
    readonly_fields = ("project", "kind", "filter", "uuid", "created_at", "paused_at", "archived_at")
    actions = ("pause", "resume", "free_leases", "close", "reopen")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        items = Item.objects.filter(queue=OuterRef("pk")).order_by().values("queue")
        held = Slot.objects.filter(queue=OuterRef("pk"), state=Slot.State.HELD).order_by().values("queue")
        return (
            super()
            .get_queryset(request)
            .annotate(
                items_in_all=Subquery(items.annotate(count=Count("pk")).values("count")),
                items_open=Subquery(
                    items.filter(state=Item.State.OPEN).annotate(count=Count("pk")).values("count")
                ),
                held_now=Subquery(held.annotate(count=Count("pk")).values("count")),
            )
        )

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only the orders that this kind of queue can have."""
        field = super().formfield_for_choice_field(db_field, request, **kwargs)
        match = request.resolver_match
        pk: Any = match.kwargs.get("object_id") if match else None
        queue = Queue.objects.filter(pk=pk).first() if pk else None
        if db_field.name == "order" and queue and field is not None:
            field.choices = [(one.value, one.label) for one in queues.ORDERS[Queue.Kind(queue.kind)]]
        return field

    @display(description="items", ordering="items_in_all")
    def item_count(self, queue: Any) -> str:
        return f"{queue.items_in_all or 0:,}"

    @display(description="open", ordering="items_open")
    def open_count(self, queue: Any) -> str:
        return f"{queue.items_open or 0:,}"

    @display(description="held now", ordering="held_now")
    def held_count(self, queue: Any) -> str:
        return f"{queue.held_now or 0:,}"

    @display(description="state", label={"Handing out": "success", "Paused": "warning", "Closed": "info"})
    def standing(self, queue: Queue) -> str:
        return "Closed" if queue.archived_at else "Paused" if queue.paused_at else "Handing out"

    def save_model(self, request: HttpRequest, obj: Queue, form: Any, change: bool) -> None:
        user: Any = request.user
        names = ("name", "wanted", "order", "random_seed", "dispute_gap", "guidelines")
        queues.change_queue(
            Queue.objects.select_related("project").get(pk=obj.pk),
            user,
            **{n: form.cleaned_data[n] for n in names},
        )

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        user: Any = request.user
        each(request, queryset, lambda queue: queues.pause(queue, user), "paused")

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        user: Any = request.user
        each(request, queryset, lambda queue: queues.resume(queue, user), "handing out again")

    @admin.action(description="Free what is held")
    @confirmed("Every item that somebody holds goes back to its queue. What they typed stays as a draft.")
    def free_leases(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        user: Any = request.user
        held = Slot.objects.filter(queue__in=queryset, state=Slot.State.HELD)
        each(
            request,
            held.select_related("queue", "item", "holder"),
            lambda slot: review.free(slot, user),
            "freed",
        )

    @admin.action(description="Close")
    @confirmed("Nobody is offered them any more. Their decisions stand, and they can be reopened.")
    def close(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        user: Any = request.user
        each(request, queryset, lambda queue: queues.close(queue, user), "closed")

    @admin.action(description="Reopen")
    def reopen(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        user: Any = request.user
        each(request, queryset, lambda queue: queues.reopen(queue, user), "open again")


class VerdictFilter(DropdownFilter):  # type: ignore[misc]
    """By verdict, among the decisions that this person may see."""

    title = "verdict"
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Decision.Verdict.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(verdict=self.value(), revealed=True) if self.value() else queryset


@admin.register(Decision, site=site)
class DecisionAdmin(Long):
    """Who decided when, how fast. What they concluded shows as `access.may_see_decisions` allows."""

    project_path = "item__queue__project"
    list_display = (
        "created_at",
        "user",
        "queue",
        "event_shown",
        "verdict_shown",
        "reason_shown",
        "seconds",
        "counted",
    )
    list_select_related = ("user", "item__queue__project")
    list_filter = (
        ProjectFilter,
        choice_filter("kind", "item__queue__kind", lambda: Queue.Kind.choices),
        VerdictFilter,
    )
    search_fields = ("user__email", "user__name", "=item__uuid", "=uuid")
    search_help_text = "Person, or the id of an item or a decision"
    sortable_by = ("created_at",)
    fields = (
        "uuid",
        "user",
        "queue",
        "item_id_shown",
        "created_at",
        "event_shown",
        "verdict_shown",
        "reason_shown",
        "ratings_shown",
        "note_shown",
        "seconds",
        "counted",
        "batch",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With `revealed`: one's own, those on items that ask nobody any more, and those on items one has answered."""
        mine = Decision.objects.standing().filter(
            item=OuterRef("item"),
            user=request.user,
            event=Decision.Event.DECIDE,  # type: ignore[misc]
            round=OuterRef("item__round"),
        )
        seen = Q(user=request.user) | ~Q(item__state__in=access.ASKING) | Exists(mine)  # type: ignore[misc]
        return (
            super()
            .get_queryset(request)
            .annotate(
                revealed=Case(When(seen, then=Value(True)), default=Value(False), output_field=BooleanField())
            )
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="queue")
    def queue(self, decision: Decision) -> str:
        return f"{decision.item.queue} · {decision.item.queue.project}"

    @display(description="item")
    def item_id_shown(self, decision: Decision) -> str:
        return str(decision.item.uuid)

    @display(description="event", label=True)
    def event_shown(self, decision: Any) -> str:
        return decision.get_event_display()

    @display(description="verdict", label={"Accept": "success", "Reject": "danger", "Rate": "info"})
    def verdict_shown(self, decision: Any) -> str:
        return decision.get_verdict_display() if decision.revealed else HIDDEN

    @display(description="reason")
    def reason_shown(self, decision: Any) -> str:
        return decision.reason if decision.revealed else HIDDEN

    @display(description="ratings")
    def ratings_shown(self, decision: Any) -> str:
        if not decision.revealed:
            return HIDDEN
        return ", ".join(f"{rubric} {value}" for rubric, value in decision.ratings.items())

    @display(description="note")
    def note_shown(self, decision: Any) -> str:
        return decision.note if decision.revealed else HIDDEN

    @display(description="counts", boolean=True)
    def counted(self, decision: Decision) -> bool:
        return not decision.surplus and decision.event in (Decision.Event.DECIDE, Decision.Event.RESOLVE)

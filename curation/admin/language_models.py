"""Language models: endpoints and prompts for site admins, calls with what they cost for managers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from curation.actions import endpoints
from curation.admin.scoped import Long, ProjectFilter, Scoped, choice_filter, confirmed, set_filter
from curation.admin.site import site
from curation.models import Call, Endpoint, PromptVersion
from curation.recipe.llm.errors import ERRORS, CallFailed
from curation.recipe.llm.keys import key_for, origin_of

#: What LLM_BASE_URL, LLM_MODEL and LLM_API_KEY decide.
OF_ENVIRONMENT = ("project", "kind", "address", "model", "key_name", "private_allowed")


class ForSiteAdmins(Scoped):
    """What belongs to the installation: managers choose among endpoints on their projects' pages."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = self.model._default_manager.all()
        return found if request.user.is_superuser else found.none()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.editable and self.has_module_permission(request)


class EndpointForm(forms.ModelForm):
    """Checks that an address is one, and that its key may go there."""

    class Meta:
        model = Endpoint
        exclude = ("uuid", "created_by", "archived_at")  # noqa: DJ006  the admin names its fields

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("kind") == Endpoint.Kind.LOCAL:
            return {**values, "address": "", "key_name": ""}
        address = values.get("address", "").strip().rstrip("/")
        if "address" in self.fields:
            try:
                origin_of(address)
            except ValueError as error:
                self.add_error("address", str(error))
                return values
            if "?" in address or "#" in address:
                self.add_error("address", "Leave out everything from ? or # on.")
        if "key_name" in self.fields and "address" in self.fields:
            try:
                key_for(settings.LLM_KEYS, values.get("key_name", ""), address)
            except CallFailed as failed:
                self.add_error("key_name", failed.detail)
        return {**values, "address": address} if "address" in self.fields else values


@admin.register(Endpoint, site=site)
class EndpointAdmin(ForSiteAdmins):
    """Which models can be asked, at what price and pace. Keys stay in the environment."""

    editable = True
    form = EndpointForm
    list_display = ("name", "model", "where", "offered_to", "key_shown", "prices", "concurrency", "standing")
    list_select_related = ("project",)
    list_filter = (set_filter("archived", "archived_at", "archived", "in use"),)
    search_fields = ("name", "model", "address")
    search_help_text = "Name, model or address"
    fieldsets = (
        (None, {"fields": ("name", "kind", "address", "model", "key_name", "private_allowed", "project")}),
        ("Answers", {"fields": ("temperature", "top_p", "most_tokens")}),
        ("Prices", {"fields": ("price_in", "price_out")}),
        (
            "Limits",
            {"fields": ("concurrency", "requests_per_minute", "tokens_per_minute", "seconds", "context")},
        ),
    )
    actions = ("try_it", "archive", "bring_back")
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        endpoints.ensure_default()
        return super().get_queryset(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What the environment says is changed there."""
        return OF_ENVIRONMENT if obj is not None and obj.from_environment else ()

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)
        messages.info(request, "Choose “Try it” in the list to see whether it answers.")

    @display(description="address", ordering="address")
    def where(self, endpoint: Endpoint) -> str:
        return endpoint.address or "in the studio's workers"

    @display(description="offered to")
    def offered_to(self, endpoint: Endpoint) -> str:
        return endpoint.project.name if endpoint.project else "every project"

    @display(description="key")
    def key_shown(self, endpoint: Endpoint) -> str:
        return endpoint.key_name or "none"

    @display(description="price in / out")
    def prices(self, endpoint: Endpoint) -> str:
        if not endpoint.has_price:
            return "–"
        return f"{endpoint.price.into or 0:g} / {endpoint.price.out or 0:g}"

    @display(description="state", label={"In use": "success", "Archived": "warning"})
    def standing(self, endpoint: Endpoint) -> str:
        return "Archived" if endpoint.archived_at else "In use"

    @admin.action(description="Try it")
    def try_it(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for endpoint in queryset[:5]:
            tried = endpoints.try_out(endpoint)
            say = messages.success if tried.works else messages.error
            say(request, f"{endpoint}: {tried.said}")
            if tried.caution:
                messages.warning(request, f"{endpoint}: {tried.caution}")

    @admin.action(description="Archive")
    @confirmed("They are offered no more. Their calls and labels stay, and they can be brought back.")
    def archive(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        count = queryset.filter(archived_at=None).update(archived_at=timezone.now())
        messages.success(request, f"{count:,} archived.")

    @admin.action(description="Bring back")
    def bring_back(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        count = queryset.filter(archived_at__isnull=False).update(archived_at=None)
        messages.success(request, f"{count:,} offered again.")


@admin.register(PromptVersion, site=site)
class PromptVersionAdmin(ForSiteAdmins):
    """What models are asked, word by word. Versions never change."""

    project_path = "prompt__project"
    list_display = ("label", "prompt", "whose", "roles", "fields_asked", "created_at")
    list_select_related = ("prompt__project",)
    fields = ("prompt", "number", "parent", "note", "words", "schema", "sha256", "created_by", "created_at")
    readonly_fields = fields
    ordering = ("prompt", "-number")

    @display(description="version")
    def label(self, version: PromptVersion) -> str:
        return version.label

    @display(description="words of")
    def whose(self, version: PromptVersion) -> str:
        return version.prompt.project.name if version.prompt.project else "the studio"

    @display(description="messages")
    def roles(self, version: PromptVersion) -> str:
        return ", ".join(one["role"] for one in version.parts)

    @display(description="answer")
    def fields_asked(self, version: PromptVersion) -> str:
        return "JSON by a schema" if version.schema else "as its question wants it"

    @display(description="words")
    def words(self, version: PromptVersion) -> str:
        parts = ((one["role"], one["template"]) for one in version.parts)
        return format_html(
            '<div class="whitespace-pre-wrap">{}</div>',
            format_html_join("\n\n", "<strong>{}</strong>\n{}", parts),
        )


@admin.register(Call, site=site)
class CallAdmin(Long):
    """What was asked of models, how it went and what it cost; without the texts, which people may yet have to rate blind."""

    list_display = (
        "created_at",
        "project",
        "model",
        "prompt_version",
        "how",
        "tokens",
        "money",
        "took",
        "attempt",
    )
    list_select_related = ("project", "prompt_version__prompt")
    list_before_template = "admin/call_sums.html"
    list_filter = (
        ProjectFilter,
        choice_filter(
            "what came of it", "error", lambda: [(name, one.title) for name, one in ERRORS.items()]
        ),
        set_filter("used again", "hit_of", "an earlier answer used again", "asked"),
    )
    fields = (
        "uuid",
        "project",
        "endpoint",
        "model",
        "prompt_version",
        "job",
        "how",
        "detail",
        "attempt",
        "rung",
        "notes",
        "tokens",
        "money",
        "took",
        "key",
        "created_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("request", "answer")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with the sums of what it shows over it."""
        found = super().get_changelist_instance(request)
        sums = found.queryset.order_by().aggregate(
            read=Sum("tokens_in", default=0), written=Sum("tokens_out", default=0), money=Sum("cost")
        )
        found.sums = f"{sums['read']:,} tokens read, {sums['written']:,} written"
        if sums["money"] is not None:
            found.sums += f", {sums['money']:,.4f} in money"
        return found

    @display(description="what came of it", label={"Answered": "success", "Used again": "info"})
    def how(self, call: Call) -> str:
        if call.hit_of_id:
            return "Used again"
        return ERRORS[call.error].title if call.error in ERRORS else call.error or "Answered"

    @display(description="tokens in / out")
    def tokens(self, call: Call) -> str:
        about = "" if call.counted else " (estimated)"
        return f"{call.tokens_in:,} / {call.tokens_out:,}{about}"

    @display(description="money", ordering="cost")
    def money(self, call: Call) -> str:
        return "–" if call.cost is None else f"{call.cost:,.6f}"

    @display(description="seconds", ordering="seconds")
    def took(self, call: Call) -> str:
        return f"{call.seconds:,.2f}"

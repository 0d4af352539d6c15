"""The frame around every page: top bar, rail, running jobs. Lazy: a part that draws no frame asks for nothing.

Three queries at most, and only when base.html is drawn: what waits for this person, and the project's running jobs.
The list of projects is fetched when its menu opens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Min, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from curation import access
from curation.models import Chunk, Item, Job, Project, Role
from curation.studio.disk import disk
from curation.web.links import link

COUNT_LIMIT = 99
PROJECTS_SHOWN = 40
JOBS_SHOWN = 8
#: The rate of a job is that of the last minutes, as on its own page.
RECENT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the rail: where it leads, the letter after `g`, and who sees it."""

    label: str
    icon: str
    page: str
    key: str
    least: Role = Role.ANNOTATOR
    areas: tuple[str, ...] = ()  # besides its own: pages that belong below it


#: The rail, in the order data meets it. A page that does not exist yet is left out.
RAIL: tuple[tuple[str, tuple[Place, ...]], ...] = (
    (
        "",
        (
            Place("Overview", "layout-dashboard", "overview:page", "o"),
            Place("Review", "list-checks", "review:queues", "r"),
        ),
    ),
    (
        "Material",
        (
            Place("Sources", "database", "sources:list", "s"),
            Place("Documents", "file-text", "documents:list", "d"),
            Place("Passages", "text-select", "passages:list", "p"),
            Place("Map", "map", "map:page", "a"),
            Place("Duplicates", "copy", "duplicates:list", "c"),
            Place("Scorers", "gauge", "scorers:list", "k", Role.REVIEWER, ("rubrics", "signals")),
            Place("Thresholds", "sliders-horizontal", "thresholds:list", "h", Role.MANAGER),
            Place("Seeds", "sprout", "seeds:list", "e"),
            Place("Runs", "wand-sparkles", "runs:list", "n"),
            Place("Prompts", "quote", "prompts:list", "w", Role.MANAGER),
            Place("Samples", "package", "samples:list", "m", areas=("coverage",)),
        ),
    ),
    (
        "Work",
        (
            Place("Queues", "inbox", "queues:list", "q", Role.MANAGER),
            Place("Exports", "download", "exports:list", "x", Role.MANAGER),
            Place("Jobs", "activity", "jobs:list", "j"),
        ),
    ),
    (
        "Project",
        (
            Place("Members", "users", "members:list", "b", Role.MANAGER),
            Place("Settings", "settings", "settings:page", "t", Role.MANAGER),
        ),
    ),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `frame` for base.html."""
    return {"frame": Frame(request)}


class Frame:
    """What base.html draws around a page. Every attribute is computed when it is first asked for."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def project(self) -> Project | None:
        return getattr(self.request, "project", None)

    @cached_property
    def role(self) -> str:
        return getattr(self.request, "role", None) or ""

    @cached_property
    def person(self) -> Any:
        """Who is signed in; None for a visitor."""
        user = getattr(self.request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @cached_property
    def home_url(self) -> str:
        return link("projects:list") or "/"

    @cached_property
    def search_url(self) -> str:
        return link("search:page", self.project) if self.project else ""

    @cached_property
    def sign_out_url(self) -> str:
        return link("accounts:sign_out")

    @cached_property
    def person_entries(self) -> list[dict[str, str]]:
        entries = [{"label": "Your account", "icon": "user", "url": link("accounts:account")}]
        if self.person and (self.person.is_superuser or self.role == Role.MANAGER):
            entries.append({"label": "Admin panel", "icon": "sliders-horizontal", "url": link("admin:index")})
        return [entry for entry in entries if entry["url"]]

    @cached_property
    def projects(self) -> list[dict[str, str]]:
        """The person's projects, for the switcher."""
        if not self.person:
            return []
        rows = Project.objects.visible_to(self.person).current().only("slug", "name")[:PROJECTS_SHOWN]
        return [{"slug": row.slug, "name": row.name, "url": _project_url(row)} for row in rows]

    @cached_property
    def rail(self) -> list[dict[str, Any]]:
        if not self.project or not self.person:
            return []
        groups = [
            {"title": title, "entries": [entry for place in places if (entry := self._entry(place))]}
            for title, places in RAIL
        ]
        return [group for group in groups if group["entries"]]

    @cached_property
    def rail_html(self) -> SafeString:
        """The rail, drawn once: it stands on the page twice, beside it and as the sheet of narrow screens."""
        return render_to_string("parts/_rail.html", {"frame": self})

    def _entry(self, place: Place) -> dict[str, Any] | None:
        url = link(place.page, self.project)
        if not url or not self._may(place.least):
            return None
        here = self.request.resolver_match
        area = place.page.partition(":")[0]
        entry: dict[str, Any] = {"label": place.label, "icon": place.icon, "url": url, "key": place.key}
        entry["current"] = bool(here and here.namespace in (area, *place.areas))
        if area == "review":
            entry |= self._waiting
        return entry

    def _may(self, least: Role) -> bool:
        return bool(self.role) and Role(self.role).rank >= least.rank

    @cached_property
    def _waiting(self) -> dict[str, Any]:
        """What asks for a reviewer: disputes and flags that nobody has resolved. Others are shown no count."""
        if not self._may(Role.REVIEWER):
            return {}
        waiting = Item.objects.filter(
            queue__project=self.project,
            queue__archived_at=None,
            state__in=[Item.State.DISPUTED, Item.State.FLAGGED],
        )
        count = waiting[: COUNT_LIMIT + 1].count()
        said = f"{COUNT_LIMIT}+" if count > COUNT_LIMIT else str(count)
        return {"count": said, "count_meaning": "waiting for a reviewer"} if count else {}

    @cached_property
    def disk_warning(self) -> str:
        """That the studio's disk runs low, for those who can do something about it. Two system calls."""
        if not self._may(Role.MANAGER):
            return ""
        found = disk()
        return "" if found.level == "ok" else found.said

    @cached_property
    def jobs(self) -> list[dict[str, Any]]:
        """Active jobs of the project with their progress in percent."""
        active = Job.objects.filter(project=self.project).active()
        # Mostly there are none, which is quicker to ask than how far they are.
        if not self.project or not active.exists():
            return []
        now = timezone.now()
        recent = Q(chunks__state=Chunk.State.DONE, chunks__finished_at__gte=now - RECENT)
        rows = active.annotate(
            total=Sum("chunks__size"),
            finished=Sum("chunks__size", filter=Q(chunks__state=Chunk.State.DONE)),
            moving=Sum("chunks__beaten", filter=Q(chunks__state=Chunk.State.RUNNING)),
            recent=Sum("chunks__size", filter=recent),
            since=Min("chunks__started_at", filter=recent),
        ).order_by("id")[:JOBS_SHOWN]
        return [self._job(job, now) for job in rows]

    def _job(self, job: Any, now: datetime) -> dict[str, Any]:
        total, done = job.total or 0, (job.finished or 0) + (job.moving or 0)
        rate = (
            job.recent / max((now - job.since).total_seconds(), 0.001) if job.recent and job.since else None
        )
        return {
            "rate": rate,  # records a second over the last minutes; None while unknown
            "left": (total - done) / rate if rate else None,  # seconds
            "title": _job_title(job.kind),
            "percent": min(100, 100 * done // total) if total else 0,
            "done": done,
            "total": total,
            "line": f"{done:,} of {total:,}"
            if total
            else ("waiting" if job.state == Job.State.WAITING else "planning"),
            "url": link("jobs:job", self.project, job=job.uuid) or self.jobs_url,
        }

    @cached_property
    def jobs_percent(self) -> int:
        total = sum(job["total"] for job in self.jobs)
        return min(100, 100 * sum(job["done"] for job in self.jobs) // total) if total else 0

    @cached_property
    def jobs_url(self) -> str:
        return link("jobs:list", self.project) if self.project else ""

    @cached_property
    def ring_url(self) -> str:
        return link("frame:ring", self.project) if self.project else ""

    @cached_property
    def projects_url(self) -> str:
        return link("frame:projects", self.project) if self.project else ""


def _project_url(project: Project) -> str:
    return link("overview:page", project) or link("review:queues", project) or "/"


def _job_title(kind: str) -> str:
    from curation.jobs.kinds import KINDS

    known: Mapping[str, Any] = KINDS
    return known[kind].title if kind in known else kind


@require_GET
def projects(request: HttpRequest, project: str) -> HttpResponse:
    """The person's projects, for the switcher."""
    access.open(request, project, "browse")
    return render(request, "parts/_project_list.html")


@require_GET
def ring(request: HttpRequest, project: str) -> HttpResponse:
    """The running jobs, again: the part that the top bar refreshes."""
    access.open(request, project, "browse")
    return render(request, "parts/_jobs_ring.html")


app_name = "frame"
urlpatterns = [
    path("ring", ring, name="ring"),
    path("projects", projects, name="projects"),
]

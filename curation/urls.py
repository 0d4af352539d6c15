"""Every address of the studio. Pages are `area:page`; a project's pages live below `/projects/<slug>/`."""

from django.urls import include, path

from curation.admin.site import site as admin
from curation.api.site import urls as api

#: Areas of a project, by the module in `curation.web` that holds their pages.
AREAS: dict[str, str] = {
    "": "overview",
    "sources/": "sources",
    "extractions/": "tries",
    "documents/again/": "again",
    "documents/": "documents",
    "passages/": "passages",
    "duplicates/": "duplicates",
    "scorers/": "scorers",
    "rubrics/": "rubrics",
    "thresholds/": "thresholds",
    "map/": "map",
    "signals/": "signals",
    "seeds/": "seeds",
    "prompts/": "prompts",
    "runs/": "runs",
    "samples/": "samples",
    "coverage/": "coverage",
    "search/": "search",
    "exports/": "exports",
    "jobs/": "jobs",
    "members/": "members",
    "queues/": "queues",
    "settings/": "settings",
    "review/": "review",
    "disputes/": "disputes",
    "frame/": "frame",
}

urlpatterns = [
    path("admin/", admin.urls),
    path("", include("curation.web.health")),
    path("", include("curation.web.projects")),
    path("", include("curation.web.accounts")),
    path("api/v1/", api),
    *[
        path(f"projects/<slug:project>/{prefix}", include(f"curation.web.{module}"))
        for prefix, module in AREAS.items()
    ],
]

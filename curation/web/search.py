"""Search by words over passages, documents and samples; find similar by meaning, to a passage, a sample or pasted text.

Neither shows or sorts by a score, so nothing here can tell one that is still hidden from somebody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods

from curation import access
from curation.jobs.kinds.embed import options
from curation.models import EmbeddingModel, Passage, Project, neighbours, search
from curation.models.neighbours import Neighbour
from curation.recipe.text.aside import LONGEST, Aside, TooSlow
from curation.recipe.text.encode import ModelUnavailable
from curation.web import standing

KINDS = (("", "Everything"), ("passages", "Passages"), ("documents", "Documents"), ("samples", "Samples"))
#: Results per kind where everything is searched; results of one kind on a page are `search.PAGE`.
FEW = 5
DOCUMENTS = 50
SIMILAR, SIMILAR_FEW = 24, 5

#: The process beside this one that encodes what people paste.
_aside = Aside()


@dataclass(frozen=True, slots=True)
class Found:
    """The results of one kind: some of them, and how many there are (`capped`: at least)."""

    what: str
    hits: Sequence[Any]
    total: int
    capped: bool
    more_url: str = ""


@require_GET
def page(request: HttpRequest, project: str) -> HttpResponse:
    """What matches the words, best first: a few of every kind, or one kind page by page."""
    opened = access.open(request, project, "browse")
    query = request.GET.get("q", "").replace("\x00", " ").strip()[:400]
    what = request.GET.get("what", "")
    if what not in dict(KINDS):
        raise Http404("No such kind of result.")
    everything = request.GET.get("all") == "1"
    number = _page_number(request)
    found = [_find(opened, kind, query, number, everything) for kind in _kinds(what)] if query else []
    if not what:
        found = [_beginning(request, one) for one in found]
    for one in found:
        if one.what == "passages":
            _show(request, [hit.subject for hit in one.hits])
    context = {
        "query": query,
        "what": what,
        "everything": everything,
        "found": found,
        "matches": sum(one.total for one in found),
        "tabs": [
            {"label": label, "url": _address(request, what=kind, page=None), "here": kind == what}
            for kind, label in KINDS
        ],
        "next_url": _address(request, page=number + 1)
        if what and found and found[0].total > number * search.PAGE
        else "",
        "previous_url": _address(request, page=number - 1) if what and number > 1 else "",
    }
    return render(request, "search/page.html", context)


def _page_number(request: HttpRequest) -> int:
    try:
        return min(max(int(request.GET.get("page", "1")), 1), search.MOST_RANKED // search.PAGE)
    except ValueError:
        return 1


def _kinds(what: str) -> list[str]:
    return [what] if what else [kind for kind, _ in KINDS if kind]


def _find(project: Project, kind: str, query: str, number: int, everything: bool) -> Found:
    hits: Sequence[Any]
    if kind == "passages":
        hits, total = search.search_passages(project, query, page=number, left_out_too=everything)
        return Found(kind, hits, total, total >= search.MOST_RANKED)
    if kind == "samples":
        hits, total = search.search_samples(project, query, page=number)
        return Found(kind, hits, total, total >= search.MOST_RANKED)
    named = project.documents.filter(Q(title__icontains=query) | Q(address__icontains=query))
    if not everything:
        named = named.filter(left_out="")
    rows = list(
        named.only("project", "uuid", "title", "address", "sha256", "language").order_by("-id")[
            : DOCUMENTS + 1
        ]
    )
    return Found(kind, rows[:DOCUMENTS], min(len(rows), DOCUMENTS), len(rows) > DOCUMENTS)


def _beginning(request: HttpRequest, found: Found) -> Found:
    url = _address(request, what=found.what, page=None) if found.total > FEW else ""
    return replace(found, hits=found.hits[:FEW], more_url=url)


def _address(request: HttpRequest, **changed: Any) -> str:
    asked = {name: request.GET.get(name, "") for name in ("q", "what", "all", "page")}
    asked |= {name: "" if value is None else str(value) for name, value in changed.items()}
    return f"{request.path}?{urlencode({name: value for name, value in asked.items() if value})}"


def _show(request: HttpRequest, passages: Sequence[Passage]) -> None:
    """Hang on each passage where it stands, as far as this person may know."""
    hidden = access.hidden_scores(request.user, [one.pk for one in passages])
    sees_scores = access.may(request, "see_scores")
    for one in passages:
        one.standing = standing.of_passage(  # type: ignore[attr-defined]
            one, sees_scores=sees_scores, hidden=one.pk in hidden
        )


# Find similar


@dataclass(frozen=True, slots=True)
class Like:
    """What neighbours are looked for: its words on the page, and its text or passage."""

    label: str
    url: str = ""
    passage: Passage | None = None
    text: str = ""


class NothingToCompare(Exception):
    """Why there can be no neighbours yet; the message says what to do."""


@require_http_methods(["GET", "POST"])
def similar(request: HttpRequest, project: str) -> HttpResponse:
    """The passages nearest in meaning to `?passage=`, to `?sample=`, or to a text that is sent."""
    opened = access.open(request, project, "browse")
    few = bool(getattr(request, "htmx", False)) and "few" in request.GET
    like = _asked(request, opened)
    near: list[Neighbour] = []
    problem = ""
    try:
        near = _nearest(opened, like, SIMILAR_FEW if few else SIMILAR) if like else []
    except (NothingToCompare, TooSlow, ModelUnavailable) as trouble:
        problem = str(trouble)
    _show(request, [one.passage for one in near])
    context = {"like": like, "near": near, "problem": problem, "longest": LONGEST}
    template = "search/_near.html" if few else "search/similar.html"
    status = 422 if problem and request.method == "POST" else 200
    return render(request, template, context, status=status)


def _asked(request: HttpRequest, project: Project) -> Like | None:
    text = request.POST.get("text", "").replace("\x00", " ").strip()
    if text:
        return Like("the text you pasted", text=text[:LONGEST])
    try:
        if uuid := request.GET.get("passage"):
            passage = get_object_or_404(
                project.passages.select_related("document").defer("search"), uuid=uuid
            )
            passage.project = project
            return Like(passage.heading or str(passage.document), passage=passage)
        if uuid := request.GET.get("sample"):
            sample = get_object_or_404(
                project.samples.only("uuid", "title", "external_id", "text"), uuid=uuid
            )
            return Like(str(sample), text=sample.text[:LONGEST])
    except ValidationError:
        raise Http404("No such row.") from None
    return None


def _nearest(project: Project, like: Like, most: int) -> list[Neighbour]:
    if like.passage is not None:
        return neighbours.nearest_to_passage(like.passage, most)
    model = EmbeddingModel.objects.of_project(project)
    if model is None:
        raise NothingToCompare("No passage has a vector yet. Curating the project makes them.")
    key, vector = _aside.encode(like.text, replace(options(), threads=1))
    if key != model.key:
        raise NothingToCompare(
            "The project's vectors were made by another embedding model than the studio uses now. Curate it again."
        )
    return neighbours.nearest(project, model, vector, most)


app_name = "search"
urlpatterns = [
    path("", page, name="page"),
    path("similar", similar, name="similar"),
]

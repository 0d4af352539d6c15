"""Who may do what: one table of capabilities, and the one door through which pages and the API open a project.

Outsiders get 404, so that nobody learns what exists; a member whose role is too low gets 403.
`docs/roles.md` says the same in words, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest

from curation.models import Cluster, ClusterMember, Decision, Item, Membership, Project, Role
from curation.recipe.review.cards import CARDS

#: The lowest role that has each capability. A site admin has them all, in every project.
CAPABILITIES: dict[str, Role] = {
    "browse": Role.ANNOTATOR,  # see documents, passages, seeds, samples and the overview
    "decide": Role.ANNOTATOR,  # claim items and decide on them
    "see_scores": Role.REVIEWER,  # lists with scores, and filters by them
    "see_decisions": Role.REVIEWER,  # who decided what, once one's own answer is given
    "resolve": Role.REVIEWER,  # end disputes, answer flags
    "manage": Role.MANAGER,  # sources, imports, queues, thresholds, jobs, exports, members
}

#: What still works in an archived project, besides restoring it.
WHILE_ARCHIVED = {"browse", "see_scores", "see_decisions", "manage"}


def role_in(user: Any, project: Project) -> Role | None:
    """The person's role; a site admin is a manager everywhere. None for outsiders and deactivated accounts."""
    if not user.is_authenticated or not user.is_active:
        return None
    if user.is_superuser:
        return Role.MANAGER
    role = Membership.objects.filter(project=project, user=user).values_list("role", flat=True).first()
    return Role(role) if role else None


def allows(role: Role | None, capability: str) -> bool:
    return role is not None and role.rank >= CAPABILITIES[capability].rank


def check(user: Any, project: Project, capability: str) -> Role:
    """The person's role in the project. Raises Http404 for outsiders, PermissionDenied for too low a role."""
    role = role_in(user, project)
    if role is None:
        raise Http404("No such project.")
    if not allows(role, capability):
        raise PermissionDenied(
            f"This needs the role {CAPABILITIES[capability].label.lower()} in {project.name}."
        )
    if project.archived_at and capability not in WHILE_ARCHIVED:
        raise PermissionDenied(f"{project.name} is archived. A manager can restore it in its settings.")
    return role


def open(request: HttpRequest, slug: str, capability: str) -> Project:  # noqa: A001  reads as access.open(…)
    """The project at an address, checked; sets `request.project` and `request.role` for the page's frame.

    Signed-out visitors never come here: `curation.web` wraps its addresses in a sign-in check.
    """
    try:
        project = Project.objects.get(slug=slug)
    except Project.DoesNotExist:
        raise Http404("No such project.") from None
    role = check(request.user, project, capability)
    request.project = project  # type: ignore[attr-defined]
    request.role = role  # type: ignore[attr-defined]
    return project


def may(request: HttpRequest, capability: str) -> bool:
    """For templates and views that show more to some: the opened project's role is enough."""
    return allows(getattr(request, "role", None), capability)


# Blindness


def measured_items(user: Any) -> QuerySet[Item]:
    """Items that measure the model and still want this person's answer: what is behind `hidden_scores`.

    Lists that sort or filter by a score leave their passages and pages out, because the place in the list would tell it.
    """
    measuring = [card.kind for card in CARDS.values() if card.hides_scores]
    answered = Decision.objects.standing().filter(user=user, event=Decision.Event.DECIDE, item=OuterRef("pk"))
    return Item.objects.filter(
        ~Exists(answered),
        queue__kind__in=measuring,
        queue__archived_at=None,
        state__in=[Item.State.OPEN, Item.State.FLAGGED],
    )


def hidden_scores(user: Any, passage_ids: Iterable[int]) -> set[int]:
    """Those passages whose model scores this person may not see yet: a scores queue still wants their answer."""
    waiting = measured_items(user).filter(passage__in=[*passage_ids])
    return {pk for pk in waiting.values_list("passage", flat=True) if pk}


def hidden_pages(user: Any, document_ids: Iterable[int]) -> set[int]:
    """The same for pages: those documents whose own scores this person may not see yet."""
    waiting = measured_items(user).filter(document__in=[*document_ids])
    return {pk for pk in waiting.values_list("document", flat=True) if pk}


def hidden_levels(user: Any, passage_id: int | None, document_id: int) -> set[str]:
    """Of one passage (if any) and its page: the levels whose scores this person may not see yet. One query."""
    waiting = measured_items(user).filter(
        Q(passage=passage_id, passage__isnull=False) | Q(document=document_id)
    )
    return {"document" if page else "passage" for page in waiting.values_list("document", flat=True)}


def hidden_clusters(user: Any) -> QuerySet[Cluster]:
    """Clusters that would tell what the machine thinks of a pair which still wants this person's answer."""
    waiting = measured_items(user).filter(pair__isnull=False)
    telling = ClusterMember.objects.filter(
        passage__in=waiting.values("pair__left"), cluster__members__passage__in=waiting.values("pair__right")
    )
    return Cluster.objects.filter(pk__in=telling.values("cluster"))


#: States in which an item asks people, or will ask them again.
ASKING = (Item.State.OPEN, Item.State.REVISING)


def may_see_decisions(user: Any, role: Role | None, item: Item) -> bool:
    """Whether others' decisions on an item may be shown to this person.

    Reviewers and above, once they have answered themselves or the item asks nobody any more.
    """
    if not allows(role, "see_decisions"):
        return False
    if item.state not in ASKING:
        return True
    mine = Decision.objects.standing().filter(item=item, user=user, event=Decision.Event.DECIDE)
    return mine.filter(round=item.round).exists()


def visible_decisions(user: Any, role: Role | None, items: Iterable[Item]) -> list[Decision]:
    """The events on these items that this person may see: their own always, others' as `may_see_decisions` says."""
    items = list(items)
    open_to_me = [item.pk for item in items if may_see_decisions(user, role, item)]
    events = Decision.objects.filter(item__in=items).select_related("user", "text_version", "undone_by")
    return [event for event in events if event.user_id == user.pk or event.item_id in open_to_me]

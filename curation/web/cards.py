"""The table of review cards: for each kind of queue, what it shows and which texts of it can be edited.

What a kind asks stands in `recipe/review/cards.py`, how the form is read in `answering.py`, what a decision does in `actions/review/`. An item is
loaded with all that stands beside it in one query, and never with anything that another person decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, JSONObject, Left, NullIf

from curation import access
from curation.actions.review import Claim, own_contents, subject_of
from curation.actions.review.revisions import NO_MODEL, can_revise
from curation.models import (
    ActiveScorer,
    ClusterMember,
    Decision,
    Document,
    Draft,
    DuplicatePair,
    Item,
    Occurrence,
    Passage,
    Queue,
    Revision,
    Rubric,
    Sample,
    Score,
    Seed,
    TextVersion,
    User,
)
from curation.recipe.review.cards import Card
from curation.recipe.review.diff import Piece, sides
from curation.web.answering import plain, typed_of
from curation.web.chain import Chain, chain_of, loaded
from curation.web.links import link

#: Characters of a neighbour's text that are shown beside an item.
EXCERPT = 220
NEIGHBOURS = 4
#: Characters of a page that are rated: beyond, people no longer read.
PAGE_CHARACTERS = 12_000
#: Ends of paths to rows with a search column, which no card shows.
SEARCHED = ("passage", "sample", "left", "right")

Submitted = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """How one kind is shown and answered: a template, a form, the item's way to a passage."""

    kind: str
    template: str
    related: tuple[str, ...]
    document: str  # the item's path to the document that it comes from
    passage: str = ""  # to the passage beside which scores and neighbours stand; "" where there is none
    fields: Callable[[Shown], list[Field]] = lambda shown: []
    chain: bool = False  # has steps and verdicts of its own, and no scores


@dataclass(frozen=True, slots=True)
class Field:
    """An editable text of the item. `name` is the form's, `text` what stands there before anybody edits."""

    name: str
    label: str
    text: str
    role: str = ""
    typed: str | None = None  # of a draft; None where nothing was typed
    before: str | None = None  # of a text that was revised: what was sent back

    @property
    def value(self) -> str:
        return self.text if self.typed is None else self.typed

    @property
    def is_edited(self) -> bool:
        return plain(self.value) != plain(self.text)

    @property
    def is_revised(self) -> bool:
        return self.before is not None and self.before.strip() != self.text.strip()


@dataclass(slots=True)
class Shown:
    """One item as the review page shows it to one person."""

    item: Item
    sheet: Sheet
    claim: Claim | None = None
    scores: list[dict[str, Any]] = field(default_factory=list)
    scores_hidden: bool = False
    rubrics: list[Rubric] = field(default_factory=list)
    typed: Submitted = field(default_factory=dict)  # draft or refused form: note, text, message-N, ratings
    draft_version: int = 0
    decision: Decision | None = None  # this person's own, in the walk back through a session
    chain: Chain = field(default_factory=Chain)
    earlier: Submitted = field(default_factory=dict)  # a draft on the text before it was revised
    may_revise: bool = False

    @property
    def card(self) -> Card:
        return self.item.queue.card

    @property
    def subject(self) -> Any:
        return subject_of(self.item)

    @property
    def passage(self) -> Passage | None:
        subject = self.subject
        if isinstance(subject, Passage):
            return subject
        if isinstance(subject, Sample):
            return subject.passage or (subject.seed.passage if subject.seed else None)
        return subject.passage if isinstance(subject, Seed) else None

    @property
    def document(self) -> Document | None:
        """What the item comes from; of a pair, what its first passage comes from."""
        subject = self.subject
        if isinstance(subject, Document):
            return subject
        passage = subject.left if isinstance(subject, DuplicatePair) else self.passage
        return passage.document if passage else None

    @property
    def seed_text(self) -> str:
        """What a sample was made from: its passage, its seed, or what it names where neither is here (yet)."""
        if self.passage:
            return self.passage.text
        if self.subject.seed:
            return str(self.subject.seed.text)
        named = self.subject.seed_reference or {}
        return str(named.get("quote") or named.get("text") or "")

    @property
    def page_text(self) -> str:
        """The beginning of a page, as much as one reads of it."""
        return getattr(self.item, "page_text", "") or ""

    @property
    def page_rest(self) -> int:
        """Characters of the page beyond that."""
        return max(0, (self.subject.characters or 0) - PAGE_CHARACTERS)

    @property
    def sides(self) -> tuple[list[Piece], list[Piece]]:
        """The texts of a pair, in pieces."""
        return sides(self.subject.left.text, self.subject.right.text)

    @property
    def fields(self) -> list[Field]:
        return self.sheet.fields(self)

    def with_typed(self, typed: Submitted) -> Shown:
        """The same item with something else typed."""
        return Shown(self.item, self.sheet, typed=typed, chain=self.chain)

    @property
    def is_edited(self) -> bool:
        return any(one.is_edited for one in self.fields)

    @property
    def note(self) -> str:
        return str(self.typed.get("note") or "")

    @property
    def ratings(self) -> dict[str, Any]:
        ratings = self.typed.get("ratings")
        return ratings if isinstance(ratings, dict) else {}

    @property
    def occurrences(self) -> list[dict[str, Any]]:
        return list(getattr(self.item, "occurrences", []))

    @property
    def near(self) -> list[dict[str, Any]]:
        return list(getattr(self.item, "near", []))

    @property
    def represented_by(self) -> dict[str, Any] | None:
        return getattr(self.item, "represented_by", None)

    @property
    def is_revised(self) -> bool:
        return any(one.is_revised for one in self.fields)

    @property
    def earlier_edits(self) -> list[Field]:
        """What this person had typed on the text before it was revised."""
        if not self.earlier or not self.item.round:
            return []
        theirs = Shown(self.item, self.sheet, typed=self.earlier, chain=self.chain)
        return [
            one for one in theirs.fields if one.is_edited and one.value.strip() != (one.before or "").strip()
        ]

    @property
    def no_model(self) -> str:
        """Why nothing can be sent back; empty where it can."""
        return "" if self.may_revise else NO_MODEL

    @property
    def lineage(self) -> list[dict[str, Any]]:
        """From the source down to what is decided about."""
        project, passage, found = self.item.queue.project, self.passage, self.occurrences
        steps: list[dict[str, Any]] = []
        if found:
            source = link("sources:source", project, source=found[0]["source_uuid"])
            steps.append({"kind": "source", "label": found[0]["source"], "url": source})
        kind = self.card.subject
        if self.document:
            document = link("documents:document", project, document=self.document.uuid)
            here = kind == "document"
            steps.append({"kind": "document", "label": str(self.document), "url": document, "here": here})
        if isinstance(self.subject, DuplicatePair):
            other = self.subject.right.document
            place = link("documents:document", project, document=other.uuid)
            steps.append({"kind": "document", "label": str(other), "url": place})
        if passage:
            place = link("passages:passage", project, passage=passage.uuid)
            label = f"Passage {passage.ordinal + 1}"
            steps.append({"kind": "passage", "label": label, "url": place, "here": kind == "passage"})
        if kind in ("seed", "sample"):
            steps.append({"kind": kind, "label": kind.capitalize(), "here": True})
        return steps


# -- Loading -----------------------------------------------------------------------------------------------------


def show(item: Item, user: User, claim: Claim | None = None, typed: Submitted | None = None) -> Shown:
    """An item (with its queue and the queue's project) with text, source, scores, neighbours and draft.

    `typed` (a form that was refused, or what a decision said) goes before this person's draft. Two queries.
    """
    return _shown(item.pk, item.queue, user, claim, typed)


def show_claim(claim: Claim, queue: Queue, user: User, typed: Submitted | None = None) -> Shown:
    """The same of what was just claimed in a queue."""
    return _shown(claim.item_id, queue, user, claim, typed)


def show_decided(decision: Decision, queue: Queue, user: User) -> Shown:
    """An item of this session with what this person concluded."""
    shown = _shown(decision.item_id, queue, user, None, typed_of(decision))
    shown.decision = decision
    return shown


def _shown(item_id: int, queue: Queue, user: User, claim: Claim | None, typed: Submitted | None) -> Shown:
    sheet = SHEETS[queue.kind]
    item = _rows(sheet, user).get(pk=item_id)
    item.queue = queue
    shown = Shown(item, sheet, claim)
    draft = getattr(item, "draft", None) or {}
    shown.draft_version = draft.get("version", 0)
    shown.typed = typed if typed is not None else draft.get("payload", {})
    if shown.card.rubrics:
        shown.rubrics = _rubrics(shown.card, item)
    if sheet.chain:
        _add_chain(shown, user)
    _add_scores(shown, user)
    return shown


def _add_chain(shown: Shown, user: User) -> None:
    """How a sample was made, what else of it can be accepted, and what this person had typed before it was revised."""
    shown.chain = chain_of(shown.item, user)
    shown.may_revise = can_revise(shown.item.queue.project)
    if shown.item.round:
        mine = Draft.objects.filter(item=shown.item, user=user, round__lt=shown.item.round)
        shown.earlier = mine.order_by("-round").values_list("payload", flat=True).first() or {}


def _add_scores(shown: Shown, user: User) -> None:
    """The model's opinion, unless this person has yet to be asked for theirs, here or in another queue."""
    passage, document = shown.passage, shown.document
    if document is None or shown.sheet.chain:
        return
    if shown.card.hides_scores and shown.decision is None and shown.claim is not None:
        shown.scores_hidden = True
        return
    hidden = access.hidden_levels(user, passage.pk if passage else None, document.pk)
    shown.scores_hidden = ("passage" if passage else "document") in hidden
    if not shown.scores_hidden:
        found = (score for score in getattr(shown.item, "scores", []))
        shown.scores = sorted(
            ({**score, "meaning": _meaning(score)} for score in found if score["level"] not in hidden),
            key=lambda score: score["order"],
        )


def _meaning(score: Mapping[str, Any]) -> str:
    anchors = score.get("anchors") or []
    place = round(score["value"])
    said = f"{place}: {anchors[place]}" if place < len(anchors) else ""
    return (
        f"{said} ({score['scorer']}-{score['version']})" if said else f"{score['scorer']}-{score['version']}"
    )


def _rubrics(card: Card, item: Item) -> list[Rubric]:
    """The card's rubrics in its order; the project's own before ours, a bare one where neither is there yet."""
    found: dict[str, Rubric] = {}
    rows = Rubric.objects.filter(
        Q(project=None) | Q(project=item.queue.project_id), key__in=card.rubrics
    ).order_by(F("project").asc(nulls_first=True))
    for rubric in rows:
        found[rubric.key] = rubric
    return [found.get(key) or Rubric(key=key, name=key.capitalize()) for key in card.rubrics]


def _rows(sheet: Sheet, user: User) -> QuerySet[Item]:
    mine = Draft.objects.filter(item=OuterRef("pk"), user=user, round=OuterRef("round"))
    rows = (
        Item.objects.select_related(*sheet.related)
        .defer(*(f"{path}__search" for path in sheet.related if path.endswith(SEARCHED)))
        .annotate(
            draft=Subquery(mine.values(json=JSONObject(payload="payload", version="version"))[:1]),
            occurrences=_occurrences(sheet.document),
        )
    )
    if sheet.passage:
        rows = rows.annotate(near=_near(sheet.passage), represented_by=_represented_by(sheet.passage))
    elif sheet.kind == "pages":
        rows = rows.annotate(page_text=Left("document__extraction__text", PAGE_CHARACTERS))
    if sheet.chain:
        return rows.annotate(**loaded("sample"))
    return rows.annotate(scores=_scores(sheet))


def _occurrences(document: str) -> ArraySubquery:
    rows = Occurrence.objects.filter(document=OuterRef(document), source__withdrawn_at=None)
    return ArraySubquery(
        rows.order_by("id").values(
            json=JSONObject(
                source="source__name",
                source_uuid="source__uuid",
                kind="source__kind",
                licence=Coalesce(NullIf("licence", Value("")), "source__licence"),
                address="address",
            )
        )[:5]
    )


def _scores(sheet: Sheet) -> ArraySubquery:
    """Active scorers' scores of the passage, where there is one, and of its document."""
    active = ActiveScorer.objects.filter(project=OuterRef(OuterRef("queue__project"))).values("scorer")
    about = Q(document=OuterRef(sheet.document))
    if sheet.passage:
        about |= Q(passage=OuterRef(sheet.passage))
    rows = Score.objects.filter(about, scorer__in=active)
    return ArraySubquery(
        rows.values(
            json=JSONObject(
                order="scorer__rubric",
                name="scorer__rubric__name",
                level="scorer__rubric__level",
                anchors="scorer__rubric__anchors",
                scorer="scorer__name",
                version="scorer__version",
                value="value",
            )
        )
    )


def _near(passage: str) -> ArraySubquery:
    """What this passage stands for: the other members of the cluster it represents."""
    rows = ClusterMember.objects.filter(cluster__representative=OuterRef(passage)).exclude(
        passage=OuterRef(passage)
    )
    return ArraySubquery(
        rows.order_by("-similarity").values(
            json=JSONObject(
                similarity="similarity",
                uuid="passage__uuid",
                text=Left("passage__text", EXCERPT),
                document="passage__document__title",
            )
        )[:NEIGHBOURS]
    )


def _represented_by(passage: str) -> Subquery:
    """The representative of its cluster, where this passage is another member."""
    rows = ClusterMember.objects.filter(passage=OuterRef(passage)).exclude(
        cluster__representative=OuterRef(passage)
    )
    return Subquery(
        rows.order_by("-similarity").values(
            json=JSONObject(
                similarity="similarity",
                uuid="cluster__representative__uuid",
                text=Left("cluster__representative__text", EXCERPT),
                document="cluster__representative__document__title",
            )
        )[:1]
    )


# -- Forms -------------------------------------------------------------------------------------------------------


def _seed_fields(shown: Shown) -> list[Field]:
    seed = shown.subject
    stood = seed.original_text if shown.decision else seed.current_text
    return [Field("text", "Text", stood, typed=_typed(shown, "text"))]


def _sample_fields(shown: Shown) -> list[Field]:
    """One field per message, or one for a plain text; of a revised one with what was sent back."""
    sample, version = shown.subject, _stood(shown)
    contents = own_contents(version or sample)
    before = _sent_back(shown) or (None,) * len(contents)
    if not sample.messages:
        return [Field("text", "Text", contents[0], typed=_typed(shown, "text"), before=before[0])]
    return [
        Field(
            f"message-{at}",
            message["role"].capitalize(),
            contents[at],
            message["role"],
            _typed(shown, f"message-{at}"),
            before[at],
        )
        for at, message in enumerate(sample.messages)
    ]


def _stood(shown: Shown) -> TextVersion | None:
    """The version that was on screen: that of the item's last revision, and in the walk back that of the decision's round."""
    if shown.decision is None:
        return shown.item.text_version or shown.subject.text_version
    if shown.decision.round == shown.item.round:
        return shown.item.text_version
    made = Revision.objects.filter(item=shown.item, state=Revision.State.MADE).select_related("text_version")
    return made[shown.decision.round - 1].text_version if shown.decision.round else None


def _sent_back(shown: Shown) -> tuple[str, ...] | None:
    """What stood there before the revision that is asked about."""
    revised = shown.chain.revised
    if revised is None or shown.decision is not None:
        return None
    return own_contents(revised.before or shown.subject)


def _typed(shown: Shown, name: str) -> str | None:
    value = shown.typed.get(name)
    return value if isinstance(value, str) else None


SHEETS: dict[str, Sheet] = {
    "seeds": Sheet(
        "seeds",
        "review/_seed.html",
        document="seed__passage__document",
        passage="seed__passage",
        related=("seed__passage", "seed__passage__document", "seed__text_version"),
        fields=_seed_fields,
    ),
    "scores": Sheet(
        "scores",
        "review/_score.html",
        document="passage__document",
        passage="passage",
        related=("passage", "passage__document"),
    ),
    "pages": Sheet(
        "pages",
        "review/_page.html",
        document="document",
        related=("document",),
    ),
    "pairs": Sheet(
        "pairs",
        "review/_pair.html",
        document="pair__left__document",
        related=("pair", "pair__left", "pair__left__document", "pair__right", "pair__right__document"),
    ),
    "samples": Sheet(
        "samples",
        "review/_sample.html",
        document="sample__passage__document",
        passage="sample__passage",
        chain=True,
        related=(
            "text_version",
            "sample",
            "sample__source",
            "sample__passage",
            "sample__passage__document",
            "sample__seed__passage",
            "sample__text_version",
        ),
        fields=_sample_fields,
    ),
}

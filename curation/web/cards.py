"""The table of review cards: for each kind of queue, what it shows and how its form is read.

What a kind asks stands in `recipe/review/cards.py`, what a decision does in `actions/review/`. An item is
loaded with all that stands beside it in one query, and never with anything that another person decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, JSONObject, Left, NullIf
from django.http import QueryDict

from curation import access
from curation.actions.review import Answer, Claim, NotAsked, subject_of
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
    Rubric,
    Sample,
    SampleStep,
    Score,
    Seed,
    User,
    Verdict,
)
from curation.recipe.review.cards import Card
from curation.recipe.review.diff import Piece, sides
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

    @property
    def value(self) -> str:
        return self.text if self.typed is None else self.typed

    @property
    def is_edited(self) -> bool:
        return plain(self.value) != plain(self.text)


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
    def steps(self) -> list[dict[str, Any]]:
        """The sample's chain, each revision with the text it revised."""
        before = ""
        steps = []
        for step in getattr(self.item, "steps", []):
            revised = before if step["kind"] == "revision" else ""
            steps.append({**step, "revised": revised})
            if step["kind"] in ("draft", "revision") and step["output"]:
                before = step["output"]
        return steps

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

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        return list(getattr(self.item, "verdicts", []))


def plain(text: str) -> str:
    """With the line ends that a browser's form would send back as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
    _add_scores(shown, user)
    return shown


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
    mine = Draft.objects.filter(item=OuterRef("pk"), user=user)
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
        return rows.annotate(steps=_steps(), verdicts=_verdicts())
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


def _steps() -> ArraySubquery:
    names = ("kind", "name", "prompt", "prompt_version", "model", "output", "scores")
    rows = SampleStep.objects.filter(sample=OuterRef("sample")).order_by("ordinal")
    return ArraySubquery(rows.values(json=JSONObject(**{name: name for name in names})))


def _verdicts() -> ArraySubquery:
    names = ("kind", "judge", "outcome", "scores", "evidence")
    rows = Verdict.objects.filter(sample=OuterRef("sample")).order_by("ordinal")
    return ArraySubquery(rows.values(json=JSONObject(**{name: name for name in names})))


# -- Forms -------------------------------------------------------------------------------------------------------


def _seed_fields(shown: Shown) -> list[Field]:
    seed = shown.subject
    stood = seed.original_text if shown.decision else seed.current_text
    return [Field("text", "Text", stood, typed=_typed(shown, "text"))]


def _sample_fields(shown: Shown) -> list[Field]:
    """One field per message, or one for a plain text."""
    sample = shown.subject
    version = None if shown.decision else sample.text_version
    messages = (version.messages if version else None) or sample.messages
    if not messages:
        text = version.text if version else sample.text
        return [Field("text", "Text", text, typed=_typed(shown, "text"))]
    return [
        Field(
            f"message-{at}",
            message["role"].capitalize(),
            message["content"],
            message["role"],
            _typed(shown, f"message-{at}"),
        )
        for at, message in enumerate(messages)
    ]


def _typed(shown: Shown, name: str) -> str | None:
    value = shown.typed.get(name)
    return value if isinstance(value, str) else None


def typed_in(form: QueryDict) -> dict[str, Any]:
    """What a person has typed or chosen, as drafts keep it: texts, note, ratings."""
    typed: dict[str, Any] = {
        name: plain(str(form[name]))
        for name in form
        if name in ("text", "note") or name.startswith("message-")
    }
    ratings = {
        name.removeprefix("rating-"): int(str(form[name]))
        for name in form
        if name.startswith("rating-") and str(form[name]).isdigit()
    }
    return typed | ({"ratings": ratings} if ratings else {})


def typed_of(decision: Decision) -> dict[str, Any]:
    """The same of a decision: an undone one is shown as it was entered."""
    typed: dict[str, Any] = {"note": decision.note}
    if decision.ratings:
        typed["ratings"] = decision.ratings
    version = decision.text_version
    if version is None:
        return typed
    if version.messages:
        return typed | {f"message-{at}": said["content"] for at, said in enumerate(version.messages)}
    return typed | {"text": version.text}


def answer_of(shown: Shown, form: QueryDict) -> Answer:
    """The form as an answer. An edit is one only where it changes the text that was on screen.

    Raises NotAsked when the seconds or ratings are no numbers.
    """
    verdict, _, reason = form.get("action", "").partition(":")
    typed = typed_in(form)
    edited = [one for one in _with_typed(shown, typed) if one.is_edited] if verdict == "accept" else []
    messages = None
    if edited and edited[0].role:
        messages = [{"role": one.role, "content": one.value} for one in _with_typed(shown, typed)]
    return Answer(
        verdict=verdict,
        reason=reason or form.get("reason", ""),
        ratings=typed.get("ratings", {}) if verdict == "rate" else {},
        note=str(typed.get("note", "")).strip(),
        text=edited[0].value if edited and messages is None else None,
        messages=messages,
        seconds=seconds_in(form),
    )


def _with_typed(shown: Shown, typed: Submitted) -> list[Field]:
    return Shown(shown.item, shown.sheet, typed=typed).fields


def seconds_in(form: QueryDict) -> float | None:
    """Seconds of attention as the page measured them; None without script. Raises NotAsked."""
    if not form.get("seconds"):
        return None
    try:
        return float(str(form["seconds"]))
    except ValueError:
        raise NotAsked("The seconds of attention are not a number.") from None


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

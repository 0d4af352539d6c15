"""An answer to a card: whether it fits the question, and the text version that an edit makes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from curation.actions.review.errors import NotAsked
from curation.actions.review.texts import own_contents, text_named, turns
from curation.models import Document, DuplicatePair, Item, Queue, Rubric, Sample, Seed, TextVersion, User

LONGEST_NOTE = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person concluded. `text` or `messages` is the edited text they accept; None leaves it as it stands. `revision` accepts
    another text of the sample's chain, by its key (`texts.Text`)."""

    verdict: str
    reason: str = ""
    ratings: dict[str, int] = field(default_factory=dict)
    note: str = ""
    text: str | None = None
    messages: list[dict[str, str]] | None = None
    revision: str = ""
    seconds: float | None = None


def check(queue: Queue, answer: Answer) -> None:
    """Raise NotAsked unless the answer fits what the queue asks."""
    card = queue.card
    if answer.verdict not in card.verdicts:
        raise NotAsked(f"A {card.kind} queue asks for {' or '.join(card.verdicts)}, not {answer.verdict!r}.")
    if answer.verdict == "reject":
        known = [reason.key for reason in card.reject_reasons]
        if answer.reason not in known:
            raise NotAsked(f"Give a reason for rejecting: one of {', '.join(known)}.")
        if answer.reason == "other" and not answer.note.strip():
            raise NotAsked("Say in the note what the other reason is.")
    if answer.verdict == "rate":
        highest = _scales(queue)
        for rubric in card.rubrics:
            rating = answer.ratings.get(rubric)
            top = highest.get(rubric, 5)
            if isinstance(rating, bool) or not isinstance(rating, int) or not 0 <= rating <= top:
                raise NotAsked(f"Rate {rubric} value from 0 to {top}.")
        if unknown := set(answer.ratings) - set(card.rubrics):
            raise NotAsked(f"This queue does not ask for {', '.join(sorted(unknown))}.")
    if answer.verdict != "accept" and (
        answer.text is not None or answer.messages is not None or answer.revision
    ):
        raise NotAsked("An edited text goes with accepting it.")
    if answer.revision and (
        card.subject != "sample" or answer.text is not None or answer.messages is not None
    ):
        raise NotAsked("Accept an earlier revision as it is, or edit the text; not both at once.")


def _scales(queue: Queue) -> dict[str, int]:
    """The top of each rubric's scale, where the queue asks for rubrics of its own; ours all end at 5."""
    if not queue.rubrics:
        return {}
    rows = Rubric.objects.filter(project=queue.project_id, key__in=queue.rubrics)
    return dict(rows.values_list("key", "highest"))


def subject_of(item: Item) -> Seed | Sample | Any:
    """The page, passage, pair, seed or sample that an item is about."""
    return getattr(item, item.queue.card.subject)


def subject_sha256(item: Item) -> str:
    """The hash of the text that was on screen; of a pair, that of both."""
    subject = subject_of(item)
    if isinstance(subject, Document):
        return subject.extraction.text_sha256 if subject.extraction else ""
    if isinstance(subject, DuplicatePair):
        both = subject.left.text_sha256 + subject.right.text_sha256
        return hashlib.sha256(both.encode()).hexdigest()
    version = item.text_version or getattr(subject, "text_version", None)
    return version.sha256 if version else subject.text_sha256


def edited(user: User, item: Item, answer: Answer) -> TextVersion | None:
    """The text version that an answer stands for: that of an edit, made here, or of a revision; None for the subject's own text.

    Raises NotAsked for an empty text.
    """
    subject = subject_of(item)
    if isinstance(subject, Seed):
        return _new_version(user, item, {"seed": subject}, subject.original_text, answer.text)
    if isinstance(subject, Sample):
        return _of_sample(user, item, subject, answer)
    return None


def _of_sample(user: User, item: Item, sample: Sample, answer: Answer) -> TextVersion | None:
    contents = _contents(item, sample, answer)
    if contents is None:
        return item.text_version if answer.verdict == "accept" else None
    if contents == own_contents(sample):
        return None
    if item.text_version and contents == own_contents(item.text_version):
        return item.text_version
    if not sample.messages:
        return _new_version(user, item, {"sample": sample}, None, contents[0])
    return _new_version(user, item, {"sample": sample}, None, "\n\n".join(contents), turns(sample, contents))


def _contents(item: Item, sample: Sample, answer: Answer) -> tuple[str, ...] | None:
    """What the sample's messages, or its text, would say; None where it stays as it stands."""
    if answer.revision:
        named = text_named(item, answer.revision)
        if named is None:
            raise NotAsked("This sample has no such revision. Open the item again.")
        return named.contents
    messages = _edited_messages(item, sample, answer)
    if messages is not None:
        return tuple(message["content"] for message in messages)
    return None if answer.text is None or sample.messages else (answer.text,)


def _edited_messages(item: Item, sample: Sample, answer: Answer) -> list[dict[str, str]] | None:
    """The messages as edited: given whole, or `text` as the new content of the last one."""
    if not sample.messages:
        if answer.messages is not None:
            raise NotAsked("This sample is plain text; send `text`.")
        return None
    if answer.messages is not None:
        before = [message["role"] for message in sample.messages]
        if [message.get("role") for message in answer.messages] != before:
            raise NotAsked("An edit keeps the number and the roles of the messages.")
        if not all(str(message.get("content", "")).strip() for message in answer.messages):
            raise NotAsked("A message cannot be empty. Reject the sample instead.")
        return [
            {**old, "content": str(new["content"])}
            for old, new in zip(sample.messages, answer.messages, strict=True)
        ]
    if answer.text is not None:
        if not answer.text.strip():
            raise NotAsked("A message cannot be empty. Reject the sample instead.")
        stands = (item.text_version and item.text_version.messages) or sample.messages
        return [*stands[:-1], {**stands[-1], "content": answer.text}]
    return None


def _new_version(
    user: User,
    item: Item,
    subject: dict[str, Any],
    before: str | None,
    text: str | None,
    messages: list[dict[str, str]] | None = None,
) -> TextVersion | None:
    if text is None:
        return None
    text = text.replace("\r\n", "\n").replace("\x00", "")
    if text == before:
        return None
    if not text.strip():
        raise NotAsked("The text cannot be empty. Reject the item instead.")
    content = json.dumps(messages, sort_keys=True, ensure_ascii=False) if messages else text
    return TextVersion.objects.create(
        project_id=item.queue.project_id,
        author=user,
        text=text,
        messages=messages,
        sha256=hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest(),
        **subject,
    )

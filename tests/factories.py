"""The least that works of every noun. Each function makes what it needs around it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import count
from typing import Any

from django.utils import timezone

from curation.actions import review
from curation.models import (
    ActiveScorer,
    Document,
    DuplicatePair,
    Extraction,
    Import,
    Item,
    Membership,
    Occurrence,
    Passage,
    Project,
    Queue,
    Rubric,
    Sample,
    Scorer,
    Seed,
    Slot,
    Source,
    StoredFile,
    User,
)
from curation.recipe.review.cards import CARDS
from curation.recipe.text.normalise import normal_hash

_numbers = count(1)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def a_user(email: str = "", **fields: Any) -> User:
    return User.objects.create_user(email or f"person{next(_numbers)}@example.org", "correct horse", **fields)


def an_admin(email: str = "") -> User:
    return a_user(email, is_superuser=True)


def a_project(slug: str = "", **fields: Any) -> Project:
    slug = slug or f"project-{next(_numbers)}"
    return Project.objects.create(
        slug=slug, name=fields.pop("name", slug.replace("-", " ").title()), **fields
    )


def a_member(project: Project, role: str = "annotator", email: str = "") -> User:
    user = a_user(email)
    Membership.objects.create(project=project, user=user, role=role)
    return user


def a_source(project: Project, name: str = "", **fields: Any) -> Source:
    return Source.objects.create(project=project, name=name or f"Source {next(_numbers)}", **fields)


def an_import(source: Source, **fields: Any) -> Import:
    return Import.objects.create(project=source.project, source=source, **fields)


def a_document(
    project: Project, text: str = "", source: Source | None = None, extracted: bool = True, **fields: Any
) -> Document:
    """A document with one occurrence and, unless told otherwise, its extraction."""
    number = next(_numbers)
    text = text or f"Document {number}. Water boils at 100 °C at sea level, and lower on mountains."
    source = source or project.sources.first() or a_source(project)
    batch = source.imports.first() or an_import(source)
    content = text.encode()
    stored, _ = StoredFile.objects.get_or_create(
        sha256=hashlib.sha256(content).hexdigest(), defaults={"size": len(content), "path": f"none/{number}"}
    )
    document = _document(number, stored, batch, **fields)
    document.save()
    Occurrence.objects.create(
        document=document, source=source, batch=batch, stored_file=stored, file=f"{number}.txt"
    )
    if extracted:
        document.extraction = _extraction(document, text)
        document.extraction.save()
        document.language, document.characters = "en", len(text)
        document.save()
    return document


def _document(number: int, stored: StoredFile, batch: Import, **fields: Any) -> Document:
    return Document(
        **{
            "project": batch.project,
            "sha256": stored.sha256,
            "title": f"Document {number}",
            "media_type": "text/plain",
            "size": stored.size,
            "stored_file": stored,
            "first_import": batch,
            **fields,
        }
    )


def _extraction(document: Document, text: str, **fields: Any) -> Extraction:
    return Extraction(
        document=document,
        extractor="text/1",
        text=text,
        text_sha256=sha256(text),
        title=document.title,
        language="en",
        characters=len(text),
        **fields,
    )


def a_passage(project: Project, text: str = "", document: Document | None = None, **fields: Any) -> Passage:
    """A passage that is the whole of its document, unless a document is given."""
    text = text or f"Passage {next(_numbers)}. Ice floats because it is less dense than water."
    document = document or a_document(project, text)
    assert document.extraction is not None
    made = passage_of(document, text, **{"ordinal": document.extraction.passages.count(), **fields})
    made.save()
    return made


def passage_of(document: Document, text: str, **fields: Any) -> Passage:
    """A passage of an extracted document, not saved yet."""
    extraction = document.extraction
    assert extraction is not None
    start = max(extraction.text.find(text), 0)
    return Passage(
        **{
            "project": document.project,
            "document": document,
            "extraction": extraction,
            "start": start,
            "end": start + len(text),
            "text": text,
            "text_sha256": sha256(text),
            "tokens": len(text.split()),
            "language": "en",
            **fields,
        }
    )


def a_seed(project: Project, text: str = "", **fields: Any) -> Seed:
    passage = fields.pop("passage", None) or a_passage(project, text)
    return Seed.objects.create(project=project, passage=passage, text_sha256=passage.text_sha256, **fields)


def a_sample(project: Project, question: str = "", answer: str = "", **fields: Any) -> Sample:
    number = next(_numbers)
    messages = [
        {"role": "user", "content": question or f"What is {number} plus one?"},
        {"role": "assistant", "content": answer or f"{number + 1}"},
    ]
    text = "\n\n".join(message["content"] for message in messages)
    source = fields.pop("source", None) or project.sources.first() or a_source(project, kind="synthetic")
    return Sample.objects.create(
        **{
            "project": project,
            "source": source,
            "batch": source.imports.first() or an_import(source, what="samples"),
            "external_id": f"sample-{number}",
            "messages": messages,
            "text": text,
            "text_sha256": sha256(text),
            "title": messages[0]["content"][:300],
            **fields,
        }
    )


def a_queue(project: Project, kind: str = "seeds", **fields: Any) -> Queue:
    return Queue.objects.create(
        project=project, kind=kind, name=fields.pop("name", f"{kind.title()} {next(_numbers)}"), **fields
    )


def a_pair(project: Project, left: str = "", right: str = "", **fields: Any) -> DuplicatePair:
    """Two passages that were found close."""
    both = sorted((a_passage(project, left), a_passage(project, right)), key=lambda one: one.pk)
    return DuplicatePair.objects.create(
        **{"project": project, "left": both[0], "right": both[1], "cosine": 0.93, **fields}
    )


def an_item(queue: Queue, subject: Any = None, position: int | None = None) -> Item:
    """An item with its slots; the subject is made when none is given."""
    makers = {
        "seeds": a_seed,
        "pages": a_document,
        "scores": a_passage,
        "pairs": a_pair,
        "samples": a_sample,
    }
    subject = subject or makers[queue.kind](queue.project)
    place = queue.items.count() if position is None else position
    item = Item.objects.create(
        queue=queue, position=place, wanted=queue.wanted, **{CARDS[queue.kind].subject: subject}
    )
    Slot.objects.bulk_create(
        Slot(item=item, queue=queue, number=number, position=place) for number in range(1, queue.wanted + 1)
    )
    return item


def a_kept_document(project: Project, text: str = "", **fields: Any) -> Document:
    """A document that went through every step and was kept."""
    return a_document(project, text, **{"assessed_at": timezone.now(), **fields})


def kept_documents(project: Project, texts: Sequence[str], **fields: Any) -> list[Document]:
    """As many documents that were kept, in a handful of statements."""
    source = project.sources.first() or a_source(project)
    batch = source.imports.first() or an_import(source)
    numbers = [next(_numbers) for _ in texts]
    files = StoredFile.objects.bulk_create(
        StoredFile(sha256=sha256(text), size=len(text.encode()), path=f"none/{number}")
        for number, text in zip(numbers, texts, strict=True)
    )
    assessed = {"assessed_at": timezone.now(), "language": "en", **fields}
    documents = Document.objects.bulk_create(
        _document(number, file, batch, characters=len(text), **assessed)
        for number, text, file in zip(numbers, texts, files, strict=True)
    )
    Occurrence.objects.bulk_create(
        Occurrence(
            document=one, source=source, batch=batch, stored_file=one.stored_file, file=f"{number}.txt"
        )
        for number, one in zip(numbers, documents, strict=True)
    )
    extractions = Extraction.objects.bulk_create(
        _extraction(one, text, normal_sha256=normal_hash(text))
        for one, text in zip(documents, texts, strict=True)
    )
    for document, extraction in zip(documents, extractions, strict=True):
        document.extraction = extraction
    Document.objects.bulk_update(documents, ["extraction"])
    return documents


def a_kept_passage(project: Project, text: str = "", **fields: Any) -> Passage:
    """A passage of such a document."""
    document = fields.pop("document", None) or a_kept_document(project, text)
    return a_passage(project, text, document=document, **fields)


def an_active_scorer(project: Project, key: str = "educational", level: str = "document") -> Scorer:
    """The starter scorer of one of our rubrics, active in the project."""
    rubric, _ = Rubric.objects.get_or_create(
        project=None, key=key, defaults={"name": key, "level": level, "question": "?"}
    )
    scorer, _ = Scorer.objects.get_or_create(rubric=rubric, name="starter", version="1")
    ActiveScorer.objects.get_or_create(project=project, rubric=rubric, defaults={"scorer": scorer})
    return scorer


def decided(subject: Any, *verdicts: str, wanted: int | None = None, **answer: Any) -> Item:
    """An item about the subject with these decisions (accept, reject, rate or flag), each by another person."""
    kind = {Seed: "seeds", Sample: "samples", Passage: "scores"}[type(subject)]
    queue = a_queue(subject.project, kind, wanted=wanted or len(verdicts))
    item = an_item(queue, subject)
    for verdict in verdicts:
        user = a_user()
        claim = review.claim(queue, user)
        assert claim is not None
        if verdict == "flag":
            review.flag(user, item, claim.lease)
            continue
        reason = {"reject": "other"}.get(verdict, "")
        ratings = {"factual": 3, "reasoning": 3} if verdict == "rate" else {}
        review.decide(
            user,
            item,
            claim.lease,
            review.Answer(verdict, reason=reason, note="so", ratings=ratings, **answer),
        )
    item.refresh_from_db()
    subject.refresh_from_db()
    return item

"""Lineage: what a row was made from and what was made of it, in a bounded number of queries.

source ← document ← extraction ← passage ← seed ← sample → snapshots that hold it. Every function returns nodes from the
oldest to the youngest. A node is one row (`uuid`), or a number of rows (`count`) that a list of `kind`, narrowed
by `within`, shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from curation.models.document import Document
from curation.models.passage import Passage
from curation.models.sample import Sample
from curation.models.seed import Seed
from curation.models.snapshot import Snapshot, SnapshotRow
from curation.models.source import Source

#: Rows of one kind that are counted; more are "more than".
MOST = 99
#: Passages of a document whose snapshots are looked up.
MOST_PASSAGES = 2_000


@dataclass(frozen=True, slots=True)
class Node:
    kind: str
    label: str
    uuid: UUID | None = None
    here: bool = False
    count: int = 0
    within: tuple[str, UUID] | None = None
    gone: bool = False  # withdrawn or archived


def of_document(document: Document) -> list[Node]:
    """At most three queries, besides those for relations that the caller did not select."""
    below = _below_document(document)
    return [
        *_sources(document.pk),
        _document(document, here=True),
        *_extraction(document),
        *_counted("passage", "passages", below["passages"], ("document", document.uuid)),
        *_counted("seed", "seeds", below["seeds"], ("document", document.uuid)),
        *_counted("sample", "samples", below["samples"], ("document", document.uuid)),
        *_snapshots([document.uuid, *below["uuids"]]),
    ]


def of_passage(passage: Passage) -> list[Node]:
    """At most four queries."""
    seeds = list(passage.seeds.only("uuid", "state")[:1])
    samples, made = _samples(Q(passage=passage) | Q(seed__in=seeds), ("passage", passage.uuid))
    return [
        *_sources(passage.document_id),
        _document(passage.document),
        _passage(passage, here=True),
        *[_seed(seed) for seed in seeds],
        *samples,
        *_snapshots([passage.uuid, *[seed.uuid for seed in seeds], *made]),
    ]


def of_seed(seed: Seed) -> list[Node]:
    """At most three queries."""
    samples, made = _samples(Q(seed=seed), ("seed", seed.uuid))
    return [
        *_above(seed.passage),
        _seed(seed, here=True),
        *samples,
        *_snapshots([seed.uuid, *made]),
    ]


def of_sample(sample: Sample) -> list[Node]:
    """At most two queries. A sample that stands on nothing of ours comes from the source it was imported into."""
    seed = sample.seed
    passage = sample.passage or (seed.passage if seed else None)
    above = _above(passage) if passage else [_source(sample.source)]
    return [
        *above,
        *([_seed(seed)] if seed else []),
        Node("sample", sample.title or sample.external_id, sample.uuid, here=True),
        *_snapshots([sample.uuid]),
    ]


def _above(passage: Passage | None) -> list[Node]:
    if passage is None:
        return []
    return [*_sources(passage.document_id), _document(passage.document), _passage(passage)]


def _sources(document: int) -> list[Node]:
    """The first source it was found in, with the number of others."""
    found = list(Source.objects.filter(occurrences__document=document).distinct().order_by("id")[: MOST + 1])
    if not found:
        return []
    others = f"{MOST}+" if len(found) > MOST else str(len(found) - 1)
    first = _source(found[0])
    return [first if len(found) == 1 else replace(first, label=f"{first.label} and {others} more")]


def _source(source: Source) -> Node:
    return Node("source", source.name, source.uuid, gone=bool(source.withdrawn_at or source.archived_at))


def _document(document: Document, *, here: bool = False) -> Node:
    return Node("document", str(document), document.uuid, here=here, gone=bool(document.withdrawn_at))


def _extraction(document: Document) -> list[Node]:
    return [Node("extraction", document.extraction.extractor)] if document.extraction else []


def _passage(passage: Passage, *, here: bool = False) -> Node:
    label = passage.heading or f"Passage {passage.ordinal + 1}"
    return Node("passage", label, passage.uuid, here=here, gone=passage.left_out == "withdrawn")


def _seed(seed: Seed, *, here: bool = False) -> Node:
    return Node(
        "seed",
        f"Seed, {seed.get_state_display().lower()}",
        seed.uuid,
        here=here,
        gone=seed.state == Seed.State.WITHDRAWN,
    )


def _samples(where: Q, within: tuple[str, UUID]) -> tuple[list[Node], list[UUID]]:
    """The one sample by name, several as a number; and the ids of those that were counted."""
    rows = Sample.objects.filter(where).only("uuid", "title", "external_id", "state")
    found = list(rows.order_by("-id")[: MOST + 1])
    ids = [sample.uuid for sample in found]
    if len(found) == 1:
        [sample] = found
        gone = sample.state == Sample.State.WITHDRAWN
        return [Node("sample", str(sample), sample.uuid, gone=gone)], ids
    return _counted("sample", "samples", len(found), within), ids


def _counted(kind: str, word: str, count: int, within: tuple[str, UUID]) -> list[Node]:
    word = word.removesuffix("s") if count == 1 else word
    said = f"more than {MOST}" if kind == "sample" and count > MOST else f"{count:,}"
    return [Node(kind, f"{said} {word}", count=count, within=within)] if count else []


def _snapshots(subjects: Iterable[UUID | None]) -> list[Node]:
    """The snapshot that holds any of these rows by name; several as a number."""
    held = SnapshotRow.objects.filter(subject_uuid__in=[uuid for uuid in subjects if uuid])
    rows = Snapshot.objects.filter(pk__in=held.values("snapshot")).only("uuid", "what", "created_at")
    found = list(rows.order_by("-id")[: MOST + 1])
    if len(found) == 1:
        return [Node("snapshot", str(found[0]), found[0].uuid)]
    said = f"more than {MOST}" if len(found) > MOST else str(len(found))
    return [Node("snapshot", f"{said} snapshots", count=len(found))] if found else []


_BELOW_DOCUMENT = """
    WITH mine AS (SELECT id, uuid FROM curation_passage WHERE document_id = %(document)s ORDER BY id),
         chosen AS (SELECT s.id, s.uuid FROM curation_seed s JOIN mine ON mine.id = s.passage_id),
         made AS (SELECT id, uuid FROM curation_sample WHERE passage_id IN (SELECT id FROM mine)
                   UNION SELECT id, uuid FROM curation_sample WHERE seed_id IN (SELECT id FROM chosen))
    SELECT (SELECT count(*) FROM mine), (SELECT count(*) FROM chosen), (SELECT count(*) FROM made),
           ARRAY(SELECT uuid FROM (SELECT uuid FROM mine UNION ALL SELECT uuid FROM chosen
                                   UNION ALL SELECT uuid FROM made) every LIMIT %(most)s)
"""


def _below_document(document: Document) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(_BELOW_DOCUMENT, {"document": document.pk, "most": MOST_PASSAGES})
        passages, seeds, samples, uuids = cursor.fetchone()
    return {"passages": passages, "seeds": seeds, "samples": samples, "uuids": uuids}

"""Lineage: what a row was made from and what was made of it, in a bounded number of queries.

source ← document ← extraction ← passage ← seed ← sample → snapshots that hold it. Every function returns nodes from the
oldest to the youngest. A node is one row (`uuid`), or a number of rows (`count`) that a list of `kind`, narrowed
by `within`, shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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

#: Rows of one kind that are named one by one; more are given as a number.
NAMED = 3
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
    seeds = list(passage.seeds.only("uuid", "state")[:NAMED])
    samples = _samples(Q(passage=passage) | Q(seed__in=seeds), ("passage", passage.uuid))
    return [
        *_sources(passage.document_id),
        _document(passage.document),
        _passage(passage, here=True),
        *[_seed(seed) for seed in seeds],
        *samples,
        *_snapshots([passage.uuid, *[seed.uuid for seed in seeds], *[node.uuid for node in samples]]),
    ]


def of_seed(seed: Seed) -> list[Node]:
    """At most three queries."""
    samples = _samples(Q(seed=seed), ("seed", seed.uuid))
    return [
        *_above(seed.passage),
        _seed(seed, here=True),
        *samples,
        *_snapshots([seed.uuid, *[node.uuid for node in samples]]),
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
    found = list(Source.objects.filter(occurrences__document=document).distinct().order_by("id")[: NAMED + 1])
    return [_source(source) for source in found[:NAMED]] + (
        [Node("source", "and more")] if len(found) > NAMED else []
    )


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


def _samples(where: Q, within: tuple[str, UUID]) -> list[Node]:
    """The youngest samples, each by name; as one number when there are many."""
    found = list(
        Sample.objects.filter(where)
        .only("uuid", "title", "external_id", "state")
        .order_by("-id")[: NAMED + 1]
    )
    if len(found) > NAMED:
        return _counted("sample", "samples", Sample.objects.filter(where).count(), within)
    return [
        Node("sample", str(sample), sample.uuid, gone=sample.state == Sample.State.WITHDRAWN)
        for sample in found
    ]


def _counted(kind: str, word: str, count: int, within: tuple[str, UUID]) -> list[Node]:
    word = word.removesuffix("s") if count == 1 else word
    return [Node(kind, f"{count:,} {word}", count=count, within=within)] if count else []


def _snapshots(subjects: Iterable[UUID | None]) -> list[Node]:
    held = SnapshotRow.objects.filter(subject_uuid__in=[uuid for uuid in subjects if uuid])
    found = list(
        Snapshot.objects.filter(pk__in=held.values("snapshot"))
        .only("uuid", "what", "created_at")
        .order_by("-id")[: NAMED + 1]
    )
    named = [Node("snapshot", str(snapshot), snapshot.uuid) for snapshot in found[:NAMED]]
    return named + ([Node("snapshot", "and more")] if len(found) > NAMED else [])


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

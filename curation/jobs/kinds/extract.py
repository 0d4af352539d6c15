"""Kind `extract`: makes text of documents, in children that can be killed. An extraction is never changed.

Extractions are committed in small groups, each under the guard that this attempt still owns the chunk; a chunk that is
run again goes on with the documents that have neither a text nor a reason.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet

from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.jobs.kinds.ingest import still_mine
from curation.models import Chunk, Document, Extraction, ImportFile, Job, Occurrence, StoredFile
from curation.recipe.ingest.extract import Extracted, extractor_of
from curation.recipe.ingest.found import TITLE, Ref, shorten
from curation.recipe.ingest.pool import Pool, Request
from curation.recipe.ingest.rows import read_back
from curation.recipe.reasons import check_reason
from curation.recipe.records import Dropped
from curation.recipe.text.normalise import normal_hash, text_hash

DOCUMENTS = 100  # per chunk
BYTES = 8 << 20
COMMITTED = 50  # documents at once
COMMITTED_BYTES = 16 << 20
#: A packed file is unpacked from its start for every chunk, so it gets no more than this many.
CHUNKS_PER_PACKED_FILE = 24
ACCIDENTS = ("extraction_failed", "extraction_timeout")
LOST = Dropped("extraction_failed", "The stored file no longer holds this row.")
ALTERED = Dropped("extraction_failed", "The stored file does not hold what was imported.")

Found = tuple[Document, Extracted | Dropped]


def waiting(documents: QuerySet[Document]) -> QuerySet[Document]:
    """Those that have neither a text nor a reason why not, in the order of their files."""
    return documents.filter(extraction=None, left_out="", withdrawn_at=None).order_by("stored_file_id", "pk")


# Planning


def plan(job: Job) -> Iterator[ChunkPlan]:
    """Chunks of documents that stand close together, bounded by their number and their bytes."""
    documents = waiting(Document.objects.filter(project=job.project))
    in_packed_files = dict(
        documents.filter(Q(offset=None) | ~Q(member=""))
        .order_by()
        .values_list("stored_file")
        .annotate(count=Count("pk"))
    )
    held: list[int] = []
    size = 0
    for key, stored, length in documents.values_list("pk", "stored_file_id", "size").iterator(
        chunk_size=5_000
    ):
        most = max(DOCUMENTS, in_packed_files.get(stored, 0) // CHUNKS_PER_PACKED_FILE)
        if held and (len(held) >= most or (most == DOCUMENTS and size + length > BYTES)):
            yield ChunkPlan({"documents": held}, len(held))
            held, size = [], 0
        held.append(key)
        size += length
    if held:
        yield ChunkPlan({"documents": held}, len(held))


# Processing

_pool: Pool | None = None


def pool() -> Pool:
    """This process's children: one in a worker, since there is a worker per core; as many as cores elsewhere."""
    global _pool
    if _pool is None or _pool.owner != os.getpid():
        from celery import current_task

        _pool = Pool(1 if current_task else min(4, os.cpu_count() or 1))
    return _pool


def process(job: Job, chunk: Chunk, pulse: Pulse) -> None:
    documents = list(
        waiting(Document.objects.filter(pk__in=chunk.inputs["documents"])).select_related("stored_file")
    )
    files = files_of(documents)
    before = chunk.size - len(documents)
    group: list[Found] = []
    size = 0
    for count, found in enumerate(texts(documents, files), start=1):
        group.append(found)
        size += len(found[1].text) if isinstance(found[1], Extracted) else 0
        pulse.beat(before + count)
        if len(group) >= COMMITTED or size >= COMMITTED_BYTES:
            _commit(chunk, group, files)
            group, size = [], 0
    if group:
        _commit(chunk, group, files)


def texts(documents: list[Document], files: dict[int, ImportFile]) -> Iterator[Found]:
    """Every document with its text, or the reason why there is none."""
    asked: deque[Document] = deque()
    unreadable: list[Found] = []

    def requests() -> Iterator[Request]:
        for document, content in _contents(documents, files):
            if content is None:
                unreadable.append((document, LOST))
            elif hashlib.sha256(content).hexdigest() != document.sha256:
                unreadable.append((document, ALTERED))
            else:
                asked.append(document)
                yield Request(content, document.media_type, document.address)

    for result in pool().run(requests()):
        yield asked.popleft(), result
    yield from unreadable


def _contents(
    documents: list[Document], files: dict[int, ImportFile]
) -> Iterator[tuple[Document, bytes | None]]:
    """The raw bytes of documents, read file by file in the order they stand there."""
    for stored, group in groupby(documents, key=lambda document: document.stored_file):
        by_file: dict[int, list[Document]] = {}
        for document in group:
            by_file.setdefault(files[document.pk].pk if document.pk in files else 0, []).append(document)
        for key, held in by_file.items():
            if key == 0:
                yield from ((document, None) for document in held)
            else:
                yield from _read_back(stored, files[held[0].pk], held)


def _read_back(
    stored: StoredFile, file: ImportFile, documents: list[Document]
) -> Iterator[tuple[Document, bytes | None]]:
    by_place = {(document.member, document.row): document for document in documents}
    refs = [Ref(document.member, document.row, document.offset, document.length) for document in documents]
    try:
        with stored.local_path() as path:
            for ref, content in read_back(path, file.name, refs, file.mappings, file.batch.mapping):
                yield by_place.pop((ref.member, ref.row)), content
    except FileNotFoundError:
        yield from ((document, None) for document in by_place.values())


def files_of(documents: Iterable[Document]) -> dict[int, ImportFile]:
    """The file of an import through which each document was found: its name and mappings say how to read it again."""
    places = Occurrence.objects.filter(
        document__in=[document.pk for document in documents],
        stored_file=F("document__stored_file"),
        member=F("document__member"),
        row=F("document__row"),
    ).order_by("-pk")
    named = {place.document_id: (place.batch_id, place.file) for place in places}
    files = {
        (file.batch_id, file.name): file
        for file in ImportFile.objects.filter(
            batch__in={batch for batch, _ in named.values()}, name__in={name for _, name in named.values()}
        ).select_related("batch")
    }
    return {key: files[place] for key, place in named.items() if place in files}


def _commit(chunk: Chunk, found: list[Found], files: dict[int, ImportFile]) -> None:
    """Store texts and reasons in one transaction, while this attempt owns the chunk. Raises Lost when it does not."""
    with transaction.atomic():
        still_mine(chunk)
        keys = [document.pk for document, _ in found]
        # An import that was undone meanwhile took its documents away.
        here = {
            document.pk: document for document in Document.objects.select_for_update().filter(pk__in=keys)
        }
        found = [(here[document.pk], result) for document, result in found if document.pk in here]
        read = [(document, result) for document, result in found if isinstance(result, Extracted)]
        Extraction.objects.bulk_create(
            [extraction_of(document, result, files[document.pk].name) for document, result in read],
            ignore_conflicts=True,
        )
        made = {
            (extraction.document_id, extraction.extractor): extraction
            for extraction in Extraction.objects.filter(document__in=keys).defer("text")
        }
        for document, result in found:
            if isinstance(result, Extracted):
                extraction = made[document.pk, extractor_of(document.media_type)]
                document.extraction, document.characters = extraction, extraction.characters
                document.title = document.title or extraction.title
                document.address = document.address or result.address
            else:
                document.left_out = check_reason(result.reason)
                document.left_out_detail = shorten(result.detail, 400)
        Document.objects.bulk_update(
            [document for document, _ in found],
            ["extraction", "characters", "title", "address", "left_out", "left_out_detail"],
        )


def extraction_of(document: Document, result: Extracted, file: str) -> Extraction:
    """A text without a title is called after its file."""
    notes: dict[str, Any] = dict(result.notes)
    if result.language:
        notes["declared_language"] = result.language
    if result.address and result.address != document.address:
        notes["canonical"] = result.address
    return Extraction(
        document=document,
        extractor=extractor_of(document.media_type),
        text=result.text,
        text_sha256=text_hash(result.text),
        normal_sha256=normal_hash(result.text),
        title=result.title or document.title or shorten(os.path.basename(document.member or file), TITLE),
        characters=len(result.text),
        notes=notes,
    )


def save(job: Job, chunk: Chunk, result: None) -> Tally:
    """Count what has become of the chunk's documents: the rows are there already."""
    documents = Document.objects.filter(pk__in=chunk.inputs["documents"])
    failed = documents.filter(left_out__in=ACCIDENTS)
    dropped = documents.filter(extraction=None).exclude(left_out="").exclude(left_out__in=ACCIDENTS)
    mishaps = [(_named(document), document.left_out, document.left_out_detail) for document in failed]
    return Tally(
        done=documents.exclude(extraction=None).count(),
        dropped=dropped.count(),
        failed=len(mishaps),
        mishaps=mishaps,
    )


def _named(document: Document) -> str:
    return document.title or document.member or document.address or str(document)


def finish(job: Job) -> dict[str, Any]:
    sums = [job.chunks.values_list(name, flat=True) for name in ("done", "dropped", "failed")]
    extracted, left_out, failed = (sum(values) for values in sums)
    return {"extracted": extracted, "left_out": left_out, "failed": failed}


KIND = Kind(
    name="extract",
    title="Make text of documents",
    unit="documents",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
    writes_much=True,
)

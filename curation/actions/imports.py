"""Bringing material into a source: files kept by their content, an import drafted, started, discarded or undone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from curation.actions import samples
from curation.models import (
    Activity,
    Document,
    Draft,
    Import,
    ImportFile,
    Item,
    Job,
    Lease,
    Occurrence,
    Passage,
    Project,
    Sample,
    Seed,
    Snapshot,
    SnapshotRow,
    Source,
    StoredFile,
    TextVersion,
    User,
)
from curation.recipe.ingest.fetch import FetchRefused, Rules, fetch
from curation.recipe.ingest.mapping import MappingError, read_mapping

PIECE = 1 << 20
FILE_NAME = 900  # characters
OPERATOR_BYTES, OPERATOR_SECONDS = 64 * 2**30, 12 * 3600.0  # of one address, from the command line

#: The job kind that reads each kind of import, the one that takes it back, and the rows that it brings.
READ_BY = {Import.What.DOCUMENTS: "import", Import.What.SAMPLES: "samples"}
UNDONE_BY = {Import.What.DOCUMENTS: "undo_import", Import.What.SAMPLES: "undo_samples"}


class ImportRefused(Exception):
    """What was asked of an import cannot be done; the message says why and what to do."""


# Files


def keep_file(content: BinaryIO, temporary_path: str | None = None) -> StoredFile:
    """Store a file's bytes once, by their SHA-256; bytes that are there already are not written again.

    `temporary_path` is set for an upload that lies on disk: the storage may then move it instead of copying.
    """
    content.seek(0)
    digest, size = hashlib.sha256(), 0
    while piece := content.read(PIECE):
        digest.update(piece)
        size += len(piece)
    sha256 = digest.hexdigest()
    if (known := StoredFile.objects.filter(sha256=sha256).first()) and default_storage.exists(known.path):
        return known
    content.seek(0)
    wanted = f"stored/{sha256[:2]}/{sha256[2:4]}/{sha256}"
    saved = default_storage.save(wanted, _Upload(content, temporary_path))
    stored, _ = StoredFile.objects.get_or_create(sha256=sha256, defaults={"size": size, "path": saved})
    if stored.path != saved:
        if default_storage.exists(stored.path):
            default_storage.delete(saved)  # somebody stored the same bytes in this moment
        else:
            stored.path = saved  # the row was there and its bytes were lost
            stored.save(update_fields=["path"])
    return stored


class _Upload(File):  # type: ignore[type-arg]
    """A file for Django's storage; one that lies in a temporary place says where, so that it is moved."""

    def __init__(self, content: BinaryIO, temporary: str | None) -> None:
        super().__init__(content)
        if temporary:
            self.temporary_file_path = lambda: temporary


def keep_path(path: Path) -> StoredFile:
    """Store a copy of a file of this machine."""
    with open(path, "rb") as content:
        return keep_file(content)


def _forget_unused(stored: Iterable[StoredFile]) -> None:
    """Delete files that no import and no document points at any more."""
    for file in stored:
        used = (
            ImportFile.objects.filter(stored_file=file).exists()
            or Document.objects.filter(stored_file=file).exists()
            or Occurrence.objects.filter(stored_file=file).exists()
        )
        if not used:
            path = file.path
            file.delete()
            transaction.on_commit(lambda path=path: default_storage.delete(path))  # type: ignore[misc]


# Sources


def find_or_create_source(
    project: Project,
    name: str,
    by: User | None,
    kind: str = Source.Kind.WEB,
    licence: str = "",
    address: str = "",
) -> Source:
    """The project's source of this name, made when there is none. Raises ImportRefused for one that is put away."""
    name = " ".join(name.split())[:160]
    if not name:
        raise ImportRefused("Give the source a name.")
    source = Source.objects.filter(project=project, name=name).first()
    if source is None:
        check_kind(kind)
        fields = {"kind": kind, "licence": licence.strip()[:80], "address": address.strip()[:1000]}
        try:
            with transaction.atomic():
                source = Source.objects.create(project=project, name=name, **fields)
                note(project, by, "added source", name, **fields)
        except IntegrityError:
            source = Source.objects.get(project=project, name=name)
    check_open(source)
    return source


def check_kind(kind: str) -> None:
    if kind not in Source.Kind.values:
        raise ImportRefused(f"{kind!r} is no kind of source; the kinds are {', '.join(Source.Kind.values)}.")


def check_open(source: Source) -> None:
    if source.project.archived_at:
        raise ImportRefused(f"The project {source.project} is archived. Restore it to import into it.")
    if source.withdrawn_at:
        raise ImportRefused(f"The source {source} was withdrawn. Import into another one.")
    if source.archived_at:
        raise ImportRefused(f"The source {source} is archived. Restore it to import into it.")


def change_source(source: Source, by: User, *, name: str, kind: str, licence: str, address: str) -> None:
    """Write what a source says of itself. Rows that named their own licence keep it."""
    check_kind(kind)
    wanted = {
        "name": " ".join(name.split())[:160],
        "kind": kind,
        "licence": licence.strip()[:80],
        "address": address.strip()[:1000],
    }
    if not wanted["name"]:
        raise ImportRefused("Give the source a name.")
    changed = {
        field: [getattr(source, field), value]
        for field, value in wanted.items()
        if getattr(source, field) != value
    }
    if not changed:
        return
    for field, value in wanted.items():
        setattr(source, field, value)
    try:
        with transaction.atomic():
            source.save(update_fields=list(wanted))
            note(source.project, by, "changed source", source.name, **changed)
    except IntegrityError:
        raise ImportRefused(f"Another source is called {wanted['name']}. Choose another name.") from None


def archive_source(source: Source, by: User) -> None:
    """Put a source away: its documents leave what is approved until it is restored. Nothing is deleted."""
    _set_archived(source, by, True)


def restore_source(source: Source, by: User) -> None:
    _set_archived(source, by, False)


def _set_archived(source: Source, by: User, archived: bool) -> None:
    """By what it should be, not by toggling: a double click changes nothing."""
    with transaction.atomic():
        source = Source.objects.select_for_update().get(pk=source.pk)
        if (source.archived_at is not None) == archived:
            return
        source.archived_at = timezone.now() if archived else None
        source.save(update_fields=["archived_at"])
        note(source.project, by, "archived source" if archived else "restored source", source.name)


# Imports


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that is stored, under the name it came with; one that was fetched knows its address and stated encoding."""

    name: str
    stored: StoredFile
    address: str = ""
    charset: str = ""


def fetch_files(addresses: Iterable[str], folder: Path, *, by_operator: bool = False) -> list[Arrived]:
    """Fetch and store what stands at some addresses. Raises ImportRefused."""
    rules = fetching_rules(by_operator=by_operator)
    try:
        fetched = [fetch(address, folder, rules) for address in addresses]
    except FetchRefused as error:
        raise ImportRefused(str(error)) from error
    return [Arrived(one.name, keep_path(one.path), one.address, one.charset) for one in fetched]


def fetching_rules(*, by_operator: bool = False) -> Rules:
    """What may be fetched: what the site admin allows, for people; every bucket and file and far larger ones for the operator."""
    private = tuple(settings.IMPORT_PRIVATE_HOSTS)
    if by_operator:
        return Rules(private, ("*",), True, OPERATOR_BYTES, OPERATOR_SECONDS)
    return Rules(private, tuple(settings.IMPORT_S3_BUCKETS))


@transaction.atomic
def draft_import(
    source: Source,
    files: Sequence[tuple[str, StoredFile] | Arrived],
    by: User | None,
    mapping: Any = (),
    what: str = Import.What.DOCUMENTS,
) -> Import:
    """An import that has its files and waits to be started. Names are told apart where two files share one."""
    check_open(source)
    if not files:
        raise ImportRefused("Choose at least one file.")
    batch = Import.objects.create(
        project=source.project, source=source, what=what, mapping=_checked(mapping), created_by=by
    )
    taken: set[str] = set()
    rows = []
    for file in files:
        one = file if isinstance(file, Arrived) else Arrived(*file)
        unique = _apart(one.name, taken)
        taken.add(unique)
        rows.append(
            ImportFile(
                batch=batch, stored_file=one.stored, name=unique, address=one.address, charset=one.charset
            )
        )
    ImportFile.objects.bulk_create(rows)
    return batch


def _checked(mapping: Any) -> dict[str, str]:
    try:
        return read_mapping(mapping)
    except MappingError as error:
        raise ImportRefused(str(error)) from error


def _apart(name: str, taken: set[str]) -> str:
    """`a.csv`, then `2/a.csv`: the ending stays, since it chooses the reader."""
    clean = name.replace("\x00", "").encode("utf-8", "replace").decode()[-FILE_NAME:] or "file"
    unique, count = clean, 1
    while unique in taken:
        count += 1
        unique = f"{count}/{clean}"
    return unique


@transaction.atomic
def start_import(batch: Import, by: User | None, mapping: Any = None, then: Sequence[str] = ()) -> Job:
    """Start a drafted import; the job reads its files in the background. `then` names job kinds that follow."""
    batch = Import.objects.select_for_update().select_related("source__project").get(pk=batch.pk)
    if batch.job is not None:
        raise ImportRefused("This import has been started already.")
    check_open(batch.source)
    if mapping is not None:
        batch.mapping = _checked(mapping)
    batch.job = Job.objects.create(
        project=batch.project,
        kind=READ_BY[Import.What(batch.what)],
        options={"import": batch.pk},
        then=list(then),
        created_by=by,
    )
    batch.save(update_fields=["job", "mapping"])
    files = list(batch.files.values_list("name", flat=True)[:20])
    note(batch.project, by, "imported", batch.source.name, files=files, mapping=batch.mapping)
    return batch.job


@transaction.atomic
def discard_import(batch: Import, by: User | None) -> None:
    """Throw away an import that was never started, with its files where nothing else uses them."""
    batch = Import.objects.select_for_update().get(pk=batch.pk)
    if batch.job is not None:
        raise ImportRefused("This import was started. Undo it instead.")
    stored = [file.stored_file for file in batch.files.select_related("stored_file")]
    source = batch.source
    batch.delete()
    _forget_unused(stored)
    note(batch.project, by, "discarded an import", source.name, files=len(stored))


def report(batch: Import) -> dict[str, int]:
    """What an import brought, from its rows: rows = documents + duplicates + rejected.

    `documents` counts those seen here first; `duplicates` the good rows whose content was in the project already,
    be it from this very import. An import of samples counts samples so. While it runs, what was read so far; once it
    has ended, as it was then.
    """
    if "rows" in batch.counts:
        return {key: batch.counts[key] for key in ("documents", "duplicates", "rejected", "rows")}
    if batch.what == Import.What.SAMPLES:
        documents = Sample.objects.filter(batch=batch).count()
    else:
        documents = Document.objects.filter(first_import=batch).count()
    rejected = batch.rejected_rows.count()
    done = batch.job.chunks.filter(state="done") if batch.job else None
    good = sum(done.values_list("done", flat=True)) if done is not None else 0
    good = max(good, documents)
    return {
        "documents": documents,
        "duplicates": good - documents,
        "rejected": rejected,
        "rows": good + rejected,
    }


# Undoing


@dataclass(frozen=True, slots=True)
class Undoing:
    """What undoing an import would do: said before, and true while nobody changes anything."""

    occurrences: int
    deleted: int  # documents, or samples, on which nothing stands
    withdrawn: int  # those that decisions, samples, edits or snapshots stand on
    kept: int  # documents that were found elsewhere too
    snapshots: tuple[str, ...] = ()


def documents_of(batch: Import) -> QuerySet[Document]:
    return Document.objects.filter(pk__in=Occurrence.objects.filter(batch=batch).values("document"))


def standing_on(documents: QuerySet[Document]) -> QuerySet[Document]:
    """Those documents that a person's work or a snapshot stands on: they are withdrawn, never deleted.

    A seed that nobody has decided on, with its place in a queue, is the machine's suggestion and falls with its passage.
    """
    passages = Passage.objects.filter(document__in=documents.values("pk"))
    seeds = Seed.objects.filter(passage__in=passages.values("pk"))
    items = Item.objects.filter(Q(passage__in=passages.values("pk")) | Q(seed__in=seeds.values("pk")))
    touched = items.filter(
        Q(decisions__isnull=False)
        | Q(pk__in=Draft.objects.values("item"))
        | Q(pk__in=Lease.objects.filter(ended_at=None).values("item"))
    )
    judged = seeds.exclude(state=Seed.State.CANDIDATE) | seeds.exclude(text_version=None)
    sampled = Sample.objects.filter(Q(passage__in=passages.values("pk")) | Q(seed__in=seeds.values("pk")))
    edited = TextVersion.objects.filter(Q(passage__in=passages.values("pk")) | Q(seed__in=seeds.values("pk")))
    frozen = SnapshotRow.objects.filter(
        Q(subject_uuid__in=documents.values("uuid"))
        | Q(subject_uuid__in=passages.values("uuid"))
        | Q(subject_uuid__in=seeds.values("uuid"))
    )
    held = passages.filter(
        Q(pk__in=touched.values("passage"))
        | Q(seeds__in=touched.values("seed"))
        | Q(seeds__in=judged.values("pk"))
        | Q(pk__in=sampled.values("passage"))
        | Q(seeds__in=sampled.values("seed"))
        | Q(pk__in=edited.values("passage"))
        | Q(seeds__in=edited.values("seed"))
        | Q(uuid__in=frozen.values("subject_uuid"))
        | Q(seeds__uuid__in=frozen.values("subject_uuid"))
    )
    return documents.filter(Q(pk__in=held.values("document")) | Q(uuid__in=frozen.values("subject_uuid")))


def snapshots_with(documents: QuerySet[Document]) -> QuerySet[Snapshot]:
    """Snapshots that hold one of these documents, or a passage or seed of one."""
    passages = Passage.objects.filter(document__in=documents.values("pk"))
    rows = SnapshotRow.objects.filter(
        Q(subject_uuid__in=documents.values("uuid"))
        | Q(subject_uuid__in=passages.values("uuid"))
        | Q(subject_uuid__in=Seed.objects.filter(passage__in=passages.values("pk")).values("uuid"))
    )
    return Snapshot.objects.filter(pk__in=rows.values("snapshot")).order_by("pk")


def what_undoing_does(batch: Import) -> Undoing:
    if batch.what == Import.What.SAMPLES:
        return _what_undoing_samples_does(batch)
    elsewhere = Occurrence.objects.exclude(batch=batch).values("document")
    all_of_it = documents_of(batch)
    falling = all_of_it.exclude(pk__in=elsewhere)
    count = falling.count()
    standing = standing_on(falling).count()
    return Undoing(
        occurrences=batch.occurrences.count(),
        deleted=count - standing,
        withdrawn=standing,
        kept=all_of_it.count() - count,
        snapshots=tuple(str(snapshot) for snapshot in snapshots_with(falling)[:20]),
    )


def _what_undoing_samples_does(batch: Import) -> Undoing:
    mine = Sample.objects.filter(batch=batch).exclude(state=Sample.State.WITHDRAWN)
    count, kept = mine.count(), samples.standing(mine).count()
    return Undoing(
        occurrences=count,
        deleted=count - kept,
        withdrawn=kept,
        kept=0,
        snapshots=tuple(str(snapshot) for snapshot in samples.snapshots_with_samples(mine)[:20]),
    )


@transaction.atomic
def undo_import(batch: Import, by: User | None) -> Job:
    """Take an import back, in the background. Raises ImportRefused while it runs, or when it is being undone."""
    batch = Import.objects.select_for_update().get(pk=batch.pk)
    if batch.job is None:
        raise ImportRefused("This import was never started. Discard it instead.")
    if batch.job.is_active:
        raise ImportRefused("This import still runs. Cancel its job first.")
    if batch.undo_job is not None and batch.undo_job.state not in (Job.State.FAILED, Job.State.CANCELLED):
        raise ImportRefused("This import has been undone already, or is being undone.")
    batch.undo_job = Job.objects.create(
        project=batch.project,
        kind=UNDONE_BY[Import.What(batch.what)],
        options={"import": batch.pk},
        created_by=by,
    )
    batch.save(update_fields=["undo_job"])
    note(batch.project, by, "undid an import", batch.source.name, created=str(batch.created_at))
    return batch.undo_job


def note(project: Project, by: User | None, verb: str, subject: str, **details: Any) -> None:
    """A line in the project's log."""
    Activity.objects.create(project=project, actor=by, verb=verb, subject=subject[:300], details=details)

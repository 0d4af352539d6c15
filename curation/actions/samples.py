"""Samples: stored with their chain; those that were generated elsewhere tied to the passages they came from, and taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from django.contrib.postgres.search import SearchVector
from django.db import connection
from django.db.models import Q, QuerySet, Value

from curation.actions.review.projection import project as settle
from curation.models import (
    Draft,
    Import,
    Item,
    Lease,
    Project,
    RejectedRow,
    Sample,
    SampleStep,
    Seed,
    Slot,
    Snapshot,
    SnapshotRow,
    TextVersion,
    Verdict,
)
from curation.recipe import chain
from curation.recipe.ingest.found import BadRow, Place, shorten
from curation.recipe.ingest.objects import Found, read_objects
from curation.recipe.ingest.rows import Preview, Shown
from curation.recipe.text import search
from curation.recipe.text.normalise import normal_form, text_hash

TITLE = 300  # characters
#: What of a quote is looked up in the search index; the whole quote is compared afterwards.
LOOKED_UP = 200
LINKED_AT_ONCE = 200


# Reading


def holds_samples(path: Path) -> bool:
    """Whether the first row of a file means to be a sample with its chain, rather than a document."""
    first = next(read_objects(path, path.name), None)
    return isinstance(first, Found) and chain.looks_like_chain(first.value)


def read(found: Found, name: str) -> chain.Chain | BadRow:
    """One object of the file `name` as a sample, or what is wrong with it."""
    try:
        return chain.parse(found.value)
    except chain.ChainError as error:
        reason = error.at(found.row, Place(name, found.member).shown)
        return BadRow(name, found.member, found.row, reason, shorten(str(found.value)[:2_000]))


def look(path: Path, name: str, rows: int = 8, looked_at: int = 200) -> Preview:
    """The first samples of a file and the rows that would be refused, as somebody about to import it sees them."""
    shown = Preview()
    for seen, found in enumerate(read_objects(path, name)):
        if seen >= looked_at:
            shown.more = True
            break
        made = found if isinstance(found, BadRow) else read(found, name)
        if isinstance(made, BadRow):
            shown.bad_rows.append(made)
        elif isinstance(found, Found) and len(shown.rows) < rows:
            shown.rows.append(
                Shown(found.member, found.row, _title(made), "", made.licence, shorten(chain.rendered(made)))
            )
    return shown


# Storing


class Row(NamedTuple):
    """A sample that was read, and where it stood."""

    member: str
    row: int
    made: chain.Chain


@dataclass(slots=True)
class Stored:
    """What became of a batch of samples: new ones, ones that were there already, and ones that clash with those."""

    added: list[Sample] = field(default_factory=list)
    known: int = 0
    refused: list[RejectedRow] = field(default_factory=list)


def store(batch: Import, file: str, rows: Sequence[Row]) -> Stored:
    """Keep the samples of a file with their chains, each once per source. To be called inside a transaction.

    The same identity with the same content changes nothing; with other content the row is refused, since people may
    have decided on what is there. A sample that an undone import had withdrawn is back.
    """
    stored = Stored()
    known = _known(batch, [chain.identity(row.made) for row in rows])
    fresh: dict[str, tuple[Sample, chain.Chain]] = {}
    for row in rows:
        made = row.made
        name = chain.identity(made)
        there = known.get(name) or (fresh[name][0] if name in fresh else None)
        if there is None:
            origin = {"project_id": batch.project_id, "source_id": batch.source_id, "batch": batch}
            fresh[name] = (row_of(made, name, **origin), made)
        elif (there.text_sha256, there.messages) != _content(made):
            stored.refused.append(_clash(batch, file, row, name))
        else:
            stored.known += 1
    stored.added = insert([Fresh(sample, made) for sample, made in fresh.values()])
    back = [sample for sample in known.values() if sample.state == Sample.State.WITHDRAWN]
    _bring_back(batch, back)
    link(batch.project, [sample.pk for sample in (*stored.added, *back)])
    return stored


def _known(batch: Import, names: Iterable[str]) -> dict[str, Sample]:
    there = Sample.objects.filter(source=batch.source_id, external_id__in=list(names))
    columns = ("external_id", "text_sha256", "messages", "state")
    return {sample.external_id: sample for sample in there.only(*columns)}


def _content(made: chain.Chain) -> tuple[str, Any]:
    return text_hash(chain.rendered(made)), chain.messages_row(made) or None


def row_of(made: chain.Chain, name: str, **origin: Any) -> Sample:
    """A sample's row, not stored yet. `origin`: its project and source, and the import or the candidate it comes from."""
    text = chain.rendered(made)
    sha256, messages = _content(made)
    configuration, words = search.index(text, made.language)
    return Sample(
        **origin,
        external_id=name,
        messages=messages,
        text=text,
        text_sha256=sha256,
        title=_title(made),
        workflow=made.workflow,
        model=made.model,
        language=made.language,
        licence=made.licence,
        topics=list(made.topics),
        skill=made.skill,
        difficulty=made.difficulty,
        seed_reference=_reference(made.seed),
        meta=made.meta | ({"lineage": made.lineage} if made.lineage else {}),
        search=SearchVector(Value(words), config=configuration),
    )


def _title(made: chain.Chain) -> str:
    """The first words that are not instructions."""
    asked = next((said.content for said in made.messages if said.role == "user"), "")
    return " ".join((asked or chain.rendered(made))[: TITLE * 4].split())[:TITLE]


def _reference(seed: chain.SeedReference | None) -> dict[str, Any]:
    return {key: value for key, value in chain.seed_row(seed).items() if value} if seed else {}


def _clash(batch: Import, file: str, row: Row, name: str) -> RejectedRow:
    reason = (
        f"Row {row.row:,} of {Place(file, row.member).shown}: a sample named `{name[:80]}` is in this source already, with other content. "
        "Give the new one another `id`, or import it into another source."
    )
    return RejectedRow(batch=batch, file=file, member=row.member, row=row.row, reason=reason)


class Fresh(NamedTuple):
    """A sample's row that is not stored yet, with its chain, and the ids of the calls that said its steps and its verdicts, as far as they were made here."""

    sample: Sample
    made: chain.Chain
    calls: Sequence[int | None] = ()
    verdict_calls: Sequence[int | None] = ()


def insert(fresh: Sequence[Fresh]) -> list[Sample]:
    """Store samples with their steps and verdicts."""
    samples = Sample.objects.bulk_create([one.sample for one in fresh])
    SampleStep.objects.bulk_create(
        SampleStep(
            sample=sample,
            ordinal=ordinal,
            kind=step.kind,
            name=step.name,
            prompt=step.prompt,
            prompt_version=step.prompt_version,
            model=step.model,
            output=step.output,
            scores=step.scores,
            meta=step.meta,
            call_id=call,
        )
        for sample, made, calls, _ in fresh
        for ordinal, (step, call) in enumerate(zip_longest(made.steps, calls))
    )
    Verdict.objects.bulk_create(
        Verdict(
            sample=sample,
            ordinal=ordinal,
            kind=verdict.kind,
            judge=verdict.judge,
            outcome=verdict.outcome,
            scores=verdict.scores,
            evidence=verdict.evidence,
            meta=verdict.meta,
            text_sha256=sample.text_sha256,
            call_id=call,
        )
        for sample, made, _, calls in fresh
        for ordinal, (verdict, call) in enumerate(zip_longest(made.verdicts, calls))
    )
    return samples


def _bring_back(batch: Import, samples: list[Sample]) -> None:
    """What was withdrawn is imported again: it is this import's now, in the state that its decisions say."""
    if not samples:
        return
    Sample.objects.filter(pk__in=[sample.pk for sample in samples]).update(
        state=Sample.State.CANDIDATE, batch=batch
    )
    for item in Item.objects.filter(sample__in=samples).select_related("queue", "sample"):
        settle(item)


# Tying samples to what they were generated from

#: Passages that may be what a sample's seed quotes, likeliest first: of the document at its address; with exactly its
#: text; with its words. What holds the quote is decided afterwards, in normal form.
_CANDIDATES = """
    WITH asked AS (
        SELECT * FROM unnest(%(ids)s::bigint[], %(addresses)s::text[], %(hashes)s::text[], %(configurations)s::text[],
                             %(words)s::text[]) AS asked (id, address, sha256, configuration, words)
    ), places AS (
        SELECT DISTINCT o.address, o.document_id FROM curation_occurrence o JOIN curation_source s ON s.id = o.source_id
         WHERE s.project_id = %(project)s AND o.address <> '' AND o.address = ANY(%(addresses)s)
    ), found AS (
        SELECT asked.id, p.id AS passage_id, 0 AS rank FROM asked JOIN places ON places.address = asked.address
          JOIN curation_passage p ON p.document_id = places.document_id
        UNION ALL
        SELECT asked.id, p.id, 1 FROM asked
          JOIN curation_passage p ON p.project_id = %(project)s AND p.text_sha256 = asked.sha256
        UNION ALL
        SELECT asked.id, near.id, 2 FROM asked CROSS JOIN LATERAL (
            SELECT p.id FROM curation_passage p
             WHERE p.project_id = %(project)s
               AND p.search @@ plainto_tsquery(asked.configuration::regconfig, asked.words)
             ORDER BY p.id LIMIT 20) near
    )
    SELECT found.id, p.id, p.text FROM found JOIN curation_passage p ON p.id = found.passage_id
      JOIN curation_document d ON d.id = p.document_id AND d.extraction_id = p.extraction_id
     WHERE d.withdrawn_at IS NULL ORDER BY found.id, found.rank, d.sha256, p.ordinal
"""


def unlinked(project: Project) -> QuerySet[Sample]:
    """Samples that name a seed which is tied to nothing yet."""
    return Sample.objects.filter(project=project, passage=None, seed=None).exclude(seed_reference={})


def link(project: Project, ids: Sequence[int]) -> int:
    """Tie samples to the passages that their seeds quote, and to the seeds made of those. Returns how many were.

    What is tied already stays; a seed that is not found stays as the row gave it. The same material, the same ties.
    """
    tied = 0
    for start in range(0, len(ids), LINKED_AT_ONCE):
        waiting = unlinked(project).filter(pk__in=ids[start : start + LINKED_AT_ONCE])
        tied += _link(project, list(waiting.only("seed_reference", "language").order_by("pk")))
    return tied


def _link(project: Project, samples: list[Sample]) -> int:
    if not samples:
        return 0
    passages = _passages_quoted(project, samples)
    seeds = dict(
        Seed.objects.filter(project=project, passage__in=set(passages.values())).values_list("passage", "pk")
    )
    questions = dict(
        Seed.objects.filter(
            project=project, passage=None, text_sha256__in=[text_hash(_words(sample)) for sample in samples]
        ).values_list("text_sha256", "pk")
    )
    tied = []
    for sample in samples:
        sample.passage_id = passages.get(sample.pk)
        sample.seed_id = (
            seeds.get(sample.passage_id) if sample.passage_id else questions.get(text_hash(_words(sample)))
        )
        if sample.passage_id or sample.seed_id:
            tied.append(sample)
    Sample.objects.bulk_update(tied, ["passage", "seed"])
    return len(tied)


def link_seeds(project: Project) -> int:
    """Tie samples whose passage became a seed after they came. Returns how many were."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE curation_sample m SET seed_id = s.id FROM curation_seed s
                WHERE m.project_id = %s AND m.seed_id IS NULL AND s.project_id = m.project_id
                  AND s.passage_id = m.passage_id""",
            [project.pk],
        )
        return cursor.rowcount


def _words(sample: Sample) -> str:
    """What the seed says word by word."""
    reference = sample.seed_reference
    return str(reference.get("quote") or reference.get("text") or "")


def _passages_quoted(project: Project, samples: list[Sample]) -> dict[int, int]:
    """{sample: passage} of those whose words stand in a passage."""
    words = {sample.pk: _words(sample) for sample in samples if _words(sample)}
    quoted = [sample for sample in samples if sample.pk in words]
    looked_up = [
        search.index(words[sample.pk][:LOOKED_UP].rsplit(" ", 1)[0], sample.language) for sample in quoted
    ]
    parameters: dict[str, Any] = {
        "project": project.pk,
        "ids": [sample.pk for sample in quoted],
        "addresses": [sample.seed_reference.get("address", "") for sample in quoted],
        "hashes": [text_hash(words[sample.pk]) for sample in quoted],
        "configurations": [configuration for configuration, _ in looked_up],
        "words": [asked for _, asked in looked_up],
    }
    normal = {pk: normal_form(said) for pk, said in words.items()}
    found: dict[int, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, parameters)
        for sample, passage, text in cursor:
            if sample not in found and normal[sample] in normal_form(text):
                found[sample] = passage
    return found


# Taking back


def standing(samples: QuerySet[Sample]) -> QuerySet[Sample]:
    """Those that a person's work or a snapshot stands on: they are withdrawn, never deleted."""
    touched = Item.objects.filter(sample__in=samples.values("pk")).filter(
        Q(decisions__isnull=False)
        | Q(pk__in=Draft.objects.values("item"))
        | Q(pk__in=Lease.objects.filter(ended_at=None).values("item"))
    )
    return samples.filter(
        Q(pk__in=touched.values("sample"))
        | Q(pk__in=TextVersion.objects.filter(sample__in=samples.values("pk")).values("sample"))
        | Q(
            uuid__in=SnapshotRow.objects.filter(subject_uuid__in=samples.values("uuid")).values(
                "subject_uuid"
            )
        )
    )


def take_back(samples: QuerySet[Sample]) -> tuple[int, int]:
    """Delete samples on which nothing stands, withdraw the others; returns how many of each. Inside a transaction."""
    ids = list(samples.values_list("pk", flat=True))
    kept = list(standing(Sample.objects.filter(pk__in=ids)).values_list("pk", flat=True))
    withdrawn = Sample.objects.filter(pk__in=kept).exclude(state=Sample.State.WITHDRAWN)
    count = withdrawn.update(state=Sample.State.WITHDRAWN)
    waiting = Item.objects.filter(sample__in=kept, state__in=[Item.State.OPEN, Item.State.REVISING])
    Slot.objects.filter(item__in=waiting.values("pk"), state=Slot.State.OPEN).update(state=Slot.State.CLOSED)
    waiting.update(state=Item.State.CLOSED)
    gone = [pk for pk in ids if pk not in set(kept)]
    Item.objects.filter(sample__in=gone).delete()
    Sample.objects.filter(pk__in=gone).delete()
    return len(gone), count


def snapshots_with_samples(samples: QuerySet[Sample]) -> QuerySet[Snapshot]:
    """Snapshots that hold one of these samples."""
    rows = SnapshotRow.objects.filter(subject_uuid__in=samples.values("uuid"))
    return Snapshot.objects.filter(pk__in=rows.values("snapshot")).order_by("pk")

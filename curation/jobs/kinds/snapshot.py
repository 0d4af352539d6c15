"""Writing a snapshot: a chunk is a range of its frozen rows and becomes one shard. Rows are streamed.

What of a row can change was frozen with it; its text never changes. So a chunk that runs again, after a kill or a
cancel, writes the same bytes under the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import orjson
from django.db import connection

from curation.actions.snapshots import folder_of
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.models import Chunk, Job, Snapshot, SnapshotFile
from curation.recipe import chain
from curation.recipe.export import manifest
from curation.recipe.export.formats import FORMATS, LISTING
from curation.recipe.export.schemas import ROWS, SCHEMAS
from curation.recipe.export.shards import Shard, shard_name, sweep_parts, write_shard, write_whole

Row = dict[str, Any]

#: Rows of one shard: few enough that a lost worker costs seconds, many enough that a million rows are a hundred files.
SHARD_ROWS = {"documents": 10_000, "passages": 20_000, "seeds": 20_000, "samples": 10_000}
BEAT_ROWS = 500
#: Rows that the database sends at once; documents may be megabytes each.
AT_ONCE = {"documents": 20}

_RANGE = """r.snapshot_id = %(snapshot)s AND r.ordinal >= %(first)s AND r.ordinal < %(end)s
    ORDER BY r.ordinal"""

#: The text of each kind, and what else of it never changes. Every column is text, JSON as it is written.
_CONTENT = {
    "documents": "SELECT r.facts, r.subject_uuid::text, r.content_sha256, e.text "
    "FROM curation_snapshotrow r JOIN curation_extraction e ON e.id = r.extraction_id",
    "passages": "SELECT r.facts, r.subject_uuid::text, r.content_sha256, coalesce(v.text, p.text) "
    "FROM curation_snapshotrow r JOIN curation_passage p ON p.id = r.subject_id "
    "LEFT JOIN curation_textversion v ON v.id = r.text_version_id",
    "seeds": "SELECT r.facts, r.subject_uuid::text, r.content_sha256, coalesce(v.text, p.text, s.text) "
    "FROM curation_snapshotrow r JOIN curation_seed s ON s.id = r.subject_id "
    "LEFT JOIN curation_passage p ON p.id = s.passage_id "
    "LEFT JOIN curation_textversion v ON v.id = r.text_version_id",
    "samples": """SELECT r.facts, r.subject_uuid::text, r.content_sha256, coalesce(v.text, s.text),
        CASE WHEN s.messages IS NULL THEN NULL ELSE coalesce(v.messages, s.messages)::text END,
        (SELECT json_agg(json_build_array(kind, name, prompt, prompt_version, model, output, scores, meta) ORDER BY ordinal)::text
           FROM curation_samplestep WHERE sample_id = s.id),
        (SELECT json_agg(json_build_array(kind, outcome, judge, scores, evidence, meta) ORDER BY ordinal)::text
           FROM curation_verdict v WHERE v.sample_id = s.id AND v.ordinal <= coalesce(frozen.ordinal, v.ordinal) AND NOT EXISTS (
                SELECT FROM curation_verdict later
                 WHERE later.sample_id = s.id AND later.kind = v.kind AND later.judge = v.judge AND later.created_at > v.created_at
                   AND later.ordinal <= coalesce(frozen.ordinal, later.ordinal)))
      FROM curation_snapshotrow r JOIN curation_sample s ON s.id = r.subject_id
      CROSS JOIN LATERAL (SELECT (r.facts::json ->> 'verdicts_until')::int AS ordinal) frozen
      LEFT JOIN curation_textversion v ON v.id = r.text_version_id""",
}
_LIST = "SELECT r.subject_uuid::text, r.content_sha256 FROM curation_snapshotrow r"


def _text_row(facts: str, uuid: str, sha256: str, text: str) -> Row:
    """What was frozen, with the text. The document's own scores come before the passage's."""
    row = orjson.loads(facts)
    scores = [*(row.pop("page_scores") or ()), *(row.get("scores") or ())]
    return {**row, "scores": scores, "uuid": uuid, "text": text, "text_sha256": sha256}


def _document_row(facts: str, uuid: str, sha256: str, text: str) -> Row:
    """A document of one place keeps that place once."""
    row = _text_row(facts, uuid, sha256, text)
    if row["occurrences"] is None:
        row["occurrences"] = [{name: row[name] for name in ("source", "address", "licence")}]
    return row


def _sample_row(
    facts: str,
    uuid: str,
    sha256: str,
    text: str,
    messages: str | None,
    steps: str | None,
    verdicts: str | None,
) -> Row:
    """A sample in the form that its import reads, whose lineage is ours."""
    known = orjson.loads(facts)
    seed, lineage = known.pop("seed"), known.pop("lineage")
    known.pop("verdicts_until", None)
    turns = orjson.loads(messages) if messages else []
    made = chain.Chain(
        messages=tuple(chain.Message(said["role"], said["content"], said.get("meta", {})) for said in turns),
        text="" if turns else text,
        seed=chain.SeedReference(**seed) if seed else None,
        steps=tuple(chain.ChainStep(*step) for step in orjson.loads(steps or "[]")),
        verdicts=tuple(chain.ChainVerdict(*verdict) for verdict in orjson.loads(verdicts or "[]")),
        lineage=lineage | {"sha256": sha256},
    )
    return chain.as_row(made) | known


def _listed_row(uuid: str, sha256: str) -> Row:
    return {"uuid": uuid, "sha256": sha256}


_BUILD: dict[str, Callable[..., Row]] = {
    "documents": _document_row,
    "passages": _text_row,
    "seeds": _text_row,
    "samples": _sample_row,
}


def plan(job: Job) -> Iterator[ChunkPlan]:
    snapshot = Snapshot.objects.get(job=job)
    size = SHARD_ROWS[snapshot.what]
    shards = -(-snapshot.rows // size)
    for number in range(shards):
        first, end = number * size, min((number + 1) * size, snapshot.rows)
        name = shard_name(snapshot.what, number, shards, FORMATS[snapshot.format])
        yield ChunkPlan({"shard": number, "name": name, "first": first, "end": end}, end - first)
    # The list of all rows counts for nothing in the progress: it takes a moment.
    yield ChunkPlan({"shard": shards, "name": manifest.ROWS_NAME, "first": 0, "end": snapshot.rows}, 0)


def process(job: Job, chunk: Chunk, pulse: Pulse) -> Shard:
    """Write one file. Raises LookupError when frozen rows are gone: a snapshot is whole, or it fails by name."""
    snapshot = Snapshot.objects.get(job=job)
    inputs = chunk.inputs
    listing = inputs["name"] == manifest.ROWS_NAME
    query, build = (_LIST, _listed_row) if listing else (_CONTENT[snapshot.what], _BUILD[snapshot.what])
    rows = _rows(query, build, snapshot, inputs["first"], inputs["end"], pulse)
    schema, form = (ROWS, LISTING) if listing else (SCHEMAS[snapshot.what], FORMATS[snapshot.format])
    shard = write_shard(folder_of(snapshot), inputs["name"], rows, schema, form)
    missing = inputs["end"] - inputs["first"] - shard.rows
    if missing:
        raise LookupError(
            f"{missing:,} of the rows that were frozen are no longer in the project, so {inputs['name']} cannot be "
            "written as it was. Make a new export."
        )
    return shard


def _rows(
    query: str, build: Callable[..., Row], snapshot: Snapshot, first: int, end: int, pulse: Pulse
) -> Iterator[Row]:
    """Rows as the database sends them, a handful at a time: memory does not grow with the export."""
    parameters = {"snapshot": snapshot.pk, "first": first, "end": end}
    size = AT_ONCE.get(snapshot.what, 100)
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        closing(cursor.stream(f"{query} WHERE {_RANGE}", parameters, size=size)) as sent,
    ):
        for number, values in enumerate(sent):
            if not number % BEAT_ROWS:
                pulse.beat(number)
            yield build(*values)


def save(job: Job, chunk: Chunk, shard: Shard) -> Tally:
    SnapshotFile.objects.update_or_create(
        snapshot=Snapshot.objects.get(job=job), ordinal=chunk.inputs["shard"], defaults=shard.as_row()
    )
    return Tally(done=chunk.size)


def finish(job: Job) -> dict[str, Any]:
    """Write the manifest: from here on the snapshot is ready."""
    snapshot = Snapshot.objects.select_related("project").get(job=job)
    *shards, rows_file = [
        Shard(file.name, file.rows, file.bytes, file.sha256) for file in snapshot.files.all()
    ]
    snapshot.manifest = manifest.manifest(
        snapshot=_described(snapshot),
        schema=SCHEMAS[snapshot.what],
        form=FORMATS[snapshot.format],
        shards=shards,
        rows_file=rows_file,
        left_out=snapshot.left_out,
        licences=snapshot.licences,
        versions=snapshot.versions,
    )
    content = orjson.dumps(snapshot.manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    folder = folder_of(snapshot)
    sweep_parts(folder)
    write_whole(folder / manifest.NAME, content)
    snapshot.state = Snapshot.State.READY
    snapshot.save(update_fields=["manifest", "state"])
    return {"snapshot": str(snapshot.uuid), "rows": snapshot.rows, "files": len(shards)}


def _described(snapshot: Snapshot) -> Row:
    project = snapshot.project
    return {
        "snapshot": str(snapshot.uuid),
        "project": {"uuid": str(project.uuid), "slug": project.slug, "name": project.name},
        "created_at": snapshot.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "what": snapshot.what,
        "filters": snapshot.filters,
        "rows": snapshot.rows,
    }


KIND = Kind(
    name="snapshot",
    title="Write an export",
    unit="rows",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
    writes_much=True,
)

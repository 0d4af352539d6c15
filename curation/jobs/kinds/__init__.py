"""The table of job kinds: one line each. A kind's file is where rows meet records."""

from __future__ import annotations

from curation.jobs.kind import Kind
from curation.jobs.kinds import (
    annotate,
    assess,
    clean,
    demonstration,
    embed,
    embed_likely,
    extract,
    extract_again,
    generate,
    ingest,
    near_duplicates,
    project_map,
    revise,
    samples,
    score,
    select,
    snapshot,
    split,
    thresholds,
    train,
    verify,
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        ingest.IMPORT,
        ingest.UNDO,
        extract.KIND,
        extract_again.KIND,
        clean.KIND,
        assess.KIND,
        split.KIND,
        embed.KIND,
        embed_likely.KIND,
        score.KIND,
        near_duplicates.KIND,
        project_map.KIND,
        select.KIND,
        train.KIND,
        annotate.KIND,
        generate.KIND,
        verify.CHECK,
        verify.JUDGE,
        revise.KIND,
        thresholds.KIND,
        demonstration.KIND,
        samples.IMPORT,
        samples.UNDO,
        samples.LINK,
        snapshot.KIND,
    )
}

"""The seeds of a run's candidates, as the workflows take them: text, kind, where it stands and under which licence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.actions import runs
from curation.models import Candidate, Occurrence, Run, RunSeed, Source
from curation.recipe.generate import records


def seeds_of(run: Run, first: int, last: int) -> dict[int, records.Seed]:
    """{ordinal: seed} of the candidates of a piece that were not made yet."""
    there = set(
        run.candidates.filter(ordinal__gte=first, ordinal__lt=last)
        .exclude(state=Candidate.State.NOT_ASKED)
        .values_list("ordinal", flat=True)
    )
    count = run.seeds.count()
    wanted = [at for at in range(first, last) if at not in there]
    rows = {row.ordinal: row for row in _rows(run, {at % count for at in wanted})}
    places = _places([row.seed.passage.document_id for row in rows.values() if row.seed.passage])
    return {at: _record(rows[at % count], at // count, places) for at in wanted}


def _rows(run: Run, places: set[int]) -> list[RunSeed]:
    found = RunSeed.objects.filter(run=run, ordinal__in=places)
    return list(
        found.select_related(
            "seed__passage__document", "seed__text_version", "seed__passage__extraction"
        ).defer("seed__passage__search", "seed__passage__extraction__text")
    )


def _places(documents: list[int]) -> dict[int, tuple[str, str, bool]]:
    """{document: (address, licence, whether it is code)} by the first place each was found in."""
    found: dict[int, tuple[str, str, bool]] = {}
    rows = Occurrence.objects.filter(
        document__in=documents, source__archived_at=None, source__withdrawn_at=None
    ).order_by("-pk")
    for row in rows.select_related("source", "document"):
        code = row.source.kind == Source.Kind.CODE
        found[row.document_id] = (
            row.address or row.document.address,
            row.licence or row.source.licence,
            code,
        )
    return found


def _record(row: RunSeed, number: int, places: Mapping[int, tuple[str, str, bool]]) -> records.Seed:
    seed = row.seed
    passage = seed.passage
    address, licence, code = places.get(passage.document_id, ("", "", False)) if passage else ("", "", False)
    about: dict[str, Any] = {"seed": str(seed.uuid)}
    if passage:
        about |= {"passage": str(passage.uuid), "document": str(passage.document.uuid)}
    return records.Seed(
        text=seed.current_text,
        kind=runs.kind_of(seed, code),
        key=seed.text_sha256,
        candidate=number,
        address=address,
        language=passage.language if passage else "",
        licence=licence,
        about=about,
    )

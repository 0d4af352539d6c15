"""What a scorer reads: vectors and signals of passages and of pages, in arrays.

Everything of a chunk comes in one COPY in PostgreSQL's binary form. Its fields have a fixed width, so that a million
rows become arrays without a Python object for any of them.

A page is the mean of its passages' vectors, weighted by their tokens, with the signals of its whole text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import connection

from curation.models.embedding import EmbeddingModel
from curation.recipe.scoring import signals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: COPY's binary form: a signature, flags and the length of an extension before, two bytes of -1 behind.
_HEAD, _TAIL = 19, 2

_OF_PASSAGES = """
    SELECT p.id, p.document_id, p.tokens, e.vector, {signals}
      FROM curation_passage p
      JOIN curation_document d ON d.id = p.document_id AND d.extraction_id = p.extraction_id
      JOIN curation_signals g ON g.passage_id = p.id AND g.version = %(version)s
      JOIN curation_embedding e ON e.model_id = %(model)s AND e.text_sha256 = p.text_sha256
     WHERE p.{column} = ANY(%(ids)s::bigint[])
     ORDER BY p.document_id, p.ordinal, p.id
"""
_SIGNALS_OF_PAGES = """
    SELECT d.id, {signals} FROM curation_document d
      JOIN curation_signals g ON g.extraction_id = d.extraction_id AND g.version = %(version)s
     WHERE d.id = ANY(%(ids)s::bigint[]) ORDER BY d.id
"""
_MEASURED = """
    SELECT count(*) FROM curation_passage p
      JOIN curation_document d ON d.id = p.document_id AND d.extraction_id = p.extraction_id
      JOIN curation_signals g ON g.passage_id = p.id AND g.version = %(version)s
     WHERE p.document_id = ANY(%(ids)s::bigint[])
"""
_WITHOUT = """
    SELECT count(*) FROM curation_passage p
      JOIN curation_document d ON d.id = p.document_id AND d.extraction_id = p.extraction_id
     WHERE p.document_id = ANY(%(ids)s::bigint[])
       AND NOT EXISTS (SELECT FROM curation_embedding e WHERE e.model_id = %(model)s AND e.text_sha256 = p.text_sha256)
"""


@dataclass(frozen=True, slots=True)
class Features:
    """`vectors` (n, dimensions) in half precision, `signals` (n, len(keys)); of a page `ids` and `documents` are the same."""

    ids: NDArray[np.int64]
    documents: NDArray[np.int64]
    tokens: NDArray[np.int32]
    vectors: NDArray[np.float16]
    signals: NDArray[np.float64]
    keys: tuple[str, ...]

    def columns(self, keys: Sequence[str]) -> NDArray[np.float64]:
        """The signals that a head asks for, in its order. Raises ValueError naming one that was not read."""
        if tuple(keys) == self.keys:
            return self.signals
        if missing := [key for key in keys if key not in self.keys]:
            raise ValueError(f"This scorer reads the signal {missing[0]!r}, which texts no longer have.")
        return self.signals[:, [self.keys.index(key) for key in keys]]

    def chosen(self, rows: Any) -> Features:
        """The rows that a mask or an index names."""
        return Features(
            self.ids[rows],
            self.documents[rows],
            self.tokens[rows],
            self.vectors[rows],
            self.signals[rows],
            self.keys,
        )


def of_passages(
    model: EmbeddingModel,
    *,
    documents: Sequence[int] = (),
    passages: Sequence[int] = (),
    keys: Sequence[str] = signals.KEYS,
) -> Features:
    """Passages of the present text of these documents, or these passages, by document and place. One that has no vector
    under the model, or no signals, is not among them (`without_vectors` counts)."""
    column, ids = ("document_id", documents) if documents else ("id", passages)
    rows = _copied(
        _OF_PASSAGES.format(signals=_signal_columns(keys), column=column),
        [("id", ">i8"), ("document", ">i8"), ("tokens", ">i4"), ("vector", ">f2", model.dimensions)],
        keys,
        {"model": model.pk, "version": signals.VERSION, "ids": list(ids)},
    )
    return Features(
        rows["id"].astype("i8"),
        rows["document"].astype("i8"),
        rows["tokens"].astype("i4"),
        rows["vector"].astype("f2"),
        _signals(rows, keys),
        tuple(keys),
    )


def of_pages(model: EmbeddingModel, documents: Sequence[int], keys: Sequence[str] = signals.KEYS) -> Features:
    """One row for each document that has signals and a passage with a vector, by id."""
    return pages_of(of_passages(model, documents=documents, keys=()), keys)


def pages_of(passages: Features, keys: Sequence[str] = signals.KEYS) -> Features:
    """The pages that passages, sorted by document, make up, with the signals of their whole text."""
    import numpy as np

    pages = means(passages)
    rows = _copied(
        _SIGNALS_OF_PAGES.format(signals=_signal_columns(keys)),
        [("id", ">i8")],
        keys,
        {"version": signals.VERSION, "ids": pages.ids.tolist()},
    )
    known = pages.chosen(np.isin(pages.ids, rows["id"].astype("i8")))
    return replace(known, signals=_signals(rows, keys), keys=tuple(keys))


def means(passages: Features) -> Features:
    """One row for each document: the mean of its passages' vectors, weighted by their tokens. Without signals."""
    import numpy as np

    found, starts = np.unique(passages.documents, return_index=True)
    weights = np.maximum(passages.tokens, 1).astype(np.float64)
    nothing = np.empty((len(found), 0))
    if not len(found):
        return Features(found, found, passages.tokens, passages.vectors, nothing, ())
    sums = np.add.reduceat(passages.vectors.astype(np.float64) * weights[:, None], starts, axis=0)
    vectors = (sums / np.add.reduceat(weights, starts)[:, None]).astype(np.float16)
    return Features(found, found, np.add.reduceat(passages.tokens, starts), vectors, nothing, ())


def joined(parts: Sequence[Features]) -> Features:
    """The rows of several readings of the same signals, one after the other; at least one."""
    import numpy as np

    return Features(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.documents for part in parts]),
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.signals for part in parts]),
        parts[0].keys,
    )


def measured(documents: Sequence[int]) -> int:
    """How many passages of the present text of these documents have signals: as many as `of_passages` reads, where none lacks a
    vector. Far cheaper than to ask which lack one."""
    with connection.cursor() as cursor:
        cursor.execute(_MEASURED, {"version": signals.VERSION, "ids": list(documents)})
        return int(cursor.fetchone()[0])


def without_vectors(model: EmbeddingModel, documents: Sequence[int]) -> int:
    """How many passages of these documents have no vector under the model yet."""
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT, {"model": model.pk, "ids": list(documents)})
        return int(cursor.fetchone()[0])


def _signal_columns(keys: Sequence[str]) -> str:
    """One column for each signal; of one that a text has not, 0."""
    return (
        ", ".join(f"coalesce((g.values -> '{key}')::float8, 0)" for key in keys if key in signals.KEYS)
        or "0::float8"
    )


def _copied(sql: str, fields: list[Any], keys: Sequence[str], parameters: dict[str, Any]) -> Any:
    """The rows as one structured array with a field for each column; `s0`, `s1`, … are the signals."""
    import numpy as np

    names = [*fields, *((f"s{at}", ">f8") for at in range(max(1, len(keys))))]
    layout: list[Any] = [("_count", ">i2")]
    for name, *form in names:
        layout.append((f"_{name}", ">i4"))
        if name == "vector":
            layout.append(
                ("_header", ">i4")
            )  # halfvec_send: dimensions and an unused number before the values
        layout.append((name, *form))
    connection.ensure_connection()
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT BINARY)", parameters) as copy,
    ):
        raw = b"".join(copy)
    return np.frombuffer(raw[_HEAD : len(raw) - _TAIL], dtype=np.dtype(layout))


def _signals(rows: Any, keys: Sequence[str]) -> NDArray[np.float64]:
    import numpy as np

    table = np.empty((len(rows), len(keys)))
    for at in range(len(keys)):
        table[:, at] = rows[f"s{at}"]
    return table

"""Find similar: the passages of a project whose vectors are nearest to a passage's or to any text's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from curation.models.embedding import Embedding, EmbeddingModel
from curation.models.passage import Passage
from curation.models.project import Project

#: What the index looks at before it widens its search by itself.
EF_SEARCH = 100
#: Vectors it may look at in all, in a project that holds a small part of them.
MOST_SCANNED = 40_000


@dataclass(frozen=True, slots=True)
class Neighbour:
    passage: Passage
    similarity: float  # cosine


_NEAREST = """
    SELECT p.id, 1 - (e.vector::halfvec({dimensions}) <=> %(vector)s::halfvec({dimensions})) AS similarity
      FROM curation_embedding e JOIN curation_passage p ON p.text_sha256 = e.text_sha256
      JOIN curation_document d ON d.id = p.document_id AND d.extraction_id = p.extraction_id
     WHERE e.model_id = {model} AND p.project_id = %(project)s AND p.id <> %(itself)s AND d.withdrawn_at IS NULL
       AND (%(everything)s OR p.left_out = '')
     ORDER BY e.vector::halfvec({dimensions}) <=> %(vector)s::halfvec({dimensions})
     LIMIT %(most)s
"""


def nearest_to_passage(passage: Passage, most: int = 10, *, left_out_too: bool = True) -> list[Neighbour]:
    """The passages nearest to a passage in its project, itself excluded, closest first. Empty before it was embedded."""
    model = EmbeddingModel.objects.of_project(passage.project)
    if model is None:
        return []
    vectors = Embedding.objects.vectors(model, [passage.text_sha256])
    if not vectors:
        return []
    vector = vectors[passage.text_sha256].astype(float).tolist()
    return nearest(passage.project, model, vector, most, itself=passage.pk, left_out_too=left_out_too)


def nearest(
    project: Project,
    model: EmbeddingModel,
    vector: Sequence[float],
    most: int = 10,
    *,
    itself: int = 0,
    left_out_too: bool = True,
) -> list[Neighbour]:
    """The passages nearest to a vector of `model` (of any text: `recipe.text.encode` makes it). At most 100.

    Approximate (HNSW), with pgvector's iterative scan, so that a small project among large ones still finds its
    neighbours; near ties come in one order.
    """
    sql = _NEAREST.format(dimensions=int(model.dimensions), model=int(model.pk))
    parameters: dict[str, int | str | bool] = {
        "vector": "[" + ",".join(map(repr, vector)) + "]",
        "project": project.pk,
        "itself": itself,
        "everything": left_out_too,
        "most": min(max(most, 1), 100),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('hnsw.iterative_scan', 'strict_order', true), set_config('hnsw.ef_search', %s, true),"
            " set_config('hnsw.max_scan_tuples', %s, true)",
            [str(EF_SEARCH), str(MOST_SCANNED)],
        )
        cursor.execute(sql, parameters)
        found = cursor.fetchall()
    passages = Passage.objects.select_related("document").defer("search").in_bulk([key for key, _ in found])
    near = [
        Neighbour(passages[key], round(float(similarity), 4)) for key, similarity in found if key in passages
    ]
    return sorted(near, key=lambda one: (-one.similarity, one.passage.pk))

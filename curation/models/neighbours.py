"""Find similar: the passages of a project whose vectors are nearest to a passage's or to any text's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from curation.models.embedding import Embedding, EmbeddingModel
from curation.models.passage import Passage
from curation.models.project import Project

#: Up to so many passages every one is compared; beyond, the model's HNSW index is asked.
EXACT_UP_TO = 3_000
#: What the index looks at before it widens its search by itself.
EF_SEARCH = 100
#: Vectors it may look at in all, in a project that holds a small part of them.
MOST_SCANNED = 40_000


@dataclass(frozen=True, slots=True)
class Neighbour:
    passage: Passage
    similarity: float  # cosine


#: Which passages can be found: of the present text of a document that is there.
_FOUND = """
    p.project_id = %(project)s AND p.id <> %(itself)s AND (%(everything)s OR p.left_out = '')
    AND EXISTS (SELECT FROM curation_document d WHERE d.id = p.document_id AND d.extraction_id = p.extraction_id
                                                  AND d.withdrawn_at IS NULL)
"""
_EXACT = f"""
    WITH mine AS MATERIALIZED (SELECT p.id, p.text_sha256 FROM curation_passage p WHERE {_FOUND})
    SELECT mine.id, 1 - (e.vector::halfvec({{dimensions}}) <=> %(vector)s::halfvec({{dimensions}})) AS similarity
      FROM mine JOIN curation_embedding e ON e.model_id = {{model}} AND e.text_sha256 = mine.text_sha256
     ORDER BY similarity DESC, mine.id LIMIT %(most)s
"""
_BY_INDEX = f"""
    SELECT p.id, 1 - near.distance AS similarity FROM (
        SELECT e.text_sha256, e.vector::halfvec({{dimensions}}) <=> %(vector)s::halfvec({{dimensions}}) AS distance
          FROM curation_embedding e
         CROSS JOIN LATERAL (
               SELECT FROM curation_passage p WHERE p.text_sha256 = e.text_sha256 AND {_FOUND} LIMIT 1) AS held
         WHERE e.model_id = {{model}}
         ORDER BY e.vector::halfvec({{dimensions}}) <=> %(vector)s::halfvec({{dimensions}}) LIMIT %(most)s
    ) AS near JOIN curation_passage p ON p.text_sha256 = near.text_sha256 AND {_FOUND}
"""
#: Left to itself the planner reads a whole project and sorts it: it does not know how near the index is to the answer. (The
#: lateral LIMIT above has the same purpose: it cannot be turned into a join that reads everything first.)
_SETTINGS = {
    "hnsw.iterative_scan": "strict_order",
    "hnsw.ef_search": str(EF_SEARCH),
    "hnsw.max_scan_tuples": str(MOST_SCANNED),
    "enable_sort": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


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

    Exact in a small project. In a larger one by the HNSW index, with pgvector's iterative scan, so that a project among
    much larger ones still finds its neighbours.
    """
    most = min(max(most, 1), 100)
    parameters: dict[str, int | str | bool] = {
        "vector": "[" + ",".join(map(repr, vector)) + "]",
        "project": project.pk,
        "itself": itself,
        "everything": left_out_too,
        "most": most,
    }
    small = Passage.objects.filter(project=project).order_by()[: EXACT_UP_TO + 1].count() <= EXACT_UP_TO
    sql = (_EXACT if small else _BY_INDEX).format(dimensions=int(model.dimensions), model=int(model.pk))
    with transaction.atomic(), connection.cursor() as cursor:
        if not small:
            for name, value in _SETTINGS.items():
                cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        cursor.execute(sql, parameters)
        found = cursor.fetchall()
    passages = Passage.objects.select_related("document").defer("search").in_bulk([key for key, _ in found])
    near = [
        Neighbour(passages[key], round(float(similarity), 4)) for key, similarity in found if key in passages
    ]
    return sorted(near, key=lambda one: (-one.similarity, one.passage.pk))[:most]

"""Kind `score`: pages by educational value, then the passages of pages that pass, by every rubric that has a scorer.

A chunk is a list of documents with the scorers that have not spoken of them: a page is made of its passages, so both stages read the
same vectors and signals, and passages of pages that fail are not scored at all. When a threshold is lowered later, the pages that pass
now are planned again. Documents are given their topic on the way.

With the option `activate` the job brings a version into use: everything is scored with it first, and the transaction that ends the job
moves the pointer and judges, so that all that is ever judged by is one version.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.db import connection

from curation.actions import scorers
from curation.actions.judging import judge_documents, judge_passages
from curation.actions.queues import redraw
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.jobs.kinds.embed import options as encoding
from curation.jobs.kinds.split import SPLIT
from curation.models import (
    Chunk,
    Document,
    EmbeddingModel,
    Job,
    Project,
    Queue,
    Rubric,
    Score,
    Scorer,
    features,
)
from curation.models.features import Features
from curation.recipe.scoring import signals, starter, stored, topics
from curation.recipe.text import encode

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DOCUMENTS = 2_000  # per chunk
PASSAGES = 20_000
EDUCATIONAL = "educational"

#: Every document with passages: how many, what it is worth, its topic, and how many scores each scorer has given it and its passages.
_SCORED = """
    WITH mine AS (
        SELECT d.id, d.extraction_id, d.topic FROM curation_document d
         WHERE d.project_id = %(project)s AND d.withdrawn_at IS NULL AND d.left_out = ANY(%(split)s)
    ), sizes AS (
        SELECT p.document_id, count(*) AS passages FROM mine
          JOIN curation_passage p ON p.document_id = mine.id AND p.extraction_id = mine.extraction_id
         GROUP BY p.document_id
    ), said AS (
        SELECT p.document_id, s.scorer_id, count(*) AS marks FROM curation_score s
          JOIN curation_passage p ON p.id = s.passage_id AND p.project_id = %(project)s
          JOIN mine ON mine.id = p.document_id AND mine.extraction_id = p.extraction_id
         WHERE s.scorer_id = ANY(%(of_passages)s) GROUP BY p.document_id, s.scorer_id
    ), of_passages AS (
        SELECT document_id, jsonb_object_agg(scorer_id, marks) AS marks FROM said GROUP BY document_id
    ), of_pages AS (
        SELECT s.document_id, jsonb_object_agg(s.scorer_id, s.value) AS marks FROM curation_score s
          JOIN mine ON mine.id = s.document_id WHERE s.scorer_id = ANY(%(of_documents)s) GROUP BY s.document_id
    )
    SELECT mine.id, sizes.passages, mine.topic, coalesce(of_pages.marks, '{}')::text, coalesce(of_passages.marks, '{}')::text
      FROM mine JOIN sizes ON sizes.document_id = mine.id
      LEFT JOIN of_pages ON of_pages.document_id = mine.id
      LEFT JOIN of_passages ON of_passages.document_id = mine.id
     ORDER BY mine.id
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """The least educational value of a page: the project's, or its topic's own."""

    least: float
    floors: dict[str, float]

    def of(self, topic: str) -> float:
        return self.floors.get(topic, self.least)


@dataclass(slots=True)
class Scored:
    """What a chunk found: (level, scorer, subjects, values), and the topics of documents that had none."""

    marks: list[tuple[str, int, NDArray[np.int64], NDArray[np.float64]]] = field(default_factory=list)
    topics: dict[int, str] = field(default_factory=dict)
    documents: int = 0


# Planning


def plan(job: Job) -> Iterator[ChunkPlan]:
    assert job.project is not None
    instead = None
    if "activate" in job.options:
        instead = Scorer.objects.select_related("rubric").get(pk=job.options["activate"])
    bar = Bar(job.project.settings.min_educational, job.project.topic_floors)
    yield from plan_missing(job, job.project, bar, instead)


def plan_missing(job: Job, project: Project, bar: Bar, instead: Scorer | None = None) -> Iterator[ChunkPlan]:
    """The documents that lack a score under this bar, by what they lack. Freezes scorers and bar with the job, so that
    every chunk uses the same."""
    model = EmbeddingModel.objects.get(pk=job.options["model"])
    chosen = scorers.ensure_scorers(project, model, lambda: _heads(model), instead)
    job.options = {
        **job.options,
        "scorers": {key: scorer.pk for key, scorer in chosen.items()},
        "min_educational": bar.least,
        "floors": bar.floors,
    }
    job.save(update_fields=["options"])
    waiting: dict[tuple[int, ...], list[int]] = defaultdict(list)
    passages: dict[tuple[int, ...], int] = defaultdict(int)
    for document, size, needed in _missing(project, chosen, bar, has_topics=_has_topics(model)):
        full = len(waiting[needed]) >= DOCUMENTS or passages[needed] + size > PASSAGES
        if waiting[needed] and full:
            documents = waiting.pop(needed)
            yield ChunkPlan({"documents": documents, "scorers": list(needed)}, len(documents))
            passages[needed] = 0
        waiting[needed].append(document)
        passages[needed] += size
    for needed, documents in waiting.items():
        yield ChunkPlan({"documents": documents, "scorers": list(needed)}, len(documents))


def _missing(
    project: Project, chosen: dict[str, Scorer], bar: Bar, has_topics: bool
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """(document, its passages, scorers that it or its passages need), for each document that needs anything."""
    of_documents = [one.pk for one in chosen.values() if one.rubric.level == Rubric.Level.DOCUMENT]
    of_passages = [one.pk for one in chosen.values() if one.rubric.level == Rubric.Level.PASSAGE]
    educational = str(chosen[EDUCATIONAL].pk)
    with connection.cursor() as cursor:
        cursor.execute(
            _SCORED,
            {
                "project": project.pk,
                "split": list(SPLIT),
                "of_documents": of_documents,
                "of_passages": of_passages,
            },
        )
        rows = cursor.fetchall()
    for document, size, topic, own, marks in rows:
        own, marks = json.loads(own), json.loads(marks)
        needed = [scorer for scorer in of_documents if str(scorer) not in own]
        if own.get(educational, 5.0) >= bar.of(topic):
            needed += [scorer for scorer in of_passages if marks.get(str(scorer), 0) < size]
        if needed or (has_topics and not topic):
            yield document, size, tuple(needed)


def _heads(model: EmbeddingModel) -> starter.Heads:
    """`starter-1` for a model: as shipped for the bundled one, fitted to the exemplars for any other."""
    key = encode.model_key(encoding())
    if str(key) != model.key:
        raise ValueError(
            f"The passages were embedded with {model.key}, the studio is set to {key}: curate again."
        )
    if key.name == encode.BUNDLED:
        return starter.shipped()
    exemplars = starter.exemplars()
    texts = [exemplar.text for exemplar in exemplars]
    measured = [signals.measure(text) for text in texts]
    vectors = encode.load(encoding()).encode(texts)
    return starter.fit(model.key, vectors, measured, [exemplar.values for exemplar in exemplars])


# Processing


def process(job: Job, chunk: Chunk, pulse: Pulse) -> Scored:
    """Every value of the chunk, in arrays: one product of a matrix for each scorer."""
    model = EmbeddingModel.objects.get(pk=job.options["model"])
    documents: list[int] = chunk.inputs["documents"]
    asked = Scorer.objects.select_related("rubric").in_bulk(chunk.inputs["scorers"])
    answering = {key: stored.read(one.parameters, one.rubric.key) for key, one in asked.items()}
    keys = tuple(dict.fromkeys(key for one in answering.values() for key in one.keys))
    passages = features.of_passages(model, documents=documents, keys=keys)
    _require_vectors(model, documents, len(passages.ids))
    pulse.beat(len(documents) // 4)
    result = Scored(documents=len(documents))
    known = dict(Document.objects.filter(pk__in=documents).values_list("pk", "topic"))
    result.topics = _topics(model, passages, known)
    passing = _score_pages(job, asked, answering, passages, known | result.topics, result)
    pulse.beat(len(documents) // 2)
    wanted = [key for key, one in asked.items() if one.rubric.level == Rubric.Level.PASSAGE]
    for scorer in wanted:
        one = answering[scorer]
        values = one.score(passing.vectors, passing.columns(one.keys))
        result.marks.append((Rubric.Level.PASSAGE, scorer, passing.ids, values))
        pulse.beat(len(documents) // 2)
    return result


def _require_vectors(model: EmbeddingModel, documents: list[int], found: int) -> None:
    if found < features.measured(documents) and (missing := features.without_vectors(model, documents)):
        raise ValueError(f"{missing} passages have no vector yet: curate again, which embeds them first.")


def _score_pages(
    job: Job,
    asked: dict[int, Scorer],
    answering: dict[int, stored.Answering],
    passages: Features,
    topic_of: dict[int, str],
    result: Scored,
) -> Features:
    """Score the pages, and return the passages of those that pass: all of them where educational value is known already,
    because then only documents that pass were planned."""
    import numpy as np

    passing = passages
    for key, one in asked.items():
        if one.rubric.level != Rubric.Level.DOCUMENT:
            continue
        pages, values = page_values(answering[key], passages)
        result.marks.append((Rubric.Level.DOCUMENT, key, pages, values))
        if key == job.options["scorers"][EDUCATIONAL]:
            bar = Bar(job.options["min_educational"], job.options.get("floors", {}))
            limits = np.array([bar.of(topic_of.get(page, "")) for page in pages.tolist()])
            passing = passages.chosen(np.isin(passages.documents, pages[values >= limits]))
    return passing


def page_values(one: stored.Answering, passages: Features) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(documents, values): the mean of its passages' values by tokens, or what a head says of the page as a whole."""
    import numpy as np

    if not one.by_passages:
        pages = features.pages_of(passages, one.keys)
        return pages.ids, one.score(pages.vectors, pages.columns(one.keys))
    values = one.score(passages.vectors, passages.columns(one.keys))
    found, starts = np.unique(passages.documents, return_index=True)
    borders = [*starts.tolist(), len(values)]
    tokens = passages.tokens
    means = [
        starter.page_value(values[start:end].tolist(), tokens[start:end].tolist())
        for start, end in pairwise(borders)
    ]
    return found, np.array(means)


def _has_topics(model: EmbeddingModel) -> bool:
    """Whether topics can be told: their texts are encoded with the studio's model."""
    return str(encode.model_key(encoding())) == model.key


def _topics(model: EmbeddingModel, passages: Features, known: dict[int, str]) -> dict[int, str]:
    """The topics of those documents that have none yet, by the mean of their passages' vectors."""
    import numpy as np

    rows = np.isin(passages.documents, [document for document, topic in known.items() if not topic])
    if not rows.any() or not _has_topics(model):
        return {}
    pages = features.means(passages.chosen(rows))
    norms = np.maximum(np.linalg.norm(pages.vectors.astype(np.float32), axis=1, keepdims=True), 1e-9)
    found = topics.assign(pages.vectors.astype(np.float32) / norms, _prototypes(model.key))
    return dict(zip(pages.ids.tolist(), found, strict=True))


@lru_cache(maxsize=1)
def _prototypes(key: str) -> NDArray[np.float32]:
    """The vectors of the topics' texts under the studio's model, once per process; `key` names that model."""
    return topics.prototypes(encode.load(encoding()).encode)


# Saving


def save(job: Job, chunk: Chunk, result: Scored) -> Tally:
    for level, scorer, subjects, values in result.marks:
        Score.objects.append(level, scorer, subjects, values)
    if result.topics:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE curation_document d SET topic = told.topic"
                "  FROM unnest(%s::bigint[], %s::text[]) AS told (id, topic) WHERE d.id = told.id AND d.topic = ''",
                [list(result.topics), list(result.topics.values())],
            )
    return Tally(done=result.documents)


def finish(job: Job) -> dict[str, Any]:
    assert job.project is not None
    if "activate" in job.options:
        scorer = Scorer.objects.select_related("rubric").get(pk=job.options["activate"])
        scorers.speak(job.project, scorer, job.created_by, job.options.get("why", ""))
    documents = judge_documents(job.project)
    passages = judge_passages(job.project)
    if "activate" in job.options:
        for queue in job.project.queues.filter(order=Queue.Order.LEARNING, archived_at=None):
            redraw(queue)
    return {
        "documents": sum(job.chunks.values_list("done", flat=True)),
        "verdicts_changed": documents + passages,
    }


KIND = Kind(
    name="score",
    title="Score pages and passages",
    unit="documents",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
    lane="curate",
)

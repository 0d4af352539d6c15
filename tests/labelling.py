"""Projects that people have rated: passages with vectors, signals and settled ratings, as many as a test or benchmark needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from curation.jobs.kinds.embed import registered
from curation.jobs.run import drain
from curation.models import (
    Decision,
    Embedding,
    EmbeddingModel,
    Item,
    Job,
    Passage,
    Project,
    Queue,
    Rubric,
    Signals,
    Slot,
    User,
)
from curation.recipe.scoring import signals
from curation.recipe.text import encode
from curation.recipe.text.normalise import normal_hash
from tests import factories as make

#: Signals of one ordinary text: for rows whose own do not matter.
ORDINARY = signals.measure("Ice floats because water expands when it freezes, and so it is lighter.")


def bundled() -> EmbeddingModel:
    """The bundled model's row, without loading the model."""
    return registered(encode.model_key(encode.Options()))


def embedded(project: Project, model: EmbeddingModel | None = None) -> EmbeddingModel:
    """Say that the project uses a model's vectors, as its last `embed` job would."""
    model = model or bundled()
    Job.objects.create(project=project, kind="embed", state=Job.State.DONE, result={"model": model.pk})
    return model


def vectors(count: int, dimensions: int = 384, seed: int = 7) -> np.ndarray:
    """Random unit vectors, float32, shape (count, dimensions)."""
    drawn = np.random.default_rng(seed).standard_normal((count, dimensions), dtype=np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def teacher(points: np.ndarray, highest: int = 5, seed: int = 1) -> np.ndarray:
    """Whole ratings from 0 to `highest` that follow one direction of the vectors: what a head can learn."""
    direction = np.random.default_rng(seed).standard_normal(points.shape[1])
    along = points @ direction / np.linalg.norm(direction)
    ranks = along.argsort().argsort() / max(1, len(along) - 1)
    return np.clip(np.round(ranks * highest), 0, highest).astype(int)


def pages(
    project: Project, points: np.ndarray, per_page: int = 1, model: EmbeddingModel | None = None
) -> list[Passage]:
    """Passages that went as far as `embed`: of kept pages, `per_page` each, with these vectors."""
    model = model or embedded(project)
    before = Passage.objects.filter(project=project).count()
    texts = [
        f"Passage {before + at} of {project.slug}, which is long enough to be read twice."
        for at in range(len(points))
    ]
    wholes = [f"Page of {text} " * 4 for text in texts[::per_page]]
    documents = make.kept_documents(project, wholes, topic="science")
    made = Passage.objects.bulk_create(
        make.passage_of(
            documents[at // per_page], text, ordinal=at % per_page, normal_sha256=normal_hash(text)
        )
        for at, text in enumerate(texts)
    )
    of_pages = [Signals(extraction=one.extraction) for one in documents]
    of_passages = [Signals(passage=one) for one in made]
    for row in (*of_pages, *of_passages):
        row.version, row.values = signals.VERSION, ORDINARY
    Signals.objects.bulk_create([*of_pages, *of_passages])
    hashes = [one.text_sha256 for one in made]
    Embedding.objects.keep(model, dict(zip(hashes, points.astype(np.float32), strict=True)))
    return made


def scored(project: Project) -> None:
    """Score everything with what speaks, as curation does: the starters at first."""
    job = Job.objects.create(
        project=project,
        kind="score",
        lane="curate",
        options={"model": EmbeddingModel.objects.of_project(project).pk},
    )
    job = drain(job)
    assert job.state == Job.State.DONE, job.reason


def rated(
    queue: Queue, subjects: Sequence[Any], ratings: Mapping[str, Sequence[int]], by: Sequence[User] = ()
) -> list[Item]:
    """Settled items of these subjects, rated alike by each person, in few statements."""
    people = list(by) or [
        User.objects.create(email=f"rater{queue.pk}-{n}@example.org", password=make_password(None))
        for n in range(queue.wanted)
    ]
    subject = {"document": "document", "passage": "passage"}[type(subjects[0])._meta.model_name or ""]
    said = [{key: int(values[at]) for key, values in ratings.items()} for at in range(len(subjects))]
    items = Item.objects.bulk_create(
        Item(
            queue=queue,
            position=at,
            wanted=queue.wanted,
            state=Item.State.RATED,
            settled_at=timezone.now(),
            result={key: float(value) for key, value in said[at].items()},
            **{subject: one},
        )
        for at, one in enumerate(subjects)
    )
    decisions = Decision.objects.bulk_create(
        Decision(item=item, user=person, event="decide", verdict="rate", ratings=said[at])
        for at, item in enumerate(items)
        for person in people
    )
    Slot.objects.bulk_create(
        Slot(
            item=decision.item,
            queue=queue,
            number=1 + at % len(people),
            position=decision.item.position,
            state=Slot.State.DECIDED,
            holder=decision.user,
            decision=decision,
        )
        for at, decision in enumerate(decisions)
    )
    return items


def our_rubric(key: str) -> Rubric:
    """One of ours, as the studio makes it."""
    from curation.actions.scorers import ensure_rubrics

    return ensure_rubrics()[key]

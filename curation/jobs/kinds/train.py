"""Kind `train`: a new version of a rubric's scorer, from what people settled.

The one chunk holds the labels as they were when the job was planned: subjects, values, and the decisions (and annotators' labels) they
come from. A fifth of the pages is held out by content hash and only ever measured on: the new head and the one that speaks now,
on the same texts, in all and by language. If it is not worse, ending the job activates it; else the version waits for a person and says why.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import IntegerField, Max
from django.db.models.functions import Cast

from curation.actions import scorers
from curation.jobs.kind import ChunkPlan, Kind, Pulse, Tally
from curation.jobs.kinds.score import page_values
from curation.models import (
    ActiveScorer,
    Chunk,
    EmbeddingModel,
    Job,
    Project,
    Rubric,
    Scorer,
    features,
    labelled,
)
from curation.models.features import Features
from curation.recipe.scoring import holdout, stored
from curation.recipe.scoring.figures import Figures, figures
from curation.recipe.scoring.head import LEAST_LABELS, Head, Settings, TooFewLabels, train
from curation.recipe.scoring.verdict import Verdict, verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "head"
#: Shares of the training labels, in the order in which people gave them, for the curve of what more labels bring.
CURVE = (0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class Trained:
    head: Head
    training: dict[str, Any]
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Set:
    """Labels with what a head reads of their subjects, row by row."""

    rows: Features
    values: NDArray[np.float64]
    pages: list[str]
    languages: list[str]

    def chosen(self, at: Sequence[int]) -> _Set:
        import numpy as np

        index = np.asarray(at, dtype=np.intp)
        return _Set(
            self.rows.chosen(index),
            self.values[index],
            [self.pages[one] for one in at],
            [self.languages[one] for one in at],
        )


# Planning


def plan(job: Job) -> Iterator[ChunkPlan]:
    """Freezes the labels. Raises ValueError when there are too few."""
    assert job.project is not None
    rubric = Rubric.objects.get(pk=job.options["rubric"])
    rows = _labels(job.project, rubric, job.options["annotators"])
    least = job.project.settings.min_labels
    if len(rows["subjects"]) < least:
        raise ValueError(
            scorers.too_few(rubric, labelled.tally(job.project, rubric), least - len(rows["subjects"]))
        )
    active = ActiveScorer.objects.filter(project=job.project, rubric=rubric).first()
    job.options = {
        **job.options,
        "active": active.scorer_id if active else None,
        "threshold": _threshold(job.project, rubric),
        "settings": Settings().as_dict(),
    }
    job.save(update_fields=["options"])
    yield ChunkPlan(rows, len(rows["subjects"]))


def _labels(project: Project, rubric: Rubric, annotators: Sequence[str]) -> dict[str, Any]:
    """Columns of labels, people's in the order in which they were settled; annotators' where people said nothing."""
    targets = labelled.targets(project, rubric)
    by_people = {one.subject for one in targets}
    said: dict[int, list[labelled.Answer]] = defaultdict(list)
    if annotators:
        for answer in labelled.annotators(project, rubric, annotators):
            if answer.subject not in by_people:
                said[answer.subject].append(answer)
    others = list(said.values())
    return {
        "subjects": [one.subject for one in targets] + [one[0].subject for one in others],
        "values": [one.value for one in targets] + [sum(a.value for a in one) / len(one) for one in others],
        "pages": [one.page_sha256 for one in targets] + [one[0].page_sha256 for one in others],
        "languages": [one.language for one in targets] + [one[0].language for one in others],
        "decisions": sorted(key for one in targets for key in one.decisions),
        "labels": sorted(answer.id for one in others for answer in one),
        "by_people": len(targets),
    }


def _threshold(project: Project, rubric: Rubric) -> float:
    return float(getattr(project.settings, f"min_{rubric.key}", rubric.highest / 2))


# Training


def process(job: Job, chunk: Chunk, pulse: Pulse) -> Trained:
    rubric = Rubric.objects.get(pk=job.options["rubric"])
    model = EmbeddingModel.objects.get(pk=job.options["model"])
    threshold = job.options["threshold"]
    known, by_people = _known(rubric, model, chunk.inputs)
    held = [at for at, page in enumerate(known.pages) if holdout.held_out(page)]
    learnt = known.chosen(sorted(set(range(len(known.pages))) - set(held)))
    # People are who a scorer is measured against, where they said enough.
    judged = [at for at in held if at in by_people] if by_people else held
    held_out = known.chosen(judged if len(judged) >= LEAST_LABELS else held)
    pulse.beat()
    head = _trained(learnt, rubric, Settings())
    pulse.beat(len(known.pages) // 2)
    new = _measured(stored.Trained(head), held_out, threshold)
    present, present_figures = _present(job, rubric, model, held_out, threshold)
    said = _verdict(new, present, present_figures, model)
    return Trained(
        head,
        {
            "labels": len(known.pages),
            "learnt": len(learnt.pages),
            "by_people": chunk.inputs["by_people"],
            "annotators": job.options["annotators"],
            "without_vector": len(chunk.inputs["subjects"]) - len(known.pages),
            "subjects": known.rows.ids.tolist(),
            "held_out": known.rows.ids[held].tolist(),
            "decisions": chunk.inputs["decisions"],
            "label_ids": chunk.inputs["labels"],
            "languages": dict(Counter(learnt.languages)),
            "settings": job.options["settings"],
            "activation": {"by_itself": said.by_itself, "why": said.why},
        },
        {
            **new.as_dict(),
            "present": {"scorer": present.pk, "name": str(present), **present_figures.as_dict()}
            if present and present_figures
            else None,
            "learning_curve": _curve(head, learnt, held_out, rubric, threshold),
        },
    )


def _known(rubric: Rubric, model: EmbeddingModel, inputs: dict[str, Any]) -> tuple[_Set, set[int]]:
    """The labels whose subjects have a vector, in their order, and which of these people gave."""
    import numpy as np

    subjects: list[int] = inputs["subjects"]
    read = features.of_pages if rubric.level == Rubric.Level.DOCUMENT else _passages
    rows = read(model, subjects)
    place = {key: at for at, key in enumerate(rows.ids.tolist())}
    at = [number for number, subject in enumerate(subjects) if subject in place]
    known = _Set(
        rows.chosen(np.array([place[subjects[number]] for number in at], dtype=np.intp)),
        np.array([inputs["values"][number] for number in at], dtype=np.float64),
        [inputs["pages"][number] for number in at],
        [inputs["languages"][number] or "und" for number in at],
    )
    return known, {new for new, number in enumerate(at) if number < inputs["by_people"]}


def _passages(model: EmbeddingModel, subjects: Sequence[int]) -> Features:
    return features.of_passages(model, passages=subjects)


def _trained(learnt: _Set, rubric: Rubric, settings: Settings) -> Head:
    return train(
        learnt.rows.vectors,
        learnt.rows.columns(settings.signals),
        learnt.values,
        rubric.highest,
        settings,
        learnt.pages,
    )


def _measured(one: stored.Answering, held_out: _Set, threshold: float) -> Figures:
    values = one.score(held_out.rows.vectors, held_out.rows.columns(one.keys))
    return figures(values, held_out.values, threshold, held_out.languages)


def _present(
    job: Job, rubric: Rubric, model: EmbeddingModel, held_out: _Set, threshold: float
) -> tuple[Scorer | None, Figures | None]:
    """The scorer that speaks now, with its figures on the same texts where it can read them."""
    import numpy as np

    scorer = Scorer.objects.filter(pk=job.options["active"]).first()
    if scorer is None or not scorers.reads(scorer, model):
        return scorer, None
    one = stored.read(scorer.parameters, rubric.key)
    if not (one.by_passages and rubric.level == Rubric.Level.DOCUMENT):
        return scorer, _measured(one, held_out, threshold)
    keys = held_out.rows.ids.tolist()
    pages, values = page_values(one, features.of_passages(model, documents=keys, keys=one.keys))
    said = dict(zip(pages.tolist(), values.tolist(), strict=True))
    predicted = np.array([said[key] for key in keys])
    return scorer, figures(predicted, held_out.values, threshold, held_out.languages)


def _verdict(
    new: Figures, present: Scorer | None, present_figures: Figures | None, model: EmbeddingModel
) -> Verdict:
    if present is not None and present_figures is None:
        return Verdict(
            False,
            f"{present} reads the vectors of another model, so nothing can be compared: a person decides.",
        )
    return verdict(new, present_figures, str(present))


def _curve(
    head: Head, learnt: _Set, held_out: _Set, rubric: Rubric, threshold: float
) -> list[dict[str, float | None]]:
    """Figures on the held-out texts of heads that learnt from the first labels only, with the strengths that the whole
    training chose: what more labels have brought."""
    fixed = Settings(ridges=(head.ridge,), signal_weights=(head.fit["signal_weight"],))
    points: list[dict[str, float | None]] = []
    for count in sorted({round(share * len(learnt.pages)) for share in CURVE}):
        try:
            partial = _trained(learnt.chosen(range(count)), rubric, fixed)
        except TooFewLabels:
            continue
        found = _measured(stored.Trained(partial), held_out, threshold)
        points.append({"labels": count, "auc": found.auc, "spearman": found.spearman, "mae": found.mae})
    return points


# Saving


def save(job: Job, chunk: Chunk, result: Trained) -> Tally:
    rubric = Rubric.objects.select_for_update(no_key=True).get(pk=job.options["rubric"])
    versions = Scorer.objects.filter(project=job.project, rubric=rubric, name=NAME)
    latest = versions.annotate(number=Cast("version", IntegerField())).aggregate(Max("number"))["number__max"]
    Scorer.objects.create(
        project=job.project,
        rubric=rubric,
        model_id=job.options["model"],
        job=job,
        name=NAME,
        version=str((latest or 0) + 1),
        parameters=result.head.as_dict(),
        training=result.training,
        figures=result.figures,
    )
    return Tally(done=result.training["labels"], dropped=result.training["without_vector"])


def finish(job: Job) -> dict[str, Any]:
    assert job.project is not None
    scorer = Scorer.objects.select_related("rubric").get(job=job)
    activation = scorer.training["activation"]
    said = {"scorer": str(scorer), "activated": activation["by_itself"], "why": activation["why"]}
    if activation["by_itself"]:
        try:
            scorers.activate(job.project, scorer, None, activation["why"])
        except scorers.ScorerError as error:
            said |= {"activated": False, "why": str(error)}
    return said


KIND = Kind(
    name="train",
    title="Train a scorer",
    unit="labels",
    plan=plan,
    process=process,
    save=save,
    finish=finish,
)

"""`learning_curve`: labels needed for the same AUC, asked for by a learning queue (with its controls and likely top ones) and in
random order. ours = labels of the learning queue on subjective sentences, from the curve averaged over seeds; peer = those of random order.

Both start from the same labels; every step trains a head on all labels so far and measures it on texts that neither may ask for. The
target is the AUC that random order reaches with the most labels. `worst` is the least difference between the two curves at
any step, with its standard error over seeds: what learning costs where it costs most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.recipe.scoring import head, holdout
from curation.recipe.scoring.draw import draw
from curation.recipe.scoring.figures import figures
from curation.recipe.text.split import split
from tests.bench import data, scorers
from tests.bench.data import Rated

SEEDS = range(8)
HELD_OUT = 0.25
SHARE_RANDOM, SHARE_TOP = 0.2, 0.1
SENTENCES = 3_000


@dataclass(frozen=True)
class Course:
    texts: scorers.Encoded
    highest: int
    threshold: float
    steps: tuple[int, ...]


def learning_curve() -> dict[str, Any]:
    courses = {
        "subj": Course(scorers.passages(_some(data.subj())), 1, 0.5, (40, 80, 120, 160, 240, 320, 480, 640)),
        "reading": Course(scorers.passages(_openings()), 2, 1.5, (40, 80, 120, 160, 240, 320, 480)),
        "checkthat": Course(
            scorers.passages(_each(data.checkthat())), 1, 0.5, (160, 240, 320, 480, 640, 960)
        ),
    }
    found = {name: _compared(course) for name, course in courses.items()}
    return {
        "name": "learning_curve",
        "ours": found["subj"]["labels_learning"],
        "unit": "labels",
        "peer": found["subj"]["labels_random"],
        "peer_name": "the same head on labels in random order",
        "n": len(courses["subj"].texts.values),
        "details": {"seeds": len(SEEDS), "share_random": SHARE_RANDOM, "share_top": SHARE_TOP, **found},
    }


def _compared(course: Course) -> dict[str, Any]:
    learning, random = (
        np.array([_curve(course, seed, learns) for seed in SEEDS]) for learns in (True, False)
    )
    target = float(random.mean(axis=0)[-1])
    gain = learning - random
    worst = int(gain.mean(axis=0).argmin())
    return {
        "target_auc": round(target, 4),
        "labels_learning": _needed(course.steps, learning.mean(axis=0), target),
        "labels_random": _needed(course.steps, random.mean(axis=0), target),
        "worst": {
            "labels": course.steps[worst],
            "difference": round(float(gain.mean(axis=0)[worst]), 4),
            "standard_error": round(float(gain.std(axis=0, ddof=1)[worst] / np.sqrt(len(SEEDS))), 4),
        },
        "mean_difference": round(float(gain.mean()), 4),
        "steps": list(course.steps),
        "auc_learning": [round(value, 4) for value in learning.mean(axis=0).tolist()],
        "auc_random": [round(value, 4) for value in random.mean(axis=0).tolist()],
    }


def _curve(course: Course, seed: int, learns: bool) -> list[float]:
    """AUC on the held-out texts after each step."""
    texts = course.texts
    out = np.array([holdout.position(key, f"curve/{seed}") < HELD_OUT for key in texts.keys])
    held_out, order = (
        texts[np.flatnonzero(out)],
        np.random.default_rng(seed).permutation(np.flatnonzero(~out)),
    )
    asked = order[: course.steps[0]]
    curve: list[float] = []
    for before, after in zip(course.steps, (*course.steps[1:], None), strict=True):
        trained = _trained(texts[asked], course.highest)
        curve.append(_auc(trained, held_out, course.threshold))
        if after is None:
            break
        rest = order[~np.isin(order, asked)]
        new = (
            _drawn(trained, texts[rest], after - before, course.threshold, seed)
            if learns and trained
            else np.arange(after - before)
        )
        asked = np.concatenate([asked, rest[new]])
    return curve


def _trained(texts: scorers.Encoded, highest: int) -> head.Head | None:
    """None while all labels are the same: there is nothing to tell apart yet."""
    try:
        return head.train(texts.vectors, texts.signals, texts.values, highest, keys=texts.keys)
    except head.TooFewLabels:
        return None


def _auc(trained: head.Head | None, texts: scorers.Encoded, threshold: float) -> float:
    if trained is None:
        return 0.5
    return figures(trained.score(texts.vectors, texts.signals), texts.values, threshold).auc or 0.5


def _drawn(
    trained: head.Head, texts: scorers.Encoded, count: int, threshold: float, seed: int
) -> NDArray[np.intp]:
    drawn = draw(
        trained.score(texts.vectors, texts.signals),
        trained.uncertainty(texts.vectors, texts.signals, threshold),
        count,
        share_random=SHARE_RANDOM,
        share_top=SHARE_TOP,
        seed=seed,
        kinship=lambda at: trained.kinship(texts.vectors[at], texts.signals[at]),
    )
    return np.array([one.at for one in drawn], dtype=np.intp)


def _needed(steps: tuple[int, ...], curve: NDArray[np.float64], target: float) -> int | None:
    """Labels at which a curve first reaches the target, between two steps by a straight line; None if it never does."""
    for at, value in enumerate(curve):
        if value >= target:
            if not at:
                return steps[0]
            part = (target - curve[at - 1]) / (value - curve[at - 1])
            return round(steps[at - 1] + part * (steps[at] - steps[at - 1]))
    return None


def _some(rated: list[Rated]) -> list[Rated]:
    return sorted(rated, key=lambda one: holdout.position(one.text))[:SENTENCES]


def _each(rated: list[Rated]) -> list[Rated]:
    """Every sentence on its own: there are only three debates, too few to hold some of them out."""
    return [Rated(one.text, one.value, one.text) for one in rated]


def _openings() -> list[Rated]:
    """The first two passages of each version of an article."""
    return [
        Rated(one.text[span.start : span.end], one.value, one.key)
        for one in data.onestopenglish()
        for span in split(one.text)[:2]
    ]

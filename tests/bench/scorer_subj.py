"""`scorer_subj`: objective against subjective sentences, across five folds. ours = AUC of a trained head."""

from __future__ import annotations

from typing import Any

from tests.bench import data, scorers


def scorer_subj() -> dict[str, Any]:
    return scorers.benchmark("scorer_subj", scorers.passages(data.subj()), 1, "AUC")

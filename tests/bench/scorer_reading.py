"""`scorer_reading`: articles at three reading levels, the versions of an article on one side of each fold.
ours = Spearman of a trained head."""

from __future__ import annotations

from typing import Any

from tests.bench import data, scorers


def scorer_reading() -> dict[str, Any]:
    return scorers.benchmark("scorer_reading", scorers.pages(data.onestopenglish()), 2, "Spearman")

"""`scorer_edu`: pages with the educational value that a language model gave them. ours = Spearman of `starter-1`, which has
learnt from texts of our own only; a head trained on these values is measured across five folds beside it.

These pages are for measuring only: nothing that is shipped is fitted to them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.recipe.scoring import signals, starter
from curation.recipe.scoring.figures import figures
from curation.recipe.text import encode
from curation.recipe.text.split import split
from tests.bench import data, scorers

THRESHOLD = 3.0


def scorer_edu() -> dict[str, Any]:
    rated = data.edu_scores()
    texts = scorers.pages(rated)
    ours = figures([_by_starter(one.text) for one in rated], texts.values, THRESHOLD)
    trained = scorers.benchmark("scorer_edu", texts, 5, "Spearman")
    return {
        **trained,
        "ours": round(ours.spearman or 0.0, 4),
        "details": {
            **trained["details"],
            "ours": scorers.shown(ours),
            "trained_head": trained["details"]["ours"],
            "values": {f"{value:g}": int((texts.values == value).sum()) for value in np.unique(texts.values)},
        },
    }


def _by_starter(text: str) -> float:
    """A page's value as the studio works it out: the mean of its passages' by tokens."""
    parts = [(text[span.start : span.end], span.tokens) for span in split(text)]
    said = [part for part, _ in parts]
    values = starter.shipped().score(
        "educational", encode.load().encode(said), [signals.measure(part) for part in said]
    )
    return starter.page_value(values, [weight for _, weight in parts])

"""Whether a new scorer may take over by itself: only if, on texts that neither has learnt from, it is not worse.

Two figures decide. Spearman's rank correlation: does it put texts in the order in which people do? Mean absolute error: do its
values mean what people's mean, so that thresholds keep their sense? It has to reach the present one in both. Where there
are too few texts to tell, a person decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from curation.recipe.scoring.figures import Figures

#: Held-out texts below which nothing is decided.
LEAST_HELD_OUT = 8
#: Differences below these are none: the figures are rounded so on screen.
SLACK = {"spearman": 0.005, "mae": 0.005}


@dataclass(frozen=True, slots=True)
class Verdict:
    by_itself: bool
    why: str


def verdict(new: Figures, present: Figures | None, present_name: str) -> Verdict:
    """`present`: the figures of the scorer that speaks now, on the same texts; None where none does."""
    if new.n < LEAST_HELD_OUT:
        return Verdict(False, f"Only {new.n} labels were held out: too few to tell, so a person decides.")
    if new.spearman is None or new.mae is None:
        return Verdict(False, "All held-out labels or all its scores are equal: a person decides.")
    if present is None:
        said = f"rank correlation {new.spearman:.2f} on {new.n} held-out labels"
        if new.spearman <= 0:
            return Verdict(False, f"It has learnt nothing yet ({said}): a person decides.")
        return Verdict(True, f"The first version: {said}.")
    better_order = present.spearman is None or new.spearman >= present.spearman - SLACK["spearman"]
    better_values = present.mae is None or new.mae <= present.mae + SLACK["mae"]
    said = (
        f"rank correlation {new.spearman:.2f} against {_shown(present.spearman)}, mean error {new.mae:.2f} against "
        f"{_shown(present.mae)} of {present_name}, on {new.n} held-out labels"
    )
    if better_order and better_values:
        return Verdict(True, f"Not worse: {said}.")
    what = "order" if not better_order else "values"
    return Verdict(False, f"Worse in its {what}, so a person decides: {said}.")


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"

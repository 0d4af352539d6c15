"""What a project wants its samples to cover: weights for topics, skills and difficulties."""

from __future__ import annotations

import math
from collections.abc import Mapping

from django.db import transaction

from curation.models import Activity, Project, User
from curation.recipe.chain import LIMITS
from curation.recipe.generate.coverage import AXES

HIGHEST = 1_000.0
MOST_VALUES = 200  # of an axis


class CoverageError(Exception):
    """Weights that cannot be kept; the message says which and why."""


def want(project: Project, weights: Mapping[str, Mapping[str, float]], by: User) -> bool:
    """Say how much of each value is wanted, as {axis: {value: weight}}: 1 is the rule, 2 twice as much, 0 none. Values that are
    not named weigh 1. Returns whether anything changed. Raises CoverageError."""
    wanted = {axis: kept for axis in weights if (kept := _checked(axis, weights[axis]))}
    with transaction.atomic():
        locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        if locked.coverage_wanted == wanted:
            return False
        Activity.objects.create(
            project=project,
            actor=by,
            verb="changed what is wanted of samples",
            details={"before": locked.coverage_wanted, "after": wanted},
        )
        locked.coverage_wanted = wanted
        locked.save(update_fields=["coverage_wanted"])
    project.coverage_wanted = wanted
    return True


def _checked(axis: str, weights: Mapping[str, float]) -> dict[str, float]:
    """The weights that differ from the rule."""
    if axis not in AXES:
        raise CoverageError(f"There is no axis {axis!r}; there are {', '.join(AXES)}.")
    if len(weights) > MOST_VALUES:
        raise CoverageError(f"At most {MOST_VALUES} values of one axis have weights of their own.")
    for value, weight in weights.items():
        if not value or len(value) > LIMITS["skill"]:
            raise CoverageError(f"A {axis} has 1 to {LIMITS['skill']} characters.")
        if not math.isfinite(weight) or not 0 <= weight <= HIGHEST:
            raise CoverageError(f"{value}: {weight:g} is outside 0 to {HIGHEST:,.0f}.")
    if weights and not any(weights.values()):
        raise CoverageError(f"Something of every axis has to be wanted: not every {axis} can weigh 0.")
    return {value: weight for value, weight in weights.items() if weight != 1}

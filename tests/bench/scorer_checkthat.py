"""`scorer_checkthat`: which sentences of a debate are worth checking (one in forty), each debate by what was learnt
from the others. ours = AUC of a trained head."""

from __future__ import annotations

from typing import Any

from tests.bench import data, scorers


def scorer_checkthat() -> dict[str, Any]:
    return scorers.benchmark("scorer_checkthat", scorers.passages(data.checkthat()), 1, "AUC")

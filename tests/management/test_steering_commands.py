"""Training, activating and moving thresholds from the command line."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from curation.actions import scorers, thresholds
from curation.models import KnobChange, Project
from tests import factories as make
from tests import labelling

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(scorers, "AFTER_SCORING", ("select",))
    monkeypatch.setattr(thresholds, "COMPARED_ANEW", ("select",))
    made = make.a_project("levers", knobs={"min_educational": 0.0, "min_factual": 0.0, "min_reasoning": 0.0})
    labelling.embedded(made)
    points = labelling.vectors(100)
    passages = labelling.pages(made, points, model=labelling.bundled())
    labelling.scored(made)
    labelling.rated(make.a_queue(made, "scores"), passages, {"factual": labelling.teacher(points)})
    return made


def said(*arguments: str) -> Any:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return json.loads(out.getvalue())


def speaking(listed: list[dict[str, Any]]) -> set[str]:
    return {f"{one['rubric']} {one['scorer']}" for one in listed if one["speaks"]}


def test_a_version_is_trained_activated_and_rolled_back(project: Project) -> None:
    trained = said("train", "levers", "factual")
    assert (trained["scorer"], trained["labels"]) == ("head-1", 100)
    assert trained["figures"]["n"] > 0
    assert "factual head-1" in speaking(said("scorers", "levers"))
    assert "factual starter-1" in speaking(said("scorers", "levers", "--roll-back", "factual"))
    assert "factual head-1" in speaking(said("scorers", "levers", "--activate", "factual", "head-1"))


def test_what_cannot_be_done_says_why(project: Project) -> None:
    for arguments, told in (
        (("train", "levers", "reasoning"), "wants 50 more settled labels"),
        (("train", "levers", "charm"), "There are: educational, factual, reasoning"),
        (("train", "levres", "factual"), "There are: levers"),
        (("scorers", "levers", "--activate", "factual", "head-9"), "no scorer head-9"),
        (("scorers", "levers", "--roll-back", "factual"), "No other version"),
        (("thresholds", "levers", "min_factual"), "NAME=VALUE"),
        (("thresholds", "levers", "min_factual=9"), "outside 0 to 5"),
        (("thresholds", "levers", "--undo", "nonsense"), "no change of thresholds"),
    ):
        with pytest.raises(CommandError, match=told):
            said(*arguments)


def test_thresholds_are_shown_tried_moved_and_moved_back(project: Project) -> None:
    assert said("thresholds", "levers")["min_factual"] == 0.0
    foretold = said("thresholds", "levers", "min_factual=5", "min_reasoning=5")
    assert (foretold["passages"]["before"], foretold["passages"]["after"]) == (100, 0)
    assert not KnobChange.objects.exists()
    moved = said("thresholds", "levers", "min_factual=5", "min_reasoning=5", "--apply")
    assert moved["after"] == {"min_factual": 5.0, "min_reasoning": 5.0}
    change = KnobChange.objects.get()
    back = said("thresholds", "levers", "--undo", str(change.uuid))
    assert back["counts"]["changed"]["passages"] == 100
    assert said("thresholds", "levers")["min_factual"] == 0.0

"""Every step builds from its defaults, travels to another process, and answers each record in order."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from curation.recipe.scoring.annotator import Rate
from curation.recipe.steps import ASKING, STEPS

TEXTS = [
    "Water boils at 100 °C at sea level.",
    "",
    "Das Wasser siedet auf Bergen früher, weil die Luft dünner ist.",
]


@pytest.mark.parametrize("name", STEPS)
def test_a_step_survives_pickling_and_answers_every_record_in_order(name: str) -> None:
    step = STEPS[name]()
    again = pickle.loads(pickle.dumps(step))
    assert again == step
    again.setup()
    together = again.process_batch(TEXTS)
    assert len(together) == len(TEXTS)
    for text, answer in zip(TEXTS, together, strict=True):
        (alone,) = step.process_batch([text])
        assert np.array_equal(alone, answer) if isinstance(alone, np.ndarray) else alone == answer


def test_a_step_that_asks_survives_pickling_and_asks_the_same() -> None:
    step = Rate("Is it clear?", ("no", "yes"), 1)
    again = pickle.loads(pickle.dumps(step))
    assert again == step and ASKING[Rate.name] is Rate
    assert again.request(TEXTS[0]) == step.request(TEXTS[0])
    assert step.request(TEXTS[0]).schema == again.request(TEXTS[2]).schema
    assert step.request(TEXTS[0]) != step.request(TEXTS[2])

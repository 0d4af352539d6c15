import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from curation.recipe.scoring import signals, starter
from curation.recipe.text import encode
from curation.recipe.text.split import split

DATA = Path(__file__).parents[4] / "shared" / "data" / "quality"

LESSON = (
    "Ice floats because water expands when it freezes. In the crystal each molecule is held by four neighbours in "
    "an open lattice, which takes nine per cent more room, so its density falls below that of the liquid."
)
HISTORY = (
    "In 1494 Spain and Portugal divided the lands outside Europe by a line 370 leagues west of the Cape Verde islands. "
    "Since nobody could measure longitude, each side placed the line where it suited, and Brazil became Portuguese."
)
NOTICE = "We use cookies to improve your experience. Accept all. Manage preferences. Privacy policy. Sign up to our newsletter."


@pytest.fixture(scope="module")
def score():
    encoder = encode.load()

    def scored(rubric, *texts):
        return starter.shipped().score(
            rubric, encoder.encode(texts), [signals.measure(text) for text in texts]
        )

    return scored


@pytest.mark.parametrize("rubric", starter.RUBRICS)
def test_an_explanation_outranks_a_notice_in_science_and_in_history(score, rubric):
    lesson, history, notice = score(rubric, LESSON, HISTORY, NOTICE)
    assert min(lesson, history) > notice + 1


def test_a_text_has_the_same_score_whatever_is_scored_with_it(score):
    (alone,) = score("factual", LESSON)
    assert score("factual", NOTICE, HISTORY, LESSON)[2] == alone


def test_values_stay_on_the_scale(score):
    values = score("reasoning", *[NOTICE * n for n in (1, 2)], "", "x", LESSON * 3)
    assert all(starter.LOWEST <= value <= starter.HIGHEST for value in values)


def test_a_fresh_and_a_stored_vector_give_the_same_value():
    vector = encode.load().encode([LESSON])
    measured = [signals.measure(LESSON)]
    heads = starter.shipped()
    assert heads.score("factual", vector, measured) == heads.score(
        "factual", vector.astype(np.float16), measured
    )


def test_the_shipped_weights_are_those_of_the_exemplars():
    exemplars = starter.exemplars()
    texts = [exemplar.text for exemplar in exemplars]
    fitted = starter.fit(
        encode.BUNDLED,
        encode.load().encode(texts),
        [signals.measure(text) for text in texts],
        [exemplar.values for exemplar in exemplars],
    )
    shipped = starter.shipped()
    assert fitted.fit == shipped.fit
    for rubric in starter.RUBRICS:
        assert np.allclose(fitted.weights[rubric], shipped.weights[rubric], atol=1e-3)


def test_weights_go_through_json_unchanged():
    stored = json.loads(json.dumps(starter.shipped().as_dict()))
    assert starter.Heads.from_dict(stored).as_dict() == starter.shipped().as_dict()


def test_weights_of_another_table_of_signals_are_refused():
    stored = {**starter.shipped().as_dict(), "signals": ["words"]}
    with pytest.raises(ValueError, match="fit them again"):
        starter.Heads.from_dict(stored)


def test_a_page_is_the_mean_of_its_passages_by_tokens():
    assert starter.page_value([1.0, 4.0], [100, 200]) == 3.0
    assert starter.page_value([], []) == 0.0


def test_exemplars_cover_the_arts_the_sciences_and_the_waste_at_both_ends():
    topics = {exemplar.topic for exemplar in starter.exemplars()}
    assert {"art", "history", "travel", "cooking", "maths", "code", "cookie notice", "forum"} <= topics
    assert len({exemplar.language for exemplar in starter.exemplars()}) >= 8
    for rubric in starter.RUBRICS:
        values = [exemplar.values[rubric] for exemplar in starter.exemplars()]
        assert min(values) == 0
        assert max(values) == 5


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/quality is not here")
def test_its_order_agrees_at_all_with_that_of_a_language_model():
    csv.field_size_limit(sys.maxsize)
    with open(DATA / "edu_scores_llm" / "training_data_150.csv", newline="") as file:
        rows = list(csv.DictReader(file))[::6]
    ours = []
    for row in rows:
        parts = [(row["text"][span.start : span.end], span.tokens) for span in split(row["text"])][:3]
        texts = [text for text, _ in parts]
        values = starter.shipped().score(
            "educational", encode.load().encode(texts), [signals.measure(text) for text in texts]
        )
        ours.append(starter.page_value(values, [weight for _, weight in parts]))
    assert np.corrcoef(np.argsort(np.argsort(ours)), [float(row["score"]) for row in rows])[0, 1] > 0

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.recipe.dedup import closeness, exact, near

WORDS = "Ice floats because it is lighter than the water that it pushes aside when it lies there"


def a_set(vectors, texts=None, scores=None, digests=None, first=()):
    vectors = np.array(vectors, dtype=np.float64)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    count = len(vectors)
    texts = texts or [WORDS] * count
    scores = scores or [0.0] * count
    digests = digests or [f"{at:03d}" for at in range(count)]
    candidates = [near.Candidate(digests[at], scores[at], len(texts[at]), at in first) for at in range(count)]
    return candidates, texts, vectors


def at_angle(*degrees):
    return [[np.cos(np.radians(angle)), np.sin(np.radians(angle))] for angle in degrees]


def representatives(*args, threshold=0.95):
    return [chosen for chosen, _ in near.clusters(*args, threshold)]


def test_close_texts_join_the_better_one():
    assert representatives(*a_set(at_angle(0, 5, 80), scores=[1.0, 3.0, 2.0])) == [1, 1, 2]


def test_a_chain_does_not_glue_its_ends_together():
    # cos 14° = .970, cos 16° = .961, cos 30° = .866: neighbours are close, ends are not.
    assert representatives(*a_set(at_angle(0, 14, 30), scores=[3.0, 2.0, 1.0])) == [0, 0, 2]


def test_a_member_joins_the_closest_representative_even_one_that_ranks_below_it():
    found = representatives(*a_set(at_angle(0, 12, 20), scores=[3.0, 2.0, 1.0]))
    assert found == [0, 2, 2]


def test_longer_then_smaller_hash_breaks_a_tie():
    texts = [WORDS, WORDS + " again", WORDS]
    assert representatives(*a_set(at_angle(0, 1, 2), texts=texts)) == [1, 1, 1]
    assert representatives(*a_set(at_angle(0, 1), digests=["b", "a"])) == [1, 1]


def test_what_people_decided_on_is_never_displaced():
    assert representatives(*a_set(at_angle(0, 5), scores=[5.0, 1.0], first={1})) == [1, 1]


def test_a_template_filled_in_differently_is_no_duplicate():
    texts = [f"On {n} May the {n}0 visitors of room {n}5 were given {WORDS}" for n in (3, 8)]
    assert representatives(*a_set(at_angle(0, 1), texts=texts)) == [0, 1]


def test_short_texts_have_to_share_their_words():
    assert representatives(*a_set(at_angle(0, 1), texts=["Read more", "Learn more"])) == [0, 1]
    assert representatives(*a_set(at_angle(0, 1), texts=["Read more!", "Read more"])) == [0, 0]


def test_a_text_that_says_twice_as_much_is_no_duplicate():
    assert representatives(*a_set(at_angle(0, 1), texts=[WORDS, WORDS + " and so on " * 20])) == [0, 1]


def test_texts_in_a_script_that_the_model_cannot_read_have_to_share_their_words():
    monsoon = "भारत में साल की अधिकांश वर्षा जून से सितंबर के बीच होती है। इस वर्षा को लाने वाली हवाओं को मानसून कहते हैं।"
    zero = "शून्य केवल कुछ नहीं का चिह्न नहीं है। उसके बिना हम बड़ी संख्याएँ इतनी आसानी से नहीं लिख सकते थे।"
    assert representatives(*a_set(at_angle(0, 1), texts=[monsoon, zero])) == [0, 1]
    rewritten = monsoon.replace("अधिकांश", "ज़्यादातर")
    assert representatives(*a_set(at_angle(0, 1), texts=[monsoon, rewritten], scores=[1.0, 0.0])) == [0, 0]
    ice = "大多数物质在凝固时体积会缩小，密度会变大，所以固体会沉到液体的底部。水却是一个例外。"
    assert representatives(*a_set(at_angle(0, 1), texts=[ice, ice.replace("大多数", "多数")])) == [0, 0]


def test_the_similarity_to_the_representative_is_given():
    found = near.clusters(*a_set(at_angle(0, 10)), 0.9)
    assert found[0] == (0, 1.0)
    assert abs(found[1][1] - np.cos(np.radians(10))) < 1e-3


def test_nothing_to_compare_is_no_accident():
    assert near.clusters([], [], np.empty((0, 4), np.float16), 0.9) == []


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(2, 60))
def test_the_order_in_which_texts_come_changes_nothing(random, count):
    rng = np.random.default_rng(random.randint(0, 10**6))
    vectors = rng.normal(size=(count, 3))
    scores = [float(value) for value in rng.integers(0, 3, count)]
    candidates, texts, rows = a_set(vectors, scores=scores)
    plain = near.clusters(candidates, texts, rows, 0.9)
    moved = list(range(count))
    random.shuffle(moved)
    again = near.clusters([candidates[at] for at in moved], [texts[at] for at in moved], rows[moved], 0.9)
    assert {candidates[at].digest: candidates[plain[at][0]].digest for at in range(count)} == {
        candidates[moved[at]].digest: candidates[moved[again[at][0]]].digest for at in range(count)
    }


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_members_are_close_to_their_representative_and_representatives_to_nobody_better(seed):
    vectors = np.random.default_rng(seed).normal(size=(40, 3))
    candidates, texts, rows = a_set(vectors)
    found = near.clusters(candidates, texts, rows, 0.9)
    cosines = rows.astype(np.float32) @ rows.astype(np.float32).T
    chosen = {at for at, (own, _) in enumerate(found) if own == at}
    for at, (own, _) in enumerate(found):
        assert own in chosen
        assert own == at or cosines[at, own] >= 0.9
    for one in chosen:
        assert all(cosines[one, other] < 0.9 for other in chosen if other != one)


def test_more_texts_than_a_block_and_a_strip_holds(monkeypatch):
    vectors = np.random.default_rng(1).normal(size=(200, 3))
    args = a_set(vectors)
    whole = near.clusters(*args, 0.9)
    monkeypatch.setattr(closeness, "BLOCK", 16)
    monkeypatch.setattr(closeness, "STRIP", 7)
    assert near.clusters(*args, 0.9) == whole


def test_exact_duplicates_repeat_the_one_that_came_first():
    assert exact.duplicates([("a", "1"), ("b", "2"), ("c", "1"), ("d", "1")]) == {"c": "a", "d": "a"}

"""Laying a map out: neighbours stay together, the same comes out twice, what was known stays where it was."""

import tracemalloc

import numpy as np
import pytest

from curation.recipe.atlas import layout, neighbours

WIDTH = 48


def crowds(count, groups=12, seed=1, spread=0.35):
    """Unit vectors in groups, and the group of each."""
    drawn = np.random.default_rng(seed)
    middles = drawn.normal(size=(groups, WIDTH))
    of = drawn.integers(0, groups, count)
    rows = middles[of] + spread * drawn.normal(size=(count, WIDTH)) * np.sqrt(WIDTH) / 3
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16), of


def main_directions(vectors):
    rows = vectors.astype(np.float64) - vectors.astype(np.float64).mean(axis=0)
    return rows @ np.linalg.svd(rows, full_matrices=False)[2][:2].T


def nearest_in(positions, count):
    away = ((positions[:, None] - positions[None]) ** 2).sum(axis=2)
    np.fill_diagonal(away, np.inf)
    return np.argsort(away, axis=1)[:, :count]


def kept(vectors, positions, count=10):
    """The share of each text's nearest that are among its nearest in the picture."""
    true, _ = neighbours.nearest(vectors, count)
    shown = nearest_in(positions, count)
    return np.mean([len(set(a) & set(b)) / count for a, b in zip(true.tolist(), shown.tolist(), strict=True)])


def test_neighbours_are_preserved_clearly_better_than_by_the_two_main_directions():
    vectors, _ = crowds(1_200)
    ours, plain = kept(vectors, layout.lay_out(vectors)), kept(vectors, main_directions(vectors))
    assert ours > 3 * plain and ours > 0.3


def test_groups_lie_apart():
    vectors, of = crowds(800)
    near = nearest_in(layout.lay_out(vectors), 5)
    assert (of[near] == of[:, None]).mean() > 0.95


def test_the_same_vectors_give_the_same_picture():
    vectors, _ = crowds(300)
    assert np.array_equal(layout.lay_out(vectors), layout.lay_out(vectors))
    assert not np.array_equal(layout.lay_out(vectors, seed=2), layout.lay_out(vectors))


def test_the_order_of_magnitude_of_vectors_does_not_matter():
    vectors, _ = crowds(300)
    longer = vectors.astype(np.float32) * np.linspace(0.5, 20, 300)[:, None]
    assert kept(vectors, layout.lay_out(longer)) == pytest.approx(
        kept(vectors, layout.lay_out(vectors)), abs=0.05
    )


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 7, 8, 9, 20])
def test_a_handful_of_texts_has_a_picture(count):
    vectors, _ = crowds(count)
    positions = layout.lay_out(vectors)
    assert positions.shape == (count, 2) and np.isfinite(positions).all()
    assert len(np.unique(positions, axis=0)) == count


def test_texts_that_are_all_the_same_lie_side_by_side():
    positions = layout.lay_out(np.tile(crowds(1)[0], (300, 1)))
    assert np.isfinite(positions).all() and len(np.unique(positions, axis=0)) == 300


def test_vectors_of_nothing_break_nothing():
    vectors, _ = crowds(40)
    vectors[3] = 0
    assert np.isfinite(layout.lay_out(vectors)).all()


def test_a_grown_project_keeps_what_people_know_where_it_was():
    vectors, of = crowds(900)
    first = layout.lay_out(vectors[:700])
    earlier = np.vstack([first, np.full((200, 2), np.nan)])
    grown = layout.lay_out(vectors, earlier=earlier)
    spread = first.std()

    def moved(positions):
        return np.median(np.linalg.norm(positions[:700] - first, axis=1)) / spread

    assert moved(grown) < 0.25
    assert moved(layout.lay_out(vectors)) > 2 * moved(grown)
    near = nearest_in(grown, 5)[700:]
    assert (of[near] == of[700:, None]).mean() > 0.9


def test_a_picture_of_something_else_is_not_started_from():
    vectors, _ = crowds(400)
    earlier = np.full((400, 2), np.nan)
    earlier[:40] = 1_000.0
    assert np.array_equal(layout.lay_out(vectors, earlier=earlier), layout.lay_out(vectors))


def test_the_share_that_is_done_only_grows_and_can_end_the_work():
    told = []
    vectors, _ = crowds(400)
    layout.lay_out(vectors, beat=told.append)
    assert told == sorted(told) and told[0] < 0.4 and 0.9 < told[-1] <= 1

    class Enough(Exception):
        pass

    def stop(share):
        if share > 0.5:
            raise Enough

    with pytest.raises(Enough):
        layout.lay_out(vectors, beat=stop)


def test_the_graph_finds_nearly_what_comparing_everything_finds():
    vectors, _ = crowds(3_000)
    exact, distances = neighbours.nearest(vectors, 10)
    found, _ = neighbours.nearest(vectors, 10, exact=0)
    shares = [len(set(a) & set(b)) / 10 for a, b in zip(exact.tolist(), found.tolist(), strict=True)]
    assert np.mean(shares) > 0.95
    assert (np.diff(distances, axis=1) >= 0).all()
    assert not (found == np.arange(3_000)[:, None]).any() and not (exact == np.arange(3_000)[:, None]).any()
    assert np.array_equal(found, neighbours.nearest(vectors, 10, exact=0)[0])


def test_neighbours_of_many_texts_are_found_in_blocks():
    vectors, _ = crowds(6_000)
    tracemalloc.start()
    try:
        neighbours.nearest(vectors, 15)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 100e6, "6,000 × 6,000 similarities at once would be 144 MB, and twice that to sort them"

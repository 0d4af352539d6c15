"""Areas of a map: strict to read, and the same points inside as by hand."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.recipe.atlas import grid
from curation.recipe.atlas.area import LONGEST, MOST_CORNERS, Area, AreaError, parse

MAP = UUID("0372e1b2-65c1-4739-b4d1-953db2a7021f")
SQUARE = Area(MAP, ((100, 100), (200, 100), (200, 200), (100, 200)))


def by_hand(corners, x, y):
    """How often a ray to the right crosses the edges."""
    crossed = 0
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            crossed += 1
    return crossed % 2 == 1


def test_an_area_is_read_as_it_was_written():
    assert parse(str(SQUARE)) == SQUARE
    assert str(SQUARE) == f"{MAP.hex}.0064006400c8006400c800c8006400c8"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        str(SQUARE).upper(),
        str(SQUARE) + "0",
        str(SQUARE) + "\n",
        " " + str(SQUARE),
        str(SQUARE).replace(".", ","),
        f"{MAP}.0064006400c8006400c800c8",
        f"{MAP.hex}.0064006400c80064",
        f"{MAP.hex}." + "00640064" * (MOST_CORNERS + 1),
        f"{MAP.hex}.0064006400c8006400c800c८",
        "../../etc/passwd",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(AreaError, match="Draw it again"):
        parse(text)


def test_the_longest_area_is_as_long_as_is_said():
    longest = Area(MAP, tuple((at, at) for at in range(MOST_CORNERS)))
    assert len(str(longest)) == LONGEST and parse(str(longest)) == longest


def test_a_square_holds_what_lies_in_it():
    xs, ys = np.array([150, 99, 201, 150, 150], dtype="<u2"), np.array([150, 150, 150, 99, 201], dtype="<u2")
    assert SQUARE.holds(xs, ys).tolist() == [True, False, False, False, False]


def test_what_a_lasso_goes_around_twice_is_outside():
    ring = Area(
        MAP,
        (
            (0, 0),
            (900, 0),
            (900, 900),
            (0, 900),
            (0, 0),
            (300, 300),
            (600, 300),
            (600, 600),
            (300, 600),
            (300, 300),
        ),
    )
    assert ring.holds(np.array([450, 100]), np.array([450, 100])).tolist() == [False, True]


corner = st.tuples(st.integers(0, grid.SIDE), st.integers(0, grid.SIDE))


@given(st.lists(corner, min_size=3, max_size=MOST_CORNERS), st.lists(corner, min_size=1, max_size=20))
def test_any_area_holds_the_points_that_a_ray_finds(corners, points):
    area = parse(str(Area(MAP, tuple(corners))))
    xs, ys = (np.array(column, dtype="<u2") for column in zip(*points, strict=True))
    assert area.holds(xs, ys).tolist() == [by_hand(corners, x, y) for x, y in points]


def test_positions_come_back_from_the_grid_within_half_a_step():
    positions = np.random.default_rng(1).normal(size=(500, 2)) * 40
    frame = grid.frame_of(positions)
    places = frame.to_grid(positions)
    assert np.abs(frame.from_grid(places) - positions).max() <= frame.side / grid.SIDE
    assert places.min() > 0 and places.max() < grid.SIDE
    points = grid.points(np.arange(500)[::-1], places)
    assert points["passage"].tolist() == list(range(500))
    assert (points["x"][0], points["y"][0]) == tuple(places[-1])


def test_one_point_and_none_have_a_frame():
    assert grid.frame_of(np.zeros((0, 2))).to_grid(np.zeros((0, 2))).shape == (0, 2)
    assert grid.frame_of(np.array([[3.0, 4.0]])).to_grid(np.array([[3.0, 4.0]])).tolist() == [[32768, 32768]]

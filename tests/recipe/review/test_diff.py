"""Differences word by word."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from curation.recipe.review.diff import Piece, compare, words

texts = st.text(alphabet="ab .\n!量子é", max_size=60)


@given(texts, texts)
def test_both_texts_can_be_read_back_from_the_pieces(old: str, new: str) -> None:
    pieces = compare(old, new)
    assert "".join(piece.text for piece in pieces if piece.change != "added") == old
    assert "".join(piece.text for piece in pieces if piece.change != "removed") == new


@given(texts, texts)
def test_no_two_neighbours_are_of_one_kind(old: str, new: str) -> None:
    kinds = [piece.change for piece in compare(old, new)]
    assert all(one != other for one, other in itertools.pairwise(kinds))


def test_only_the_words_that_differ_are_marked() -> None:
    assert compare("The quick fox", "The slow fox") == [
        Piece("same", "The "),
        Piece("removed", "quick "),
        Piece("added", "slow "),
        Piece("same", "fox"),
    ]


def test_every_chinese_character_is_a_word() -> None:
    assert words("量子力学") == ["量", "子", "力", "学"]


def test_equal_texts_have_one_piece() -> None:
    assert compare("same\ntext", "same\ntext") == [Piece("same", "same\ntext")]
    assert compare("", "") == []


def test_a_book_is_compared_by_its_lines() -> None:
    lines = [f"Line {number} of the book, with a few words in it." for number in range(5_000)]
    changed = [*lines[:2_500], "One line is new.", *lines[2_501:]]
    pieces = compare("\n".join(lines), "\n".join(changed))
    assert [piece.change for piece in pieces].count("added") <= 3

"""Regions of a map are named by the words that set them apart."""

import numpy as np

from curation.recipe.atlas import regions

TELLING = ("glaciers", "sonatas", "enzymes", "treaties")


def a_picture(count=1_000, pages=80):
    """Four crowds in the corners, each with a word of its own on most of its pages; and texts, page by page."""
    drawn = np.random.default_rng(3)
    corner = np.arange(count) * 4 // count
    positions = np.column_stack([corner % 2, corner // 2]) * 100.0 + drawn.normal(size=(count, 2))
    texts = [
        (
            at * pages // count,
            f"The water and the people of this {TELLING[corner[at]]} page, told in {at} words and more.",
        )
        for at in range(count)
    ]
    return positions, corner, lambda start, stop: texts[start:stop]


def test_each_crowd_is_named_by_its_own_word():
    positions, corner, read = a_picture()
    coarse = [region for region in regions.name_regions(positions, read) if region.level == 0]
    found = {}
    for region in coarse:
        at = int(np.argmin(((positions - (region.x, region.y)) ** 2).sum(axis=1)))
        found[int(corner[at])] = region.words
    assert {key: words[0] for key, words in found.items()} == {key: TELLING[key] for key in found}
    assert len(found) == 4
    assert not {"the", "and", "water", "told"} & {word for words in found.values() for word in words}


def test_a_name_lies_on_a_text():
    positions, _, read = a_picture()
    for region in regions.name_regions(positions, read):
        assert [region.x, region.y] in positions.tolist()


def test_one_long_page_names_nothing():
    positions, corner, _ = a_picture()
    texts = [
        (0 if corner[at] == 2 else 1 + at, "xylophones " * int(corner[at] == 2) + "and some more words")
        for at in range(1_000)
    ]
    named = regions.name_regions(positions, lambda start, stop: texts[start:stop])
    assert all("xylophones" not in region.words for region in named)


def test_words_that_say_the_same_again_are_not_both_said():
    positions, corner, _ = a_picture()
    texts = [(at, f"{TELLING[corner[at]]} {TELLING[corner[at]][:-1]} and so on") for at in range(1_000)]
    for region in regions.name_regions(positions, lambda start, stop: texts[start:stop]):
        assert len({word.rstrip("s") for word in region.words}) == len(region.words)


def test_the_same_picture_has_the_same_names():
    positions, _, read = a_picture()
    assert regions.name_regions(positions, read) == regions.name_regions(positions, read)


def test_a_few_texts_have_no_names():
    for count in (0, 1, 5, 9):
        assert (
            regions.name_regions(np.zeros((count, 2)), lambda start, stop: [(0, "")] * (stop - start)) == []
        )


def test_addresses_and_numbers_are_no_words():
    found = regions.words_of(
        "See https://example.org/glaciers and www.cookies.com or 1234, x1: cookies, don’t!"
    )
    assert found == {"don't", "cookies"}

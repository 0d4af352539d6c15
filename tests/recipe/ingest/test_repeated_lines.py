"""Lines that a source repeats are cut; headings, code, tables and copies are not."""

from curation.recipe.ingest.cleaning.lines import REASON, cut, gather

CONSENT = "We use cookies to give you the best experience on our site."
FOOTER = "Share on Facebook\nShare by mail\nAll rights reserved by the Northlight Press."
SUBJECTS = [
    "rivers",
    "glass",
    "bread",
    "tides",
    "comets",
    "looms",
    "bees",
    "salt",
    "maps",
    "clocks",
    "paper",
    "bridges",
]


def page(number, *more):
    subject = SUBJECTS[number]
    return "\n\n".join(
        [
            CONSENT,
            "Materials and methods",
            f"This page is about {subject} and what number {number} of the series says of {subject}.",
            f"Nobody has written of {subject} as the author of chapter {number * 7} did.",
            *more,
            FOOTER,
        ]
    )


PAGES = [page(number) for number in range(len(SUBJECTS))]


def test_lines_on_most_pages_of_a_source_are_found_with_their_number():
    lines = (CONSENT, "All rights reserved by the Northlight Press.", "Share on Facebook")
    assert gather(PAGES) == dict.fromkeys(lines, 12)


def test_they_are_cut_with_reason_and_evidence_and_the_rest_stays():
    text, cuts = cut(PAGES[0], gather(PAGES))
    assert text.startswith("Materials and methods\n\nThis page is about rivers")
    assert "cookies" not in text and "Northlight" not in text
    assert cuts[0] == {"reason": REASON, "excerpt": CONSENT, "characters": len(CONSENT), "documents": 12}  # fmt: skip
    assert cut(text, gather(PAGES)) == (text, [])


def test_headings_code_tables_formulas_and_quotations_are_never_cut():
    same = (
        "## Materials and methods of this study",
        "Further reading on it\n=====================",
        "**What you should know first**",
        "```python\nprint('the same on every page of this source')\n```",
        "| the same head | on every page |\n|---|---|",
        "$$ \\int_a^b f(x)\\,dx = F(b) - F(a) $$",
        "It follows that $e^{i\\pi} + 1 = 0$ holds here as well.",
        "> The unexamined life is not worth living, as they say.",
        "    an_indented_block_of_code = the_same_everywhere()",
    )
    pages = [page(number, *same) for number in range(len(SUBJECTS))]
    text, _ = cut(pages[3], gather(pages))
    assert all(piece in text for piece in same)


def test_a_heading_without_marks_stays_though_every_page_has_it():
    assert "Materials and methods" not in gather(PAGES)


def test_copies_of_one_page_do_not_make_its_text_boilerplate():
    body = "\n\n".join(
        f"Sentence {n} of the rivers says what no other does, at some length and with care." for n in range(9)
    )
    copies = [page(0, body).replace("number 0", f"number {n}") for n in range(8)]
    lines = gather([*copies, *PAGES[1:5]])
    assert not any("rivers" in line for line in lines)


def test_few_pages_and_rare_lines_are_left_alone():
    assert gather(PAGES[:4]) == {}
    few = [page(number, "An aside that stands on four pages of this source.") if number < 4 else page(number) for number in range(12)]  # fmt: skip
    assert not any("aside" in line for line in gather(few))


def test_a_page_of_nothing_else_is_not_emptied():
    only = f"{CONSENT}\n\n{FOOTER}"
    assert cut(only, gather(PAGES)) == (only, [])

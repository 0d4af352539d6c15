"""PDF: reading order, columns, furniture, hyphens and headings of pages drawn here; what cannot be read is refused by name."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from curation.recipe.ingest.extract import Extracted, extract
from curation.recipe.ingest.extractors import pdf
from curation.recipe.ingest.extractors.pdf.furniture import Furniture
from curation.recipe.ingest.extractors.pdf.page import Line, Page, Word
from curation.recipe.ingest.extractors.pdf.paragraphs import Style, joined
from curation.recipe.ingest.found import Row
from curation.recipe.ingest.rows import read_rows
from curation.recipe.records import Dropped
from tests.documents import Drawn, a_pdf, column

MEDIA_TYPE = "application/pdf"

LEFT = [
    "The kettle is filled with two litres of water,",
    "and put on a flame that is kept as steady as",
    "can be. Its tempera-",
    "ture is taken every minute until it does not",
    "rise any more, which takes eleven minutes at",
    "sea level, and a little less on the mountain",
    "where the second series was measured by our",
    "colleagues in the same week of the same year",
]
RIGHT = [
    "with another kettle. All of the readings were",
    "written down by hand and compared the day",
    "after, so that a slip of the pen in one list",
    "would be seen in the other. The state-of-the-",
    "art thermometer was lent by the institute of",
    "kitchens, to which we owe our thanks for the",
    "loan, the flame and for the many kettles that",
    "were spoilt on the way to the results below.",
]


def text_of(content: bytes) -> str:
    found = extract(content, MEDIA_TYPE)
    assert isinstance(found, Extracted), found
    return found.text


def interleaved(left: list[Drawn], right: list[Drawn]) -> list[Drawn]:
    """Two columns as some programs draw them: line by line across the page."""
    return [piece for pair in zip(left, right, strict=True) for piece in pair]


def test_two_columns_are_read_one_after_the_other_however_they_were_drawn() -> None:
    title = [Drawn(150, 760, "On Boiling Water in Kettles", 18, True)]
    section = [Drawn(60, 720, "1 Methods", 12, True)]
    for drawn in (
        interleaved(column(LEFT, 60, 700), column(RIGHT, 320, 700)),
        column(RIGHT, 320, 700) + column(LEFT, 60, 700),
    ):
        text = text_of(a_pdf([title + section + drawn]))
        assert text.startswith("# On Boiling Water in Kettles\n\n## 1 Methods\n\nThe kettle is filled")
        assert "Its temperature is taken every minute" in text
        assert "of the same year with another kettle. All of the readings" in text
        assert "The state-of-the-art thermometer" in text


def test_running_heads_page_numbers_and_stamps_are_cut_and_named() -> None:
    pages = [
        [
            Drawn(60, 810, f"Kitchen Science {40 + page}"),
            *column(LEFT if page % 2 else RIGHT, 60, 700),
            Drawn(300, 30, f"{page + 1}"),
        ]
        for page in range(4)
    ]
    found = extract(a_pdf(pages), MEDIA_TYPE)
    assert isinstance(found, Extracted)
    assert "Kitchen Science" not in found.text and "\n1\n" not in found.text and "two litres" in found.text
    cut = {entry["reason"]: entry["excerpt"] for entry in found.notes["cut"]}
    assert cut == {
        "running heads and feet": "Kitchen Science 40 · Kitchen Science 41 · Kitchen Science 42 · Kitchen Science 43",
        "page numbers": "1 · 2 · 3 · 4",
    }


def test_a_paragraph_that_a_page_breaks_goes_on_and_headings_and_lists_stand_alone() -> None:
    first = [
        Drawn(60, 780, "2.1 Flames", 12, True),
        *column([*LEFT[:-1], "colleagues in the same week, as long as it was"], 60, 750),
        Drawn(60, 560, "Figure 1: A kettle over a flame.", 9),
    ]
    second = [
        *column(["allowed by the weather."], 60, 780),
        *column(["\u2022 one kettle", "\u2022 two kettles"], 60, 740),
    ]
    text = text_of(a_pdf([first, second]))
    assert text.startswith("### 2.1 Flames\n\nThe kettle is filled")
    assert "as long as it was allowed by the weather." in text
    assert "Figure 1: A kettle over a flame." in text.split("\n\n")
    assert "- one kettle\n\n- two kettles" in text


def test_a_page_that_is_turned_is_read_as_somebody_holds_it() -> None:
    assert text_of(a_pdf([column(LEFT, 60, 700)], rotate=90)).startswith(
        "The kettle is filled with two litres"
    )


def test_a_table_is_read_by_its_rows_and_not_as_columns() -> None:
    rows = [
        Drawn(x, 700 - 14 * number, f"{word}{number}")
        for number in range(10)
        for x, word in ((60, "height "), (250, "boils at "), (430, "for "))
    ]
    assert "height 3 boils at 3 for 3\nheight 4 boils at 4 for 4" in text_of(a_pdf([rows]))


def test_a_table_above_two_columns_is_read_first_and_by_its_rows() -> None:
    rows = [
        Drawn(60 + 80 * cell, 780 - 14 * number, f"{number}.{cell}", 9)
        for number in range(5)
        for cell in range(6)
    ]
    text = text_of(a_pdf([interleaved(column(LEFT, 60, 690), column(RIGHT, 320, 690)) + rows]))
    assert (
        text.startswith("0.0 0.1 0.2 0.3 0.4 0.5\n1.0 1.1")
        and "of the same year with another kettle." in text
    )


def test_a_bold_word_that_opens_a_paragraph_and_a_large_label_make_no_heading() -> None:
    heads = [
        Drawn(60, 800, "1 One", 12, True),
        Drawn(60, 500, "2 Two", 12, True),
        Drawn(60, 300, "3 Three", 12, True),
    ]
    opened = [Drawn(60, 750, "Flames", 10, True), Drawn(97, 750, "are kept as steady as can be, and that is")]
    label = [Drawn(60, 600, "Label of a figure", 14)]
    text = text_of(
        a_pdf([[*heads[:1], *opened, *column(["all there is to say."], 60, 738), *label, *heads[1:]]])
    )
    assert "\n\nFlames are kept as steady as can be, and that is all there is to say.\n\n" in text
    assert "\n\nLabel of a figure\n\n" in text and "\n\n## 2 Two" in text


def test_the_document_itself_says_which_hyphens_are_meant() -> None:
    said = "well-known well-known rewritten"
    page = Page(1, 595, 842, words_of(said))
    style = Style.of([page], Furniture())
    assert joined("a well-", "known fact", style) == "a well-known fact"
    assert joined("it was re-", "written", style) == "it was rewritten"
    assert joined("the kettle-", "maker", style) == "the kettlemaker"
    assert joined("with Smith-", "Jones", style) == "with Smith-Jones"
    assert joined("state-of-the-", "art", style) == "state-of-the-art"
    assert joined("from 3-", "5 on", style) == "from 3- 5 on"


def words_of(text: str) -> list[Line]:
    return [
        Line([Word(word, 10 * place, 0, 10 * place + 8, 10, 10)]) for place, word in enumerate(text.split())
    ]


def test_what_a_file_says_of_itself_is_noted() -> None:
    info = "/Title (report.docx) /Author (Ada Lovelace) /CreationDate (D:20210506070809Z)"
    drawn = [
        *column(LEFT, 60, 700),
        Drawn(60, 90, "This is an open paper under the Creative Commons Attribution 4.0 licence."),
    ]
    found = extract(a_pdf([drawn], info), MEDIA_TYPE)
    assert isinstance(found, Extracted)
    assert (
        found.title == "" and found.notes["author"] == "Ada Lovelace" and found.notes["date"] == "2021-05-06"
    )
    assert found.notes["licence"]["name"] == "CC-BY-4.0" and found.notes["pages"] == 1


def locked() -> bytes:
    import pypdf

    out = io.BytesIO()
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(a_pdf([column(LEFT, 60, 700)])))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (a_pdf([[Drawn(60, 700, "p. 1")]], picture=True), "scanned", "OCR"),
        (a_pdf([[]]), "empty", "None of its pages"),
        (locked(), "encrypted", "password"),
        (b"%PDF-1.7 and nothing else", "damaged", "Neither pypdfium2 nor pypdf"),
        (b"", "damaged", "Neither"),
    ],
)
def test_what_holds_no_text_that_can_be_read_is_refused_by_name(
    content: bytes, reason: str, words: str
) -> None:
    found = extract(content, MEDIA_TYPE)
    assert isinstance(found, Dropped) and found.reason == reason and words in found.detail


def test_a_file_that_pdfium_cannot_open_is_tried_with_pypdf(monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdfium2

    def refuses(content: bytes) -> None:
        raise pypdfium2.PdfiumError("Failed to load document (PDFium: Data format error).")

    monkeypatch.setattr(pypdfium2, "PdfDocument", refuses)
    found = extract(a_pdf([column(LEFT, 60, 700)]), MEDIA_TYPE)
    assert isinstance(found, Extracted)
    assert (
        "two litres of water" in found.text
        and found.notes["by"] == "pypdf"
        and "Data format" in found.notes["why"]
    )


def test_a_file_with_too_many_pages_is_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "PAGES", 1)
    found = extract(a_pdf([[], []]), MEDIA_TYPE)
    assert isinstance(found, Dropped) and found.reason == "too_large" and "2 pages" in found.detail


def test_a_pdf_is_known_by_its_bytes_and_a_name_alone_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "report.bin").write_bytes(a_pdf([[Drawn(60, 700, "x")]]))
    (tmp_path / "notes.pdf").write_bytes(b"only text")
    kinds = {}
    for name in ("report.bin", "notes.pdf"):
        (row,) = read_rows(tmp_path / name, name)
        assert isinstance(row, Row)
        kinds[name] = row.media_type
    assert kinds == {"report.bin": MEDIA_TYPE, "notes.pdf": "text/plain"}

"""DOCX, ODT, EPUB and notebooks: what they hold comes out as Markdown; bombs, locks and damage are refused by name."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from curation.recipe.ingest.extract import Extracted, extract
from curation.recipe.ingest.extractors import packaged
from curation.recipe.ingest.extractors.pandoc.write import Writer
from curation.recipe.ingest.found import Row
from curation.recipe.ingest.readers.office import DOCX, ODT
from curation.recipe.ingest.rows import read_rows
from curation.recipe.records import Dropped
from tests.documents import SENTENCE, WORD, a_docx, a_notebook, a_package, an_epub, an_odt

EPUB = "application/epub+zip"
NOTEBOOK = "application/x-ipynb+json"


def text_of(content: bytes, media_type: str) -> Extracted:
    found = extract(content, media_type)
    assert isinstance(found, Extracted), found
    return found


def test_a_word_document_gives_headings_tables_and_formulas() -> None:
    found = text_of(a_docx(), DOCX)
    assert found.text == (
        f"# On water\n\n{SENTENCE}\n\n| Height | Boils at |\n| --- | --- |\n| 0 m | 100 °C |\n\n$$\\frac{{a}}{{b}}$$"
    )
    assert (found.title, found.language, found.notes["author"]) == ("Boiling", "en", "Ada")
    assert found.notes["date"] == "2021-05-06"


def test_an_open_document_keeps_its_formulas_which_are_objects_of_their_own() -> None:
    found = text_of(an_odt(), ODT)
    assert found.text == f"# On water\n\n{SENTENCE} So $\\frac{{a}}{{b}}$ it is."
    assert (found.title, found.language) == ("Boiling", "en")


def test_a_book_is_read_in_the_order_of_its_spine_without_its_cover() -> None:
    found = text_of(an_epub(), EPUB)
    assert found.text == f"# Water\n\n{SENTENCE} $\\frac{{a}}{{b}}$\n\n# Ice\n\nIce is lighter than water."
    assert (found.title, found.language) == ("On water", "en")
    notes = found.notes
    assert (notes["author"], notes["date"], notes["chapters"]) == ("Ada, Bob", "2020", 2)
    assert notes["licence"] == {
        "name": "CC-BY-SA-4.0",
        "evidence": "https://creativecommons.org/licenses/by-sa/4.0/",
    }
    assert notes["cut"][0] == {
        "reason": "cover, contents or colophon",
        "excerpt": "x The cover",
        "characters": 11,
    }


def test_a_notebook_gives_prose_code_and_what_the_code_printed() -> None:
    found = text_of(a_notebook(), NOTEBOOK)
    assert found.text == (f"# Boiling\n{SENTENCE}\n\n```python\nprint(99 + 1)\n```\n\n```text\n100\n```")
    assert found.title == "Boiling" and found.notes["author"] == "Ada"
    assert found.notes["cut"] == [
        {"reason": "pictures and widgets", "excerpt": "image/png text/plain", "characters": 20}
    ]


def test_a_notebook_of_the_older_format_a_magic_and_an_error_are_read() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Heat"]},
        {
            "cell_type": "code",
            "input": ["%%bash\n", "ls"],
            "language": "python",
            "outputs": [{"output_type": "pyerr", "ename": "OSError", "evalue": "no"}],
        },
    ]
    old = json.dumps({"worksheets": [{"cells": cells}], "metadata": {}, "nbformat": 3}).encode()
    assert text_of(old, NOTEBOOK).text == "## Heat\n\n```bash\n%%bash\nls\n```\n\n```text\nOSError: no\n```"


def test_a_long_output_is_cut_and_named() -> None:
    cells = [
        {"cell_type": "code", "source": "x", "outputs": [{"output_type": "stream", "text": "y" * 9_000}]}
    ]
    found = text_of(a_notebook(cells), NOTEBOOK)
    assert len(found.text) < 4_100 and found.notes["cut"][0]["reason"] == "long outputs"
    assert found.notes["cut"][0]["characters"] == 5_000


def test_pandoc_nodes_that_markdown_has_no_form_for_lose_no_words() -> None:
    def words(text: str) -> list[dict[str, object]]:
        return [{"t": "Str", "c": text}]

    cell = ["", {"t": "AlignDefault"}, 1, 2, [{"t": "Para", "c": words("a")}, {"t": "Para", "c": words("b")}]]
    blank = ["", [], []]
    table = [
        blank,
        [None, []],
        [],
        [blank, []],
        [[blank, 0, [], [[blank, [[blank, *cell[1:]]]]]]],
        [blank, []],
    ]
    blocks = [
        {"t": "Table", "c": table},
        {"t": "DefinitionList", "c": [[words("term"), [[{"t": "Plain", "c": words("meaning")}]]]]},
        {"t": "Tomorrow", "c": [["x"], words("new")]},
        {
            "t": "OrderedList",
            "c": [
                [3, {}, {}],
                [
                    [
                        {"t": "Para", "c": words("p")},
                        {"t": "BlockQuote", "c": [{"t": "Para", "c": words("q")}]},
                    ]
                ],
            ],
        },
        {
            "t": "Para",
            "c": [
                {"t": "Note", "c": [{"t": "Para", "c": words("below")}]},
                {"t": "Superscript", "c": words("2n")},
            ],
        },
    ]
    assert Writer().document(blocks) == (
        "| a b |  |\n| --- | --- |\n\n- **term**: meaning\n\nnew\n\n3. p\n\n   > q\n\n[^1]²ⁿ\n\n[^1]: below"
    )


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.docx", a_docx(), DOCX),
        ("a", a_docx(), DOCX),
        ("a.zip", an_odt(), ODT),
        ("a.bin", an_epub(), EPUB),
        ("a.epub", a_package({"META-INF/container.xml": "<a/>"}), EPUB),
        ("a.ipynb", a_notebook(), NOTEBOOK),
    ],
)
def test_a_package_is_one_document_and_told_by_its_bytes(
    tmp_path: Path, name: str, content: bytes, media_type: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (row,) = read_rows(tmp_path / name, name)
    assert isinstance(row, Row) and row.media_type == media_type and row.content == content


BOMB = a_docx(extra={"word/media/zeros.xml": b" " * (40 << 20)})
LAUGHING = f'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><w:document {WORD}><w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>'


def overwritten(content: bytes, extra: dict[str, str]) -> bytes:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return a_package({name: archive.read(name) for name in archive.namelist()} | extra)


@pytest.mark.parametrize(
    ("content", "media_type", "reason", "words"),
    [
        (BOMB, DOCX, "unsafe", "decompression bombs"),
        (overwritten(a_docx(), {"word/document.xml": LAUGHING}), DOCX, "unsafe", "entity of its own"),
        (a_docx()[:-100], DOCX, "damaged", "cannot be unpacked"),
        (a_docx(extra={"../../etc/cron.d/x": "y"}), DOCX, "unsafe", "climbs out"),
        (b"\xd0\xcf\x11\xe0" + b"\x00" * 600, DOCX, "encrypted", "password"),
        (an_epub(), DOCX, "not_text", "no Word document"),
        (a_docx(), ODT, "not_text", "no OpenDocument"),
        (an_odt({"META-INF/manifest.xml": "<m><encryption-data/></m>"}), ODT, "encrypted", "password"),
        (a_docx(), EPUB, "damaged", "META-INF/container.xml is missing"),
        (
            an_epub(
                extra={
                    "META-INF/encryption.xml": '<e><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></e>'
                }
            ),
            EPUB,
            "encrypted",
            "protected against copying",
        ),
        (an_epub({"cover.xhtml": "<p>x</p>"}), EPUB, "empty", "no text"),
        (b'{"cells": 3', NOTEBOOK, "damaged", "JSON"),
        (b'{"a": 1}', NOTEBOOK, "not_text", "neither cells"),
        (b"[" * 100_000, NOTEBOOK, "damaged", "JSON"),
    ],
)
def test_what_attacks_is_locked_or_damaged_is_refused_by_name(
    content: bytes, media_type: str, reason: str, words: str
) -> None:
    found = extract(content, media_type)
    assert isinstance(found, Dropped) and found.reason == reason and words in found.detail, found


def test_a_package_that_unpacks_to_too_much_is_refused_before_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packaged, "UNPACKED", 1_000)
    found = extract(a_docx(), DOCX)
    assert isinstance(found, Dropped) and found.reason == "too_large"


def test_fonts_that_are_only_obfuscated_lock_no_book() -> None:
    fonts = '<e><EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding#obfuscation"/></e>'
    assert "Ice is lighter" in text_of(an_epub(extra={"META-INF/encryption.xml": fonts}), EPUB).text

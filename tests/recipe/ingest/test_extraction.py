"""Text of documents: encodings, HTML with code, tables and formulas, Markdown, and what is dropped by name."""

from __future__ import annotations

import pytest

from curation.recipe.ingest import extract as extraction
from curation.recipe.ingest.extract import EXTRACTORS, Extracted, extract, extractor_of
from curation.recipe.ingest.extractors.decode import decode, mend
from curation.recipe.reasons import REASONS
from curation.recipe.records import Dropped

SENTENCE = "Water boils at one hundred degrees at sea level, and at less than that on high mountains. "

PAGE = f"""<!doctype html><html lang="en"><head><title>Boiling water · The Kitchen</title>
<link rel="canonical" href="https://kitchen.example/water"></head><body>
<nav><a href="/">Home</a> <a href="/all">All articles</a></nav>
<article><h1>Boiling water</h1><p>{SENTENCE * 3}</p>%s<p>{SENTENCE * 3}</p></article>
<footer>Copyright, cookies, imprint</footer></body></html>"""


def text_of(html: str) -> str:
    found = extract(html.encode(), "text/html")
    assert isinstance(found, Extracted)
    return found.text


def test_a_page_gives_its_main_text_title_address_and_language() -> None:
    found = extract((PAGE % "").encode(), "text/html", "https://elsewhere.example")
    assert isinstance(found, Extracted)
    assert SENTENCE.strip() in found.text and "Copyright" not in found.text
    assert found.title == "Boiling water"
    assert found.address == "https://kitchen.example/water"
    assert found.language == "en" and found.notes["by"] == "blocks"


def test_code_keeps_its_lines_its_blank_lines_and_its_language() -> None:
    code = "def boil(t):\n    if t &gt; 99:\n\n        return 'steam'\n    return [t]"
    text = text_of(
        PAGE % f'<div class="highlight"><pre><code class="language-python">{code}</code></pre></div>'
    )
    assert "```python\ndef boil(t):\n    if t > 99:\n\n        return 'steam'\n    return [t]\n```" in text


def test_preformatted_prose_is_no_code() -> None:
    text = text_of(PAGE % f"<pre>{SENTENCE}\n{SENTENCE}</pre>")
    assert "```" not in text


def test_a_table_becomes_a_markdown_table() -> None:
    table = "<table><tr><th>Height</th><th>Boils at</th></tr><tr><td>0 m</td><td>100 °C</td></tr></table>"
    assert "| Height | Boils at |" in text_of(PAGE % table)


@pytest.mark.parametrize(
    "formula",
    [
        '<math><semantics><mi>x</mi><annotation encoding="application/x-tex">E = mc^2</annotation></semantics></math>',
        '<script type="math/tex">E = mc^2</script>',
        '<span class="katex"><span class="katex-mathml"><math><semantics><mi>x</mi><annotation '
        'encoding="application/x-tex">E = mc^2</annotation></semantics></math></span>'
        '<span class="katex-html">E=mc2</span></span>',
        '<img class="latex" alt="E = mc^2" src="f.png">',
    ],
)
def test_formulas_become_tex_between_dollars(formula: str) -> None:
    text = text_of(
        PAGE % f"<p>Einstein found that {formula} holds for every body at rest, whatever it is made of.</p>"
    )
    assert "$E = mc^2$" in text and text.count("mc") == 1


@pytest.mark.parametrize(
    ("page", "encoding"),
    [
        ('<html><head><meta charset="windows-1251"></head><body><p>{}</p></body></html>', "cp1251"),
        (
            '<html><head><meta http-equiv="content-type" content="text/html; charset=shift_jis"></head><p>{}</p>',
            "shift_jis",
        ),
        ("<html><body><p>{}</p></body></html>", "utf-16"),
        ("<html><body><p>{}</p></body></html>", "utf-8"),
    ],
)
def test_the_encoding_that_a_page_states_is_used(page: str, encoding: str) -> None:
    words = {"shift_jis": "水は百度で沸騰する。" * 20}.get(encoding, "Вода кипит при ста градусах. " * 20)
    found = extract(page.format(words).encode(encoding), "text/html")
    assert isinstance(found, Extracted) and words[:9] in found.text


def test_text_without_a_mark_is_decoded_by_what_it_looks_like() -> None:
    words = "Die Größe der Würfel überrascht die Schüler, und später auch die Lehrerin. " * 5
    assert decode(words.encode("cp1252"))[0] == words
    assert decode(words.encode()) == (words, {})


def test_a_stray_byte_does_not_spoil_a_utf8_text() -> None:
    words = "Größe " * 200
    text, notes = decode(words.encode() + b"\xff" + words.encode())
    assert text == f"{words}\ufffd{words}" and notes == {"undecodable": 1}


def test_text_that_was_decoded_wrongly_before_is_mended() -> None:
    assert mend("Ã¼ber cafÃ© â€” naÃ¯ve")[0] == "über café — naïve"
    assert mend("Âge et Ä")[0] == "Âge et Ä"


def test_controls_nul_and_lone_surrogates_leave_and_are_noted() -> None:
    text, notes = mend("a\x00b\x07c\ud800d\r\ne")
    assert text == "abc\ufffdd\ne"
    assert notes == {"nul_removed": 1, "surrogates_replaced": 1, "controls_removed": 1}


def test_markdown_loses_its_front_matter_and_keeps_the_rest() -> None:
    found = extract(b"---\ntitle: 'On water'\nlayout: post\n---\n\n# Heading\n\n    code\n", "text/markdown")
    assert isinstance(found, Extracted)
    assert found.title == "On water" and found.text == "# Heading\n\n    code"


def test_text_stays_as_it_is() -> None:
    found = extract(b"  one\n\n\n    two\t3\n", "text/plain")
    assert isinstance(found, Extracted) and found.text == "  one\n\n\n    two\t3"


@pytest.mark.parametrize(
    ("content", "media_type", "reason"),
    [
        (b"<html><body><script>x()</script></body></html>", "text/html", "empty"),
        (b"  \n ", "text/plain", "empty"),
        (b"\x89PNG", "image/png", "not_text"),
        (bytes(range(128, 256)) * 40, "text/plain", "not_text"),
    ],
)
def test_what_gives_no_text_is_dropped_by_name(content: bytes, media_type: str, reason: str) -> None:
    found = extract(content, media_type)
    assert isinstance(found, Dropped) and found.reason == reason and reason in REASONS


def test_what_is_too_large_is_dropped_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "TEXT_CHARACTERS", 100)
    found = extract(b"x" * 200, "text/plain")
    assert isinstance(found, Dropped) and found.reason == "too_large" and "200" in found.detail


def test_every_extractor_says_its_name_and_version() -> None:
    for media_type, extractor in EXTRACTORS.items():
        said = extractor_of(media_type)
        assert said.startswith(f"{extractor.name}/{extractor.version}")
        assert ("+" in said) == bool(extractor.library)
    assert extractor_of("text/html").startswith("html/2+trafilatura-")
    assert extractor_of("image/png") == ""

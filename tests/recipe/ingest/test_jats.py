"""JATS: sections, formulas, tables, captions, markers and references all come out; what attacks is refused by name."""

from __future__ import annotations

import pytest
from lxml import etree

from curation.recipe.ingest.extract import Extracted, extract
from curation.recipe.ingest.extractors.mathml import tex_of
from curation.recipe.ingest.extractors.tables import Cell, pipe_table
from curation.recipe.records import Dropped
from tests.documents import SENTENCE, a_jats

MEDIA_TYPE = "application/jats+xml"


def article(body: str = "", back: str = "") -> Extracted:
    found = extract(a_jats(body, back), MEDIA_TYPE)
    assert isinstance(found, Extracted), found
    return found


def test_an_article_says_its_title_authors_date_journal_licence_and_address() -> None:
    found = article()
    assert found.text == f"# On *boiling*\n\n## Abstract\n\nWe boil water.\n\n## Water\n\n{SENTENCE}"
    assert (found.title, found.address, found.language) == (
        "On boiling",
        "https://doi.org/10.1234/water.5",
        "en",
    )
    notes = found.notes
    assert (notes["author"], notes["date"], notes["journal"]) == (
        "Ada Lovelace",
        "2012-03-07",
        "Kitchen Science",
    )
    assert notes["licence"]["name"] == "CC-BY-3.0" and "Free to share." in notes["licence"]["evidence"]
    assert notes["cut"] == [
        {"reason": "addresses of authors", "excerpt": "Institute of Kitchens", "characters": 21}
    ]


def test_sections_nest_and_markers_of_references_stay_where_they_stand() -> None:
    body = (
        '<sec><title>Methods</title><sec><title>Heating</title><p>As before [<xref ref-type="bibr">3</xref>], and'
        ' <sup><xref ref-type="bibr">4</xref>,<xref ref-type="bibr">5</xref></sup> at 10<sup>-3</sup> H<sub>2</sub>O.</p></sec></sec>'
    )
    assert "## Methods\n\n### Heating\n\nAs before [3], and [4,5] at 10⁻³ H₂O." in article(body).text


def test_formulas_are_tex_and_one_that_is_a_picture_keeps_its_place() -> None:
    body = (
        "<p>So <inline-formula><mml:math><mml:msup><mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math></inline-formula>"
        ' and <inline-formula><inline-graphic xlink:href="info:doi/e001"/></inline-formula>:'
        "<disp-formula><label>(1)</label><tex-math>\\documentclass{a}\\begin{document}$$E=mc^2$$\\end{document}</tex-math></disp-formula>"
        "where it holds.</p>"
    )
    found = article(body)
    assert "So $x^2$ and [formula e001]:\n\n$$E=mc^2$$ (1)\n\nwhere it holds." in found.text
    assert found.notes["formulas_as_pictures"] == 1


def test_a_table_keeps_its_caption_its_spans_and_its_foot() -> None:
    body = (
        "<table-wrap><label>Table 1</label><caption><title>Heights.</title></caption><alternatives><graphic xlink:href='t'/>"
        '<table><thead><tr><th rowspan="2">Place</th><th colspan="2">Boils</th></tr><tr><th>at</th><th>for</th></tr></thead>'
        "<tbody><tr><td>Sea | shore</td><td>100</td><td>3 min</td></tr></tbody></table></alternatives>"
        "<table-wrap-foot><fn><p>By day.</p></fn></table-wrap-foot></table-wrap>"
    )
    table = "| Place | Boils at | for |\n| --- | --- | --- |\n| Sea \\| shore | 100 | 3 min |"
    assert f"**Table 1** Heights.\n\n{table}\n\nBy day." in article(body).text


def test_lists_quotations_boxes_figures_code_and_what_nobody_knows_come_out() -> None:
    body = (
        '<list list-type="order"><list-item><p>one</p></list-item><list-item><p>two</p></list-item></list>'
        "<disp-quote><p>said</p></disp-quote><boxed-text><sec><title>Box</title><p>boxed</p></sec></boxed-text>"
        "<fig><label>Figure 2</label><caption><p>A kettle.</p></caption><graphic xlink:href='f'/></fig>"
        "<code language='Python'>if x:\n    y</code><unheard-of><p>strange words</p></unheard-of>"
    )
    text = article(body).text
    for piece in (
        "1. one\n2. two",
        "> said",
        "## Box\n\nboxed",
        "**Figure 2** A kettle.",
        "```python\nif x:\n    y\n```",
    ):
        assert piece in text
    assert "strange words" in text


def test_references_are_listed_with_their_labels() -> None:
    back = (
        "<ack><p>Thanks.</p></ack><ref-list><ref><label>1.</label><element-citation><person-group><name><surname>Joule</surname>"
        "<given-names>J</given-names></name></person-group><article-title>On heat</article-title><year>1845</year></element-citation></ref>"
        "<ref><label>2</label><mixed-citation>Boyle R (1660) <source>Air</source>.</mixed-citation></ref></ref-list>"
    )
    text = article(back=back).text
    assert "## Acknowledgements\n\nThanks." in text
    assert "## References\n\n[1] Joule J. On heat. 1845.\n\n[2] Boyle R (1660) Air." in text


@pytest.mark.parametrize(
    ("mathml", "expected"),
    [
        ("<mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac>", r"\frac{a}{b+1}"),
        (
            "<msubsup><mo>∑</mo><mi>i</mi><mi>n</mi></msubsup><msub><mi>x</mi><mi>i</mi></msub>",
            r"\sum_i^n x_i",
        ),
        ("<munder><mi>lim</mi><mrow><mi>n</mi><mo>→</mo><mo>∞</mo></mrow></munder>", r"\lim_{n \to \infty}"),
        ("<mover><mi>x</mi><mo>¯</mo></mover><mo>≤</mo><msqrt><mi>y</mi></msqrt>", r"\bar{x} \le \sqrt{y}"),
        ('<mfenced open="[" close="]"><mi>a</mi><mi>b</mi></mfenced>', r"\left[ a, b \right]"),
        (
            "<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr></mtable>",
            r"\begin{matrix}1 & 0\end{matrix}",
        ),
        ("<mi>α</mi><mi>x</mi><mtext> if </mtext><mi>sin</mi><mi>y</mi>", r"\alpha x\text{ if }\sin y"),
        (
            "<mmultiscripts><mi>C</mi><mn>6</mn><none/><mprescripts/><none/><mn>14</mn></mmultiscripts>",
            "{}^{14}C_{6}",
        ),
        (
            '<semantics><mi>x</mi><annotation encoding="application/x-tex">x^{\\ast}</annotation></semantics>',
            r"x^{\ast}",
        ),
    ],
)
def test_mathml_becomes_tex(mathml: str, expected: str) -> None:
    root = etree.fromstring(f'<math xmlns="http://www.w3.org/1998/Math/MathML">{mathml}</math>')
    assert tex_of(root) == expected


def test_a_cell_that_spans_rows_keeps_its_place_free_below() -> None:
    table = pipe_table([], [[Cell("a", 1, 2), Cell("b")], [Cell("c")], [Cell(""), Cell("")]])
    assert table == "| a | b |\n| --- | --- |\n|  | c |"


LAUGHS = '<!DOCTYPE article [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (a_jats("<p>&c;</p>", doctype=LAUGHS), "unsafe", "entity of its own (&c;)"),
        (
            a_jats("<p>&x;</p>", doctype='<!DOCTYPE article [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
            "unsafe",
            "&x;",
        ),
        (a_jats("<sec>" * 230 + "<p>x</p>" + "</sec>" * 230), "unsafe", "deep"),
        (a_jats()[:-40], "damaged", "well-formed"),
        (b"<feed><entry>x</entry></feed>", "not_text", "<feed>"),
        (b"\x00\x01", "damaged", "well-formed"),
    ],
)
def test_what_attacks_or_is_cut_off_is_refused_by_name(content: bytes, reason: str, words: str) -> None:
    found = extract(content, MEDIA_TYPE)
    assert isinstance(found, Dropped) and found.reason == reason and words in found.detail


def test_named_characters_are_put_in_though_no_document_type_is_fetched() -> None:
    doctype = '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.1//EN" "http://nowhere.example/jats.dtd">'
    found = extract(a_jats("<p>5 &alpha;, a&nbsp;b</p>", doctype=doctype), MEDIA_TYPE)
    assert isinstance(found, Extracted) and "5 α, a b" in found.text.replace("\u00a0", " ")


def test_a_formula_that_nests_without_end_gives_nothing_rather_than_an_error() -> None:
    root = etree.fromstring("<math>" + "<mrow>" * 200 + "<mi>x</mi>" + "</mrow>" * 200 + "</math>")
    assert tex_of(root) == ""

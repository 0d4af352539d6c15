"""Small documents of many formats, made in code: what tests read and what they damage."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import NamedTuple

SENTENCE = "Water boils at one hundred degrees at sea level, and at less than that on high mountains."


class Drawn(NamedTuple):
    """A piece of text on a page of a PDF: `x` and `y` in points from the lower left corner."""

    x: float
    y: float
    text: str
    size: float = 10
    bold: bool = False


def a_pdf(pages: Sequence[Sequence[Drawn]], info: str = "", picture: bool = False, rotate: int = 0) -> bytes:
    """A PDF of 595 × 842 points a page, in Helvetica, its words drawn in the order given."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    objects += [
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()
        for name in ("Helvetica", "Helvetica-Bold")
    ]
    objects.append(
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 "
        b"/Length 1 >>\nstream\n\x80\nendstream"
    )
    kids = []
    for drawn in pages:
        stream = "".join(
            f"BT /F{2 if piece.bold else 1} {piece.size} Tf {piece.x} {piece.y} Td ({_escaped(piece.text)}) Tj ET\n"
            for piece in drawn
        )
        if picture:
            stream += "q 300 0 0 300 100 100 cm /Im1 Do Q\n"
        content = stream.encode("cp1252")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        objects.append(
            (
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Rotate {rotate} /Contents {len(objects)} 0 R "
                "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> /XObject << /Im1 5 0 R >> >> >>"
            ).encode()
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>".encode()
    objects.append(f"<< {info} >>".encode())
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        len(objects),
        start,
    )
    return bytes(out)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def column(lines: Sequence[str], x: float, y: float, size: float = 10) -> list[Drawn]:
    """Lines below each other, as a column of a page."""
    return [Drawn(x, y - 12 * number, line, size) for number, line in enumerate(lines)]


def a_package(parts: dict[str, str | bytes], stored: str = "") -> bytes:
    """A ZIP of parts in this order; the one named `stored` is not packed, as `mimetype` must not be."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            how = zipfile.ZIP_STORED if name == stored else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, how)
    return out.getvalue()


WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def a_docx(body: str = "", extra: dict[str, str | bytes] | None = None) -> bytes:
    """A Word document; `body` is WordprocessingML, by default a heading, a sentence, a table and a formula."""
    body = body or (
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>On water</w:t></w:r></w:p>'
        f"<w:p><w:r><w:t>{SENTENCE}</w:t></w:r></w:p>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Height</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Boils at</w:t></w:r></w:p></w:tc></w:tr>"
        "<w:tr><w:tc><w:p><w:r><w:t>0 m</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>100 °C</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
        "<w:p><m:oMathPara><m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f></m:oMath></m:oMathPara></w:p>"
    )
    kinds = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    return a_package(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{kinds}.document.main+xml"/>'
            f'<Override PartName="/word/styles.xml" ContentType="{kinds}.styles+xml"/></Types>',
            "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/_rels/document.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>',
            "word/document.xml": f'<?xml version="1.0" encoding="UTF-8"?><w:document {WORD}><w:body>{body}</w:body></w:document>',
            "word/styles.xml": f'<w:styles {WORD}><w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/></w:style></w:styles>',
            "docProps/core.xml": '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"><dc:title>Boiling</dc:title>'
            "<dc:creator>Ada</dc:creator><dcterms:created>2021-05-06T07:08:09Z</dcterms:created><dc:language>en</dc:language></cp:coreProperties>",
            **(extra or {}),
        }
    )


MATHS = '<math xmlns="http://www.w3.org/1998/Math/MathML"><mfrac><mi>a</mi><mi>b</mi></mfrac></math>'
OPEN = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'
)


def an_odt(extra: dict[str, str | bytes] | None = None) -> bytes:
    """An OpenDocument text: a heading, and a sentence with a formula in it."""
    frame = '<draw:frame><draw:object xlink:href="./Object 1"/></draw:frame>'
    return a_package(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": f'<manifest:manifest {OPEN}><manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/></manifest:manifest>',
            "content.xml": f'<office:document-content {OPEN} office:version="1.2"><office:body><office:text>'
            f'<text:h text:outline-level="1">On water</text:h><text:p>{SENTENCE} So {frame} it is.</text:p>'
            "</office:text></office:body></office:document-content>",
            "styles.xml": f'<office:document-styles {OPEN} office:version="1.2"><office:styles/><office:automatic-styles/><office:master-styles/></office:document-styles>',
            "meta.xml": f"<office:document-meta {OPEN}><office:meta><dc:title>Boiling</dc:title><dc:language>en</dc:language></office:meta></office:document-meta>",
            "Object 1/content.xml": MATHS,
            **(extra or {}),
        },
        stored="mimetype",
    )


def an_epub(chapters: dict[str, str] | None = None, extra: dict[str, str | bytes] | None = None) -> bytes:
    """A book. `chapters` maps file names to what stands in their bodies, in reading order."""
    chapters = chapters or {
        "cover.xhtml": "<h1>The cover</h1>",
        "one.xhtml": f"<h1>Water</h1><p>{SENTENCE} {MATHS}</p>",
        "two.xhtml": "<h1>Ice</h1><p>Ice is lighter than water.</p>",
    }
    items = "".join(
        f'<item id="c{number}" href="{name}" media-type="application/xhtml+xml"/>'
        for number, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{number}"/>' for number in range(len(chapters)))
    head = '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head>'
    return a_package(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
            "OPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>On water</dc:title>'
            "<dc:creator>Ada</dc:creator><dc:creator>Bob</dc:creator><dc:language>en</dc:language><dc:date>2020</dc:date>"
            "<dc:rights>https://creativecommons.org/licenses/by-sa/4.0/</dc:rights></metadata>"
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
            **{f"OPS/{name}": f"{head}<body>{body}</body></html>" for name, body in chapters.items()},
            **(extra or {}),
        },
        stored="mimetype",
    )


def a_notebook(cells: list[dict[str, object]] | None = None) -> bytes:
    """A notebook of format 4."""
    cells = cells or [
        {"cell_type": "markdown", "source": ["# Boiling\n", SENTENCE]},
        {
            "cell_type": "code",
            "source": "print(99 + 1)",
            "outputs": [
                {"output_type": "stream", "text": ["100\n"]},
                {"output_type": "display_data", "data": {"image/png": "aaaa", "text/plain": "<Figure>"}},
            ],
        },
    ]
    about = {"language_info": {"name": "python"}, "authors": [{"name": "Ada"}]}
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}).encode()


def a_jats(body: str = "", back: str = "", doctype: str = "") -> bytes:
    """An article; `body` and `back` are JATS."""
    body = body or f"<sec><title>Water</title><p>{SENTENCE}</p></sec>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{doctype}<article xmlns:mml="http://www.w3.org/1998/Math/MathML" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" dtd-version="1.1" xml:lang="en" article-type="research-article"><front>'
        "<journal-meta><journal-title>Kitchen Science</journal-title></journal-meta><article-meta>"
        '<article-id pub-id-type="doi">10.1234/water.5</article-id><title-group><article-title>On <italic>boiling</italic></article-title></title-group>'
        '<contrib-group><contrib contrib-type="author"><name><surname>Lovelace</surname><given-names>Ada</given-names></name></contrib></contrib-group>'
        "<aff>Institute of Kitchens</aff><pub-date><day>7</day><month>3</month><year>2012</year></pub-date>"
        '<permissions><license xlink:href="http://creativecommons.org/licenses/by/3.0/"><license-p>Free to share.</license-p></license></permissions>'
        "<abstract><p>We boil water.</p></abstract></article-meta></front>"
        f"<body>{body}</body><back>{back}</back></article>"
    ).encode()


LATEX = (
    r"\documentclass{article}\title{On boiling}\author{Ada Lovelace}\begin{document}\maketitle"
    "\n"
    r"\begin{abstract}We boil water.\end{abstract}\section{Water}"
    f"\n{SENTENCE}\n"
    r"So \cite{joule} says: $E = mc^2$ % not for print"
    "\n"
    r"\begin{thebibliography}{9}\bibitem{joule} J. Joule. On heat. 1845.\end{thebibliography}\end{document}"
).encode()

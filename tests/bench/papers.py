"""`papers`: documents of one file against what they hold: JATS articles, PDFs, LaTeX sources, odd PDFs.

ours = the share of what stands in 60 PLOS articles (section titles, formulas, table rows, captions, reference markers with the
words around them) that is found in the Markdown. The peer is pandoc's own reading of the same files. The details have each
kind by itself; for the two ACL papers word F1 and the share of the gold's eight-word runs against TEI, beside pypdfium2's raw text
and pypdf; for the two arXiv sources what came out, beside pandoc alone; and what became of 27 odd PDFs.
"""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curation.recipe.ingest.extract import Extracted, extract
from curation.recipe.ingest.extractors.markup import first, local, xml_tree
from curation.recipe.ingest.found import Row
from curation.recipe.ingest.pool import Pool, Request
from curation.recipe.ingest.rows import read_rows
from curation.recipe.records import Dropped
from tests.bench import data

TEI = "{http://www.tei-c.org/ns/1.0}"
JATS = "application/jats+xml"
RUN = 8  # words
FORMULA = re.compile(r"\$\$?([^$]{1,5000})\$\$?")


def papers() -> dict[str, Any]:
    folder = data.folder("papers")
    ours, pandoc, seconds = _jats(folder / "plos_jats.tar.xz")
    return {
        "name": "papers",
        "ours": _share(ours),
        "unit": "share of titles, formulas, table rows, captions and reference markers of 60 articles that come out",
        "peer": _share(pandoc),
        "peer_name": "pandoc 3.9 alone, from jats to markdown",
        "n": sum(held for _, held in ours.values()),
        "details": {
            "jats": {kind: {"ours": ours[kind], "pandoc": pandoc[kind]} for kind in ours}
            | {"seconds_per_article": seconds},
            "acl_pdf": {path.stem: _acl(path) for path in sorted((folder / "acl_pdf").glob("*.pdf"))},
            "arxiv_latex": _latex(folder / "arxiv_latex.tar.xz"),
            "odd_pdfs": _odd(folder / "pdf" / "sample_small_pdfs.tar.xz"),
        },
    }


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and (file := archive.extractfile(member)):
                yield member.name, file.read()


def _share(counts: dict[str, tuple[int, int]]) -> float:
    return round(sum(found for found, _ in counts.values()) / sum(held for _, held in counts.values()), 4)


def _tokens(text: str) -> list[str]:
    """Words without what Markdown adds to them; formulas are told by themselves."""
    text = re.sub(
        r"\$\$[^$]{1,3000}\$\$|\$(?=\S)[^$\n]{1,1000}(?<=\S)\$(?!\d)|\[formula [^\]]*\]|\[picture [^\]]*\]|!\[[^\]]*\]\([^)]*\)",
        " ",
        text,
    )
    text = re.sub(r"\]\([^)\s]*\)(?:\{[^}]*\})?|[\^_]\{|<[^<>\s][^<>]{0,200}>", "", text)
    text = re.sub(r"[*`{}\\~^]", "", unicodedata.normalize("NFKC", text))
    return re.findall(r"\w+", text.lower())


def _has(words: list[str], text: str) -> bool:
    return not words or f" {' '.join(words)} " in text


# JATS


def _jats(path: Path) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]], float]:
    ours: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    held: Counter[str] = Counter()
    seconds = 0.0
    articles = list(_members(path))
    for _, content in articles:
        start = time.perf_counter()
        found = extract(content, JATS)
        seconds += time.perf_counter() - start
        assert isinstance(found, Extracted)
        for counts, text in ((ours, found.text), (theirs, _pandoc(content, "jats"))):
            for kind, there in accounted(content, text):
                counts[kind] += there
                held[kind] += counts is ours
    return (
        {kind: (ours[kind], held[kind]) for kind in held},
        {kind: (theirs[kind], held[kind]) for kind in held},
        round(seconds / len(articles), 3),
    )


def accounted(content: bytes, markdown: str) -> Iterator[tuple[str, bool]]:
    """Every part of an article that must come out: its kind, and whether it did."""
    from curation.recipe.ingest.extractors.mathml import tex_of

    root = xml_tree(content)
    text = f" {' '.join(_tokens(markdown))} "
    formulas = {_letters(found[1]) for found in FORMULA.finditer(markdown)}
    article = [part for part in root.iter() if local(part) in ("abstract", "body", "back")]
    for part in (inner for holder in article for inner in holder.iter()):
        match local(part):
            case "title" if local(part.getparent()) == "sec":
                yield "section titles", _has(_tokens(_plain(part)), text)
            case "inline-formula" | "disp-formula":
                mathematics = first(part, "math")
                if mathematics is not None:
                    there = _letters(tex_of(mathematics)) in formulas
                else:
                    picture = first(part, "inline-graphic", "graphic")
                    name = (
                        next((v for k, v in picture.attrib.items() if k.endswith("href")), "")
                        if picture is not None
                        else ""
                    )
                    there = name.rpartition("/")[2] in markdown
                yield "formulas", there
            case "tr":
                # Rows of headings become one, so each cell is looked for by itself.
                yield "table rows", all(_has(_tokens(_plain(cell)), text) for cell in part if local(cell))
            case "caption":
                yield (
                    "captions",
                    all(
                        _has(_tokens(_plain(inner)), text) for inner in part if local(inner) in ("title", "p")
                    ),
                )
            case "xref" if part.get("ref-type") == "bibr" and local(part.getparent()) != "ref":
                yield "reference markers", _has(_around(part), text)


def _plain(element: Any) -> str:
    """The words of an element without its formulas, which are told by themselves."""
    if local(element) in ("inline-formula", "disp-formula", "math", "object-id"):
        return " "
    inner = "".join(_plain(child) + (child.tail or "") for child in element if local(child))
    return (element.text or "") + inner


def _around(marker: Any) -> list[str]:
    """A marker with the words right before and after it, as far as they stand in the same element."""
    before = marker.getprevious()
    left = (before.tail if before is not None else marker.getparent().text) or ""
    cut = re.split(r"\s", left)
    return _tokens(" ".join(cut[-4:]) + _plain(marker) + " ".join(re.split(r"\s", marker.tail or "")[:4]))


def _pandoc(content: bytes, reader: str) -> str:
    import pypandoc

    done = subprocess.run(
        [
            pypandoc.get_pandoc_path(),
            f"--from={reader}",
            "--to=markdown-grid_tables-multiline_tables-simple_tables",
            "--wrap=none",
        ],
        input=content,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return done.stdout.decode("utf-8", "replace")


def _letters(tex: str) -> str:
    """The letters and figures of a formula whatever commands they are written with: two writers of TeX agree on no more."""
    bare = re.sub(r"\\(?:begin|end)\{[a-z]+\}(?:\{[lcr]*\})?|\\[a-zA-Z]+", "", tex)
    return "".join(sorted(letter for letter in bare if letter.isascii() and letter.isalnum()))


# PDF


def _acl(path: Path) -> dict[str, Any]:
    import pypdf
    import pypdfium2

    content = path.read_bytes()
    gold = _gold(path.with_suffix(".tei.xml"))
    start = time.perf_counter()
    found = extract(content, "application/pdf")
    seconds = time.perf_counter() - start
    assert isinstance(found, Extracted)
    raw = "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(content)).replace(
        "\r\n", "\n"
    )
    theirs = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    said = {
        "ours": _against(gold, found.text),
        "pypdfium2": _against(gold, raw),
        "pypdf": _against(gold, theirs),
    }
    return said | {"seconds": round(seconds, 2), "title": found.title}


def _gold(path: Path) -> str:
    from lxml import etree

    root = etree.parse(str(path)).getroot()
    parts = [part for name in ("abstract", "body") for part in root.iter(TEI + name)]
    return "\n".join(
        " ".join("".join(p.itertext()).split()) for part in parts for p in part.iter(TEI + "p", TEI + "head")
    )


def _against(gold: str, text: str) -> dict[str, float]:
    """Word F1 with the list of references left out, and the share of the gold's runs of eight words that stand in the text."""
    lists = list(re.finditer(r"(?m)^(?:#+ )?references\s*$", text, re.IGNORECASE))
    body = text[: lists[-1].start()] if lists else text
    wanted, got = (Counter(re.findall(r"\w+", words.lower())) for words in (gold, body))
    common = (wanted & got).total()
    precision, recall = common / max(got.total(), 1), common / max(wanted.total(), 1)
    runs = _runs(gold)
    return {
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 4),
        "runs": round(len(runs & _runs(text)) / len(runs), 4),
    }


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


def _odd(path: Path) -> dict[str, Any]:
    files = [(name, content) for name, content in _members(path) if name.endswith(".pdf")]
    outcomes: Counter[str] = Counter()
    with Pool(1) as pool:
        for result in pool.run(Request(content, "application/pdf") for _, content in files):
            outcomes[result.reason if isinstance(result, Dropped) else "read"] += 1
    return {"files": len(files), **outcomes}


# LaTeX


def _latex(path: Path) -> dict[str, Any]:
    rows = [row for row in read_rows(path, path.name) if isinstance(row, Row)]
    said: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
        for row in rows:
            found = extract(row.content, row.media_type)
            assert isinstance(found, Extracted)
            source = row.content.decode("utf-8", "replace")
            main = Path(folder) / row.member
            alone = subprocess.run(
                [*_pandoc_command(), main.name],
                cwd=main.parent,
                capture_output=True,
                check=False,
                timeout=120,
            )
            said[row.member] = {
                "ours": _came_out(source, found.text) | {"by": found.notes["by"]},
                "pandoc": _came_out(source, alone.stdout.decode("utf-8", "replace")),
            }
    return {"documents": len(rows), **said}


def _pandoc_command() -> list[str]:
    import pypandoc

    return [pypandoc.get_pandoc_path(), "--from=latex", "--to=markdown", "--wrap=none"]


def _came_out(source: str, text: str) -> dict[str, Any]:
    """Words, headings, citations that say whom they cite, entries of the list of references, and commands left standing."""
    source = re.sub(r"(?<!\\)%.*", "", source)
    keys = {
        key.strip()
        for keys in re.findall(r"\\cite[a-z]*\*?(?:\[[^\]]*\])*\{([^}]*)\}", source)
        for key in keys.split(",")
    }
    prose = re.sub(r"\$\$?[^$]+\$\$?|```.*?```|`[^`]*`", " ", text, flags=re.DOTALL)
    items = re.findall(r"\\bibitem(?:\[(?:[^\[\]]|\{[^{}]*\})*\])?\s*\{[^}]*\}\s*([^\s]+\s+[^\s]+)", source)
    names = [re.sub(r"\W+", " ", item).split() for item in items]
    return {
        "words": len(text.split()),
        "headings": [len(re.findall(r"(?m)^#+ ", text)), len(re.findall(r"\\(?:sub)*section\*?\{", source))],
        "unresolved_citations": sum(f"@{key}" in text or f"[{key}]" in text for key in keys),
        "references": [sum(all(word in text for word in name[-1:]) for name in names if name), len(items)],
        "commands_left": len(re.findall(r"\\[a-zA-Z]{2,}", prose)),
    }

"""LaTeX: one source as Markdown, and an archive's files put together to papers, each one document."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from curation.recipe.ingest.extract import Extracted, extract
from curation.recipe.ingest.extractors import latex
from curation.recipe.ingest.extractors.latex.ready import count_columns, ready
from curation.recipe.ingest.extractors.latex.references import References
from curation.recipe.ingest.extractors.latex.strip import stripped, uncommented
from curation.recipe.ingest.extractors.pandoc.run import PandocFailed
from curation.recipe.ingest.found import BadRow, Ref, Row
from curation.recipe.ingest.limits import Limits, Refused
from curation.recipe.ingest.rows import read_back, read_rows
from curation.recipe.ingest.tex.bibtex import entries, listed
from curation.recipe.ingest.tex.flatten import flatten
from curation.recipe.ingest.tex.papers import main_files
from curation.recipe.records import Dropped
from tests.documents import LATEX, SENTENCE

MEDIA_TYPE = "text/x-tex"


def document(body: str, preamble: str = "") -> Extracted:
    source = f"\\documentclass{{article}}\n{preamble}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    found = extract(source.encode(), MEDIA_TYPE)
    assert isinstance(found, Extracted), found
    return found


# One source


def test_a_source_gives_title_abstract_sections_formulas_citations_and_references() -> None:
    found = extract(LATEX, MEDIA_TYPE)
    assert isinstance(found, Extracted)
    assert found.text == (
        f"# On boiling\n\n## Abstract\n\nWe boil water.\n\n## Water\n\n{SENTENCE} So [1] says: $E = mc^2$\n\n"
        "## References\n\n[1] J. Joule. On heat. 1845."
    )
    assert (
        found.title == "On boiling"
        and found.notes["by"] == "pandoc"
        and found.notes["author"] == "Ada Lovelace"
    )


def test_macros_layout_columns_and_numbers_lose_no_words() -> None:
    body = (
        r"\vspace{2pt} \noindent {\bf Heads up.} We use \heat{} twice, see Table~\ref{t} and \eqref{e}."
        "\n"
        r"\begin{table}\caption{Heights}\label{t}\begin{tabularx}{\linewidth}{L{2cm} *{2}{C{1cm}}}a & b & c \\ 1 & 2 & 3 \\\end{tabularx}\end{table}"
        "\n"
        r"\begin{equation}\label{e}x = \frac{1}{2}\end{equation}"
        r"\scalebox{0.5}{kept words}"
    )
    text = document(
        body, r"\newcommand{\heat}{warmth}\newcolumntype{L}[1]{p{#1}}\newcolumntype{C}[1]{p{#1}}"
    ).text
    assert "**Heads up.** We use warmth twice, see Table 1 and (1)." in text
    assert "Table 1: Heights" in text and "| 1 | 2 | 3 |" in text
    assert r"$$x = \frac{1}{2}$$" in text and "kept words" in text


def test_natbib_labels_become_authors_and_years() -> None:
    references = (
        r"\begin{thebibliography}{9}\bibitem[{Ammar et~al.(2018{\natexlab{a}})Ammar, Lo}]{am} W. Ammar. \emph{Graphs}. 2018."
        r"\bibitem[Lo(2019)]{lo} K. Lo. Corpora.\end{thebibliography}"
    )
    text = document(rf"Shown \citep[p.~3]{{am,lo}} by \citet{{lo}}. {references}").text
    assert "Shown (Ammar et al., 2018a; Lo, 2019, p. 3) by Lo (2019)." in text
    assert text.endswith("## References\n\nW. Ammar. *Graphs*. 2018.\n\nK. Lo. Corpora.")


def test_comments_go_and_percent_signs_that_mean_themselves_stay() -> None:
    source = "a% note\nb\n% whole line\nc 5\\% d \\url{x%20y}\n\\begin{verbatim}\nx % y\n\\end{verbatim}\ne% end\n\nf"
    assert uncommented(source) == (
        "ab\nc 5\\% d \\url{x%20y}\n\\begin{verbatim}\nx % y\n\\end{verbatim}\ne\n\nf"
    )


def test_where_pandoc_gives_up_the_stripper_goes_on_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_up(*args: object) -> dict[str, object]:
        raise PandocFailed("extraction_timeout", "Pandoc took more than 30 seconds.")

    monkeypatch.setattr(latex, "tree", gives_up)
    found = extract(LATEX, MEDIA_TYPE)
    assert isinstance(found, Extracted)
    assert found.notes["by"] == "stripper" and found.notes["why"] == "Pandoc took more than 30 seconds."
    for piece in (
        "# On boiling",
        "## Water",
        f"{SENTENCE} So [1] says: $E = mc^2$",
        "[1] J. Joule. On heat. 1845.",
    ):
        assert piece in found.text
    assert "not for print" not in found.text and "\\" not in found.text


def test_the_stripper_knows_lists_accents_links_code_and_displays() -> None:
    source = (
        r"\documentclass{a}\begin{document}\begin{itemize}\item Erd\H{o}s \emph{said} \href{http://x.example}{so}\item 5\% of ``it''\end{itemize}"
        r"\begin{align}a &= b\label{q}\\ c &= d\end{align}\begin{verbatim}x = $1$\end{verbatim}\begin{tikzpicture}\draw;\end{tikzpicture}\end{document}"
    )
    text = stripped(source, References.of(source)).text
    assert "- Erdős *said* so (http://x.example)\n- 5% of “it”" in text
    assert r"$$\begin{aligned} a &= b\\ c &= d \end{aligned}$$" in text and "```\nx = $1$\n```" in text
    assert "draw" not in text


@pytest.mark.parametrize(
    ("columns", "count"),
    [
        ("lcr", 3),
        ("|l|p{2cm}|", 2),
        ("@{}l*{3}{c}>{\\bf}r@{}", 5),
        ("L{0.1\\w} C{0.2\\w}", 2),
        ("*{9}{*{9}{*{9}{c}}}", 200),
    ],
)
def test_columns_are_counted_whatever_they_are_called(columns: str, count: int) -> None:
    assert count_columns(columns) == count


def test_references_to_several_floats_are_numbers_too() -> None:
    source = r"\begin{figure}\caption{A}\label{a}\end{figure}\begin{figure*}\caption{B}\label{b}\end{figure*} \cref{a,b} \ref{c}"
    assert ready(source).endswith(r"Figure 1, 2 \ref{c}") and "Figure 2: B\n" in ready(source)


def test_nothing_but_commands_is_dropped_as_empty() -> None:
    found = extract(rb"\documentclass{article}\begin{document}\maketitle\end{document}", MEDIA_TYPE)
    assert isinstance(found, Dropped) and found.reason == "empty"


# Archives


MAIN = r"""\documentclass{article}
\usepackage{local}
% \input{draft}
\begin{document}
\input{parts/water}
\include{ice}
\bibliography{refs}
\end{document}
"""
PAPER = {
    "ms.tex": MAIN,
    "parts/water.tex": "Water is wet. \\input{parts/steam}",
    "parts/steam.tex": "Steam rises.",
    "ice.tex": "\\documentclass[ms]{subfiles}\\begin{document}Ice floats.\\end{document}",
    "draft.tex": "An old draft.",
    "local.sty": "\\def\\@hidden{x}\n\\newcommand{\\wet}{wet}\n",
    "refs.bib": "@article{joule, author = {Joule, J. and Kelvin, W.}, title={On {H}eat}, year = 1845}",
    "fig/plot.pdf": "%PDF-1.4 a plot",
    "ms.pdf": "%PDF-1.4 the paper",
}


def a_tar(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def read(path: Path) -> tuple[list[Row], list[BadRow]]:
    found = list(read_rows(path, path.name))
    return [row for row in found if isinstance(row, Row)], [row for row in found if isinstance(row, BadRow)]


def test_a_paper_in_an_archive_is_one_document_and_what_it_does_not_use_is_named(tmp_path: Path) -> None:
    rows, bad = read(a_tar(tmp_path / "paper.tar.gz", PAPER))
    (row,) = rows
    source = row.content.decode()
    assert (row.member, row.row, row.media_type) == ("ms.tex", 0, "text/x-tex")
    for piece in ("Water is wet.", "Steam rises.", "Ice floats.", "\\newcommand{\\wet}{wet}", "On {H}eat"):
        assert piece in source
    assert "old draft" not in source and "@hidden" not in source and "subfiles" not in source
    why = {row.member: row.reason for row in bad}
    assert set(why) == {"draft.tex", "fig/plot.pdf", "ms.pdf"}
    assert "does not use" in why["draft.tex"] and "figure of ms.tex" in why["fig/plot.pdf"]
    assert "once more" in why["ms.pdf"]


def test_a_paper_is_found_again_by_its_main_file(tmp_path: Path) -> None:
    path = a_tar(tmp_path / "paper.tar.gz", {"notes.md": "# Notes", **PAPER})
    rows, _ = read(path)
    again = dict(read_back(path, path.name, [Ref(row.member, row.row, None, None) for row in rows], {}))
    assert {ref.member: content for ref, content in again.items()} == {
        row.member: row.content for row in rows
    }


def test_papers_in_folders_and_in_archives_inside_are_documents_of_their_own(tmp_path: Path) -> None:
    inner = a_tar(tmp_path / "2001.00002.tar.gz", {"main.tex": LATEX.decode()})
    outer = tmp_path / "papers.tar"
    with tarfile.open(outer, "w") as archive:
        for name, text in {
            "a/main.tex": LATEX.decode(),
            "b/main.tex": "\\documentclass{x}\\input{body}",
            "b/body.tex": "B.",
        }.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
        archive.add(inner, "2001.00002.tar.gz")
    rows, bad = read(outer)
    assert {row.member for row in rows} == {
        "a/main.tex",
        "b/main.tex",
        "2001.00002.tar.gz!/main.tex",
    } and not bad


def test_an_archive_without_a_paper_comes_out_as_it_is(tmp_path: Path) -> None:
    files = {"notes.tex": "Only a note.", "guide.pdf": "%PDF-1.4", "refs.bib": "@book{a, title={A}}"}
    rows, bad = read(a_tar(tmp_path / "things.tar.gz", files))
    assert {row.member: row.media_type for row in rows} == {
        "notes.tex": "text/x-tex",
        "guide.pdf": "application/pdf",
        "refs.bib": "text/plain",
    }
    assert not bad


def test_a_document_beside_the_folder_of_a_paper_is_no_figure(tmp_path: Path) -> None:
    rows, _ = read(
        a_tar(tmp_path / "repo.tar.gz", {"docs/manual.pdf": "%PDF-1.4", "paper/ms.tex": LATEX.decode()})
    )
    assert {row.member for row in rows} == {"docs/manual.pdf", "paper/ms.tex"}


def test_parts_that_input_each_other_without_end_and_parts_that_swell_stop() -> None:
    loop = {"m.tex": b"\\documentclass{a} M \\input{a}", "a.tex": b"A \\input{b}", "b.tex": b"B \\input{a}"}
    assert flatten("m.tex", loop, 1_000_000).text.count("A ") < 20
    bomb = {f"{n}.tex": b"\\input{%d}" % (n + 1) * 10 for n in range(12)} | {"12.tex": b"x" * 1000}
    with pytest.raises(Refused, match="swell"):
        flatten("0.tex", bomb, 100_000)


def test_a_name_that_climbs_out_of_the_archive_finds_nothing() -> None:
    flat = flatten("m.tex", {"m.tex": b"\\input{../../etc/passwd} \\input{/etc/passwd}"}, 1_000)
    assert flat.missing == ["../../etc/passwd", "/etc/passwd"]


def test_parts_too_large_for_one_document_are_refused_by_name(tmp_path: Path) -> None:
    files = {"m.tex": "\\documentclass{a}\\input{b}", "b.tex": "x" * 50_000}
    path = a_tar(tmp_path / "paper.tar.gz", files)
    (bad,) = [
        row
        for row in read_rows(path, path.name, limits=Limits(document_bytes=10_000))
        if isinstance(row, BadRow) and row.member == "m.tex"
    ]
    assert "swell to more than" in bad.reason


def test_main_files_are_those_that_nothing_inputs() -> None:
    files = {
        "a.tex": b"\\documentclass{article} \\subfile{b}",
        "b.tex": b"\\documentclass{report}",
        "c.tex": b"% \\documentclass{article}",
        "d.tex": b"\\documentclass{standalone}",
    }
    assert main_files(files) == ["a.tex"]


def test_entries_of_bibtex_are_listed_with_labels() -> None:
    found = entries(
        '@Book{k1, author = "Ada Lovelace", title = {The {Engine}}, year=1843}\n@comment{x, y}\n@misc{k2, title={Z}}'
    )
    assert list(found) == ["k1", "k2"]
    assert "\\bibitem[{Lovelace(1843)}]{k1} Ada Lovelace. 1843. The {Engine}." in listed(found)

"""Papers through the studio: imported from an archive, found again in it for extraction, or left out by name."""

from __future__ import annotations

import pytest

from curation.models import Document, Extraction, Project, RejectedRow
from tests import factories as make
from tests.documents import LATEX, SENTENCE, a_package, a_pdf, column
from tests.jobs.test_imports import bring, extracted

pytestmark = pytest.mark.django_db


def test_a_paper_of_several_files_is_one_document_and_is_extracted_whole() -> None:
    project: Project = make.a_project("water")
    main = LATEX.replace(SENTENCE.encode(), b"\\input{water}")
    archive = a_package(
        {
            "paper/plot.pdf": a_pdf([[]]),
            "paper/ms.tex": main,
            "paper/water.tex": SENTENCE,
            "scan.pdf": a_pdf([[]], picture=True),
            "talk.pdf": a_pdf([column([SENTENCE], 60, 700)]),
        }
    )
    batch = bring(project, ("papers.zip", archive))
    extracted(project)
    texts = {text.document.member: text.text for text in Extraction.objects.select_related("document")}
    assert set(texts) == {"paper/ms.tex", "talk.pdf"}
    assert SENTENCE in texts["paper/ms.tex"] and SENTENCE in texts["talk.pdf"]
    left_out = Document.objects.exclude(left_out="").values_list("member", "left_out")
    assert list(left_out) == [("scan.pdf", "scanned")]
    refused = RejectedRow.objects.get(batch=batch)
    assert refused.member == "paper/plot.pdf" and "is a figure of paper/ms.tex" in refused.reason

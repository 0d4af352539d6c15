"""The demonstration's own material, without a database: it is what the loader and the guide say it is."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from curation.demo.load import MATERIAL, SHELVES
from curation.recipe.chain import parse
from curation.recipe.ingest.extract import Extracted, extract
from curation.recipe.text.language import identify

MEDIA_TYPES = {".html": "text/html", ".md": "text/markdown", ".txt": "text/plain"}


def files() -> list[Path]:
    return sorted(path for path in MATERIAL.glob("*/*") if path.suffix in MEDIA_TYPES)


def rows() -> list[dict[str, str]]:
    lines = (MATERIAL / "languages" / "worldreader.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def samples() -> list[dict[str, object]]:
    lines = (MATERIAL / "samples" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def text_of(path: Path) -> str:
    found = extract(path.read_bytes(), MEDIA_TYPES[path.suffix], "")
    assert isinstance(found, Extracted), (path.name, found)
    return found.text


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The text of every document by its name."""
    return {path.name: text_of(path) for path in files()} | {row["url"]: row["body"] for row in rows()}


def test_every_folder_of_the_material_is_a_shelf():
    assert {path.name for path in MATERIAL.iterdir() if path.is_dir()} == {shelf.folder for shelf in SHELVES}


def test_there_are_forty_samples_of_five_workflows_that_follow_the_schema():
    chains = [parse(row) for row in samples()]
    assert len(chains) == len({chain.id for chain in chains}) == 40
    assert set(Counter(chain.workflow for chain in chains)) == {
        *("rewrite_and_augment", "question_answer", "self_revision", "instruction_reversal", "multi_agent")
    }
    assert all(
        chain.steps[0].kind == "prompt" and any(step.scores for step in chain.steps) for chain in chains
    )


def test_every_sample_quotes_words_that_a_document_has_after_extraction(texts):
    spaced = [" ".join(text.split()) for text in texts.values()]
    for row in samples():
        quote = " ".join(str(row["seed"]["quote"]).split())
        assert any(quote in text for text in spaced), (row["id"], quote)


def test_no_sample_says_by_itself_that_it_was_spoilt():
    assert not any(row["meta"] for row in samples())


def test_furniture_of_pages_is_left_behind_and_their_text_kept(texts):
    lesson = texts["why-bridges-have-gaps.html"]
    assert "The movement has not been abolished." in lesson
    for furniture in ("Subscribe", "Privacy", "Search lessons", "More lessons"):
        assert furniture not in lesson


def test_formulas_come_out_of_pages_as_they_were_written(texts):
    assert r"$$v = \sqrt{\frac{GM}{r}}$$" in texts["falling-around-the-earth.html"]
    assert "(2k+1)^2 = 2(2k^2+2k)+1" in texts["square-root-of-two.html"]


def test_code_in_a_highlighters_frame_comes_out_with_its_lines_and_indents(texts):
    assert "CREATE TABLE member (\n    id   integer PRIMARY KEY," in texts["sql-joins.html"]
    assert '    if left == 0:\n        return "sold out"' in texts["a-lost-update.html"]
    assert "Copy" not in texts["sql-joins.html"]


def test_every_language_is_identified():
    found = identify([row["body"] for row in rows()])
    for row, language in zip(rows(), found, strict=True):
        assert language.code == re.search(r"/(\w\w)/", row["url"])[1]  # type: ignore[index]


def test_pages_that_are_meant_to_be_good_are_long_enough_to_have_passages(texts):
    for folder in ("lessons", "notes", "code", "shelf"):
        for path in (MATERIAL / folder).iterdir():
            assert len(texts[path.name].split()) > 250, path.name

"""The guide says what there is: its links lead somewhere, its commands and settings exist."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
SETTINGS = re.compile(r"`((?:STUDIO|DATABASE|CELERY|STORAGE|EMBEDDING)_[A-Z_]+|PORT)\b")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_the_guide_leads_somewhere(page):
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name(page)} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.M)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{name(page)} links to {target}"


def test_the_list_of_formats_has_every_reader():
    from curation.recipe.ingest.readers import READERS

    said = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert not [reader.title for reader in READERS.values() if reader.title.lower() not in said.lower()]


def test_the_index_lists_every_page():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    missing = [
        path.name
        for path in (ROOT / "docs").glob("*.md")
        if f"]({path.name})" not in index and path.stem != "index"
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_of_the_guide_exists(page):
    for command in re.findall(r"manage\.py (\w+)", page.read_text(encoding="utf-8")):
        assert command in get_commands(), f"{name(page)} names ./manage.py {command}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_setting_of_the_guide_is_in_the_example(page):
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for setting in SETTINGS.findall(page.read_text(encoding="utf-8")):
        assert re.search(rf"^#? ?{setting}=", example, re.M), f"{name(page)} names {setting}"


def test_the_figures_of_the_starter_scorer_are_those_of_its_fit():
    from curation.recipe.scoring.starter import RUBRICS, shipped

    said = (ROOT / "docs" / "scores.md").read_text(encoding="utf-8")
    fit = shipped().fit
    figures = [f"{fit['leave_one_out_spearman'][rubric]:.2f}" for rubric in RUBRICS]
    assert f"| {' | '.join(figures)} |" in said
    assert f"{fit['exemplars']} short" in said


def test_the_guide_has_the_keys_of_the_review_page():
    shown = (ROOT / "templates" / "review" / "_keys.html").read_text(encoding="utf-8")
    page = set(re.findall(r'class="key">([^<{]+)<', shown))
    said = (ROOT / "docs" / "annotators.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \| ", said, re.M)
    assert page <= {key for row in rows for key in re.findall(r"`([^`]+)`", row)}


def test_the_managers_guide_has_the_default_of_every_threshold():
    from curation.recipe.knobs import Knobs

    ours = Knobs()
    said = (ROOT / "docs" / "managers.md").read_text(encoding="utf-8")
    for default in (
        f"| {ours.min_document_characters} characters |",
        f"| {ours.min_educational} |",
        f"| {ours.min_factual}, {ours.min_reasoning} |",
        f"| {ours.near_duplicate_cosine} |",
        f"| {ours.leave_out_rejected:d} (yes) |",
        f"| {ours.leave_out_near_duplicates:d} (yes) |",
        f"| {ours.min_labels}, {ours.retrain_after_labels} |",
        f"| {ours.seeds_decisions}, {ours.scores_decisions}, {ours.samples_decisions} |",
    ):
        assert default in said, default

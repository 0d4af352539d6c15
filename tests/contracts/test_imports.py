"""The law of direction, and what each part may load."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
CURATION = CHECKOUT / "curation"
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))

# Loaded where they are used, never by importing a module.
HEAVY = ["torch", "sentence_transformers", "transformers", "pyarrow", "trafilatura", "sklearn", "model2vec"]
FORBIDDEN = ["django", "celery", "kombu", "psycopg", "ray", "curation.settings", "curation.models"]

# What stages share lies below them and is no stage.
SHARED = {"text", "llm"}


def modules(folder: Path) -> list[str]:
    return [
        ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(folder.rglob("*.py"))
    ]


def test_every_recipe_module_imports_without_django_celery_or_heavy_libraries() -> None:
    code = f"""
import importlib, sys
for name in {modules(CURATION / "recipe")!r}:
    importlib.import_module(name)
    found = [bad for bad in {FORBIDDEN + HEAVY!r} if bad in sys.modules]
    assert not found, f"importing {{name}} loads {{found}}"
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_the_settings_models_and_addresses_load_no_heavy_library() -> None:
    code = f"""
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "curation.settings"
import django; django.setup()
import curation.urls, curation.tasks
found = [bad for bad in {HEAVY!r} if bad in sys.modules]
assert not found, found
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_the_keeper_runs_without_django() -> None:
    code = "import sys, curation.studio.keeper, curation.studio.database; assert 'django' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT).returncode == 0


def test_imports_point_down() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    ran = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_every_stage_of_the_recipe_is_in_the_contract_of_independence() -> None:
    (contract,) = [
        one for one in PROJECT["tool"]["importlinter"]["contracts"] if one["name"].startswith("2.")
    ]
    stages = {
        path.name
        for path in (CURATION / "recipe").iterdir()
        if path.is_dir() and path.name not in SHARED and any(path.glob("*.py"))
    }
    assert set(contract["modules"]) == {f"curation.recipe.{stage}" for stage in stages}


@pytest.mark.parametrize(
    ("folder", "groups"),
    [("curation", ["dependencies"]), ("tests", ["dependencies", "dev"])],
)
def test_every_package_that_is_imported_is_declared(folder: str, groups: list[str]) -> None:
    optional = [one for group in PROJECT["project"]["optional-dependencies"].values() for one in group]
    named = [*PROJECT["project"]["dependencies"], *optional] + (
        PROJECT["dependency-groups"]["dev"] if "dev" in groups else []
    )
    declared = {canonicalize_name(Requirement(text).name) for text in named}
    owners = packages_distributions()
    undeclared = set()
    for path in (CHECKOUT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for top in {name.partition(".")[0] for name in names}:
                if top in sys.stdlib_module_names or top in {"curation", "tests"}:
                    continue
                if not {top, *(canonicalize_name(owner) for owner in owners.get(top, []))} & declared:
                    undeclared.add(f"{top} ({path.relative_to(CHECKOUT)})")
    # What comes with a declared package as its public part needs no line of its own; a peer that our pins leave no room for lives elsewhere.
    theirs = {"kombu", "packaging", "botocore", "distilabel"}
    assert {name for name in undeclared if name.split(" ")[0] not in theirs} == set()


def test_every_declared_package_is_pinned() -> None:
    def pins(name: str) -> dict[str, str]:
        lines = (CHECKOUT / name).read_text(encoding="utf-8").splitlines()
        return dict(line.split("==") for line in lines if "==" in line)

    studio, dev = pins("requirements.txt"), pins("requirements-dev.txt")
    for text in PROJECT["project"]["dependencies"]:
        needed = Requirement(text)
        assert needed.specifier.contains(studio[canonicalize_name(needed.name)]), text
    for text in PROJECT["dependency-groups"]["dev"]:
        needed = Requirement(text)
        assert needed.specifier.contains((studio | dev)[canonicalize_name(needed.name)]), text
    assert studio["torch"] == "2.13.0"

"""Where real data lies and how it is read. Public material for measuring only; none of it is part of the project."""

from __future__ import annotations

import csv
import gzip
import json
import lzma
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3] / "shared" / "data"


def folder(name: str) -> Path:
    """A folder of the data. Ends the benchmark with the reason where it is missing."""
    found = ROOT / name
    if not found.is_dir():
        raise SystemExit(
            f"This benchmark needs ../shared/data/{name} beside the checkout, which is not there."
        )
    return found


@dataclass(frozen=True, slots=True)
class Rated:
    """A text with its value. Texts of one `key` (a page, an article, a debate) never stand on both sides of a split."""

    text: str
    value: float
    key: str


def subj() -> list[Rated]:
    """Sentences, 1 objective and 0 subjective (Pang & Lee 2004)."""
    return [
        Rated(line, value, line)
        for kind, value in (("objective", 1.0), ("subjective", 0.0))
        for line in _text(folder("quality/subj") / f"subj.{kind}.txt").splitlines()
        if line.strip()
    ]


def checkthat() -> list[Rated]:
    """Sentences of debates, 1 worth checking and 0 not (CheckThat! 2018); the key is the debate."""
    return [
        Rated(said, float(worth), path.stem)
        for path in sorted(folder("quality/checkthat2018").glob("*.txt"))
        for _, _, said, worth in (line.split("\t") for line in _text(path).splitlines() if line)
    ]


def onestopenglish() -> list[Rated]:
    """Articles at three reading levels, 0 to 2 (Vajjala & Lučić 2018); the key is the article, whose three versions share it."""
    levels = {"ele": 0.0, "int": 1.0, "adv": 2.0}
    return [
        Rated(row["text"], levels[row["level"]], row["article"])
        for row in _rows(folder("quality/onestopenglish") / "onestop.jsonl.gz")
    ]


def edu_scores() -> list[Rated]:
    """Pages with the educational value, 0 to 5, that a language model gave them."""
    csv.field_size_limit(sys.maxsize)
    with open(
        folder("quality/edu_scores_llm") / "training_data_150.csv", newline="", encoding="utf-8"
    ) as file:
        return [
            Rated(row["text"], float(row["score"]), str(at)) for at, row in enumerate(csv.DictReader(file))
        ]


def snippets() -> list[Rated]:
    """Snippets of web pages, 1 of the main text and 0 of what is around it; the key is the page. A text that occurs on
    several pages is there once, one that is both is not there."""
    kinds: dict[str, dict[float, str]] = {}
    for page in _rows(folder("extraction/wcxb_dev") / "ground_truth.jsonl.gz"):
        for name, value in (("with", 1.0), ("without", 0.0)):
            for text in page[name]:
                kinds.setdefault(" ".join(text.split()), {}).setdefault(value, page["id"])
    return [
        Rated(text, value, page)
        for text, values in kinds.items()
        if len(values) == 1
        for value, page in values.items()
    ]


@dataclass(frozen=True, slots=True)
class Solved:
    """A programming task: the reference solution, its tests, and the function that they test."""

    key: str
    code: str
    tests: str
    function: str


def humaneval() -> list[Solved]:
    """HumanEval (Chen et al. 2021)."""
    return [
        Solved(
            row["task_id"],
            row["prompt"] + row["canonical_solution"],
            f"{row['test']}\ncheck({row['entry_point']})\n",
            row["entry_point"],
        )
        for row in _rows(folder("benchmarks/humaneval") / "HumanEval.jsonl.gz")
    ]


def mbpp() -> list[Solved]:
    """MBPP (Austin et al. 2021), with its set-up code. The function is the first of the code's that the tests name."""
    rows = map(json.loads, _text(folder("benchmarks/mbpp") / "mbpp.jsonl").splitlines())
    solved = []
    for row in rows:
        tests = "\n".join([row["test_setup_code"], *row["test_list"], *row["challenge_test_list"]])
        defined = re.findall(r"^def (\w+)", row["code"], re.M)
        called = set(re.findall(r"\w+", " ".join(row["test_list"])))
        solved.append(
            Solved(
                f"MBPP/{row['task_id']}", row["code"], tests, next(one for one in defined if one in called)
            )
        )
    return solved


def gsm8k() -> list[str]:
    """Solutions of GSM8K's test split (Cobbe et al. 2021), which end in #### and the answer."""
    path = folder("benchmarks/gsm8k") / "test.jsonl"
    return [json.loads(line)["answer"] for line in _text(path).splitlines()]


def math() -> list[str]:
    """Solutions of MATH's test split (Hendrycks et al. 2021), with the answer in \\boxed{…}."""
    return [row["solution"] for row in _rows(folder("benchmarks/math") / "test.jsonl.gz")]


def sentences() -> list[tuple[str, str]]:
    """(language, sentence) of 75 languages (Leipzig corpora, as lingua measures on them)."""
    with lzma.open(folder("langid/lingua") / "sentences_75x1000.jsonl.xz", "rt", encoding="utf-8") as file:
        return [(row["lang"], row["text"]) for row in map(json.loads, file)]


def word_pairs() -> list[tuple[str, str]]:
    """(language, two words) of the same 75 languages."""
    return [
        (row["lang"], row["text"]) for row in _rows(folder("langid/lingua") / "word_pairs_75x200.jsonl.gz")
    ]


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)

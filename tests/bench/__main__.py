"""`python -m tests.bench NAME` runs a benchmark and prints one JSON line; without a NAME it lists them.

A benchmark is one file here and one line in `BENCHMARKS`. It makes a database of its own, takes it away, and asserts
nothing about time.
"""

from __future__ import annotations

import importlib
import json
import sys

#: Name → module and function. Imported when run: each needs settings of its own.
BENCHMARKS: dict[str, tuple[str, str]] = {
    "import": ("tests.bench.import_", "import_rows"),
    "queue": ("tests.bench.queue", "queue"),
    "export": ("tests.bench.export", "export"),
    "retrain": ("tests.bench.retrain", "retrain"),
    "rescore_1m": ("tests.bench.rescore_1m", "rescore_1m"),
    "semantic_duplicates": ("tests.bench.semantic_duplicates", "semantic_duplicates"),
    "lexical_duplicates": ("tests.bench.lexical_duplicates", "lexical_duplicates"),
    "vectors_1m": ("tests.bench.vectors_1m", "vectors_1m"),
    "increment": ("tests.bench.increment", "increment"),
    "find_similar": ("tests.bench.find_similar", "find_similar"),
    "steering_pages": ("tests.bench.steering_pages", "steering_pages"),
    "scorer_subj": ("tests.bench.scorer_subj", "scorer_subj"),
    "scorer_checkthat": ("tests.bench.scorer_checkthat", "scorer_checkthat"),
    "scorer_reading": ("tests.bench.scorer_reading", "scorer_reading"),
    "scorer_snippets": ("tests.bench.scorer_snippets", "scorer_snippets"),
    "scorer_edu": ("tests.bench.scorer_edu", "scorer_edu"),
    "cleaning": ("tests.bench.cleaning", "cleaning"),
    "language": ("tests.bench.language", "bench_language"),
    "map": ("tests.bench.map", "project_map"),
    "extraction": ("tests.bench.extraction", "extraction"),
    "extraction_fit": ("tests.bench.extraction_fit", "extraction_fit"),
    "ingest_speed": ("tests.bench.ingest_speed", "ingest_speed"),
    "scrapinghub": ("tests.bench.extraction", "scrapinghub"),
    "webmainbench_samples": ("tests.bench.extraction", "webmainbench_samples"),
    "engine": ("tests.bench.engine", "engine"),
    "learning_curve": ("tests.bench.learning_curve", "learning_curve"),
    "papers": ("tests.bench.papers", "papers"),
    "sandbox": ("tests.bench.sandbox", "sandbox"),
    "verify_code": ("tests.bench.verify_code", "verify_code"),
    "verify_maths": ("tests.bench.verify_maths", "verify_maths"),
}


def main(arguments: list[str]) -> int:
    if not arguments:
        print("\n".join(BENCHMARKS))
        return 0
    if len(arguments) > 1 or arguments[0] not in BENCHMARKS:
        print(
            f"No benchmark is called {' '.join(arguments)!r}; there are {', '.join(BENCHMARKS)}.",
            file=sys.stderr,
        )
        return 2
    module, function = BENCHMARKS[arguments[0]]
    print(json.dumps(getattr(importlib.import_module(module), function)()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Makes `letters.json` and `starter_1.json` from `starter_exemplars.jsonl`:

    python -m curation.recipe.scoring.fit_starter

Prints the leave-one-out figures. Run it after changing an exemplar, a signal or a range, and commit the result; a change
of what has been released is a new version (`starter-2`), because scores are kept per version.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from math import log2
from pathlib import Path

from curation.recipe.scoring import signals, starter
from curation.recipe.text import encode

FOLDER = Path(__file__).parent


def letter_bits(texts: Sequence[str]) -> list[list[float]]:
    """Bits of each letter given the one before, over a to z and the edge of a word, with half a count added."""
    counts = [[0.5] * 27 for _ in range(27)]
    for text in texts:
        for word in signals.latin_words(text):
            before = 26
            for letter in word.encode():
                counts[before][letter - 97] += 1
                before = letter - 97
    return [[round(-log2(count / sum(row)), 3) for count in row] for row in counts]


def main() -> None:
    exemplars = starter.exemplars()
    texts = [exemplar.text for exemplar in exemplars]
    _write("letters.json", {"bits": letter_bits(texts)})
    vectors = encode.load().encode(texts)
    measured = [signals.measure(text) for text in texts]
    heads = starter.fit(encode.BUNDLED, vectors, measured, [exemplar.values for exemplar in exemplars])
    _write("starter_1.json", heads.as_dict())
    json.dump(heads.fit, sys.stdout, indent=2)
    print()


def _write(name: str, value: object) -> None:
    (FOLDER / name).write_text(json.dumps(value, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

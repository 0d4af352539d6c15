"""Heuristic signals of a text: what Gopher, C4 and FineWeb filter by, each defined once, and the
judgement of corrupted text that is made from them.

Gopher: Rae et al. 2021, arXiv 2112.11446, table A1. C4: Raffel et al. 2020, arXiv 1910.10683, section 2.2. FineWeb: Penedo et al.
2024, arXiv 2406.17557, section 3.6. CCNet: Wenzek et al. 2020, arXiv 1911.00359. A definition that differs from its source (because
ours has to hold for every script, say) is marked "after".

A *word* is a run of letters, marks, digits and apostrophes; in scripts without spaces each character is one. A *line* is
one that is not blank.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from math import log2

#: Version of the table below; part of the key under which values are stored.
VERSION = "1"
#: Signals are measured on this many characters at most, from the beginning.
MEASURED_CHARS = 200_000


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD = re.compile(
    r"[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_]+(?:['’][^\W_]+)*"
)
_SENTENCE_END = re.compile(r"[.!?…۔؟।]+[\"'”’»)\]]*(?=\s|$)|[。！？｡]+")
_TERMINAL = (".", "!", "?", "…", '"', "”", "»", "'", "’", "。", "！", "？", "」", "।", "؟", "۔", ":", ";")
_BULLET = re.compile(r"\s*(?:[-*+•‣▪◦·●]|\d{1,3}[.)])\s")
_LINK = re.compile(r"\]\([^)\s]+[^)]*\)|https?://\S+|www\.\S+")
_MARK = re.compile(r"[#*_`|>\\]+")
_CODE_MARK = re.compile(
    r"^(?:```|~~~| {4,}\S)|[;{}]\s*$|^\s*(?:def|class|import|from|return|for|if|while|function|var|const|let|public|#include)\b",
    re.M,
)
_FORMULA = re.compile(
    r"\$[^$\n]{2,}\$|\\(?:frac|sum|int|begin|alpha|beta|sqrt|left|right|cdot)\b|[=≤≥≈∑∫√∞±×÷∂∇∈→⇒]"
)
_BOILERPLATE = re.compile(
    r"\b(?:cookies?|privacy policy|terms (?:of|and) (?:use|service|conditions)|all rights reserved|subscribe|newsletter|sign (?:up|in)|log ?in|"
    r"add to (?:cart|basket|wishlist)|free shipping|checkout|buy now|shop now|click here|read more|learn more|share (?:this|on)|follow us|leave a (?:comment|reply)|"
    r"copyright|©|advertisement|sponsored|related (?:posts|articles)|previous post|next post|skip to (?:main )?content|"
    r"javascript|enable cookies|contact us|unsubscribe|per person|in stock|out of stock|customer reviews?|"
    r"datenschutz|impressum|warenkorb|mentions légales|panier|política de privacidad|carrito)\b",
    re.I,
)
_REASONING = _set(
    "because therefore thus hence since consequently implies follows leads causes due if then unless whereas although "
    "however suppose assume let prove proof deduce conclude explain explains why step first second finally otherwise "
    "weil daher deshalb folglich wenn obwohl donc ainsi puisque parce porque entonces aunque perché quindi dunque"
)
_PERSONAL = _set("i me my mine you your yours we our us lol btw thanks imo guys")
_PROMOTION = re.compile(
    r"[$€£]\s?\d|\b(?:\d+% off|discount|sale|deal|offer|best|amazing|perfect|exclusive|order now|price|price[sd]?|reviews?|ratings?)\b",
    re.I,
)

# Gopher's eight words, and the most frequent small words of languages that share its script.
_STOP_WORDS = _set(
    "the be to of and that have with is are in for on as by this it was from "
    "der die das und ist nicht mit von den ein eine zu auf le la les et des est un une que dans pour pas "
    "el los las y en por con para una es del il di che è per non sono de het een van en dat op te niet o os "
    "da do em não com uma para i na w z się nie jest och att det som är på og til er av"
)

# UTF-8 read as Latin-1 or Windows-1252: a lead byte's character and then one of a continuation byte's.
_MOJIBAKE = re.compile(
    "[ÃÂÐÑØÙÎÏ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â[€\u0080-\u009f][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]?|ï¿½"
)
# Not the private-use area: fonts of icons live there, on pages that are otherwise sound.
_BROKEN = re.compile(r"\(cid:\d+\)|" "[\ufffd\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


@dataclass
class Text:
    """One text with what several signals need of it, worked out once."""

    text: str

    @cached_property
    def measured(self) -> str:
        return self.text[:MEASURED_CHARS]

    @cached_property
    def words(self) -> list[str]:
        return _WORD.findall(self.measured.lower())

    @cached_property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.measured.split("\n") if line.strip()]

    @cached_property
    def paragraphs(self) -> list[str]:
        return [part.strip() for part in re.split(r"\n\s*\n", self.measured) if part.strip()]

    @cached_property
    def visible(self) -> int:
        """Characters that are not white space, at least 1."""
        return max(1, len("".join(self.measured.split())))

    @cached_property
    def sentences(self) -> int:
        return max(1, len(_SENTENCE_END.findall(self.measured)))

    @cached_property
    def bytes(self) -> bytes:
        return self.measured.encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Signal:
    """A number about a text. `share` signals lie between 0 and 1; others have their unit."""

    key: str
    title: str
    definition: str
    unit: str
    source: str
    measure: Callable[[Text], float] = field(repr=False)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _duplicate_share(parts: Sequence[str]) -> float:
    """Share of the characters that stand in repetitions of an earlier part."""
    seen: set[str] = set()
    repeated = 0
    for part in parts:
        if part in seen:
            repeated += len(part)
        seen.add(part)
    return _share(repeated, sum(map(len, parts)))


def _top_gram(n: int) -> Callable[[Text], float]:
    def measure(text: Text) -> float:
        words = text.words
        if len(words) < 2 * n:
            return 0.0
        gram, count = min(
            Counter(zip(*(words[at:] for at in range(n)), strict=False)).most_common(5),
            key=lambda entry: (-entry[1] * sum(map(len, entry[0])), entry[0]),
        )
        return min(1.0, _share(sum(map(len, gram)) * count, sum(map(len, words)))) if count > 1 else 0.0

    return measure


def _duplicate_grams(n: int) -> Callable[[Text], float]:
    def measure(text: Text) -> float:
        words = text.words
        seen: set[tuple[str, ...]] = set()
        repeated = bytearray(len(words))
        for at, gram in enumerate(zip(*(words[at:] for at in range(n)), strict=False)):
            if gram in seen:
                repeated[at : at + n] = b"\1" * n
            seen.add(gram)
        characters = sum(len(word) for word, again in zip(words, repeated, strict=True) if again)
        return _share(characters, sum(map(len, words)))

    return measure


@lru_cache(maxsize=1)
def _bigram_bits() -> list[list[float]]:
    """Bits of the second letter given the first, over a to z and the word's edge (27 × 27), learned from the
    exemplars of `starter-1` by `fit_starter`."""
    return json.loads(files(__package__).joinpath("letters.json").read_text("utf-8"))["bits"]


_FOLD = {
    ord(left): right
    for left, right in zip(
        "àáâãäåçèéêëìíîïñòóôõöøùúûüýÿšžłąęśćńźżőűğışřčěůďťňľ",
        "aaaaaaceeeeiiiinoooooouuuuyyszlaescnzzougisrceudtnl",
        strict=True,
    )
}
_LATIN_WORD = re.compile(r"(?<![^\W\d_])[a-z]{3,}(?![^\W\d_])")


def latin_words(text: str) -> list[str]:
    """Words of three letters and more in the Latin script, lower case and without accents."""
    return _LATIN_WORD.findall(text.lower().translate(_FOLD))


def _surprise(text: Text) -> float:
    """0 where there are too few Latin letters to tell."""
    words = latin_words(text.measured[:20_000])
    letters = sum(map(len, words))
    if letters < 150:
        return 0.0
    bits = _bigram_bits()
    total = 0.0
    for word, count in Counter(words).items():
        before = 26
        for letter in word.encode():
            total += bits[before][letter - 97] * count
            before = letter - 97
    return total / letters


def _entropy(text: Text) -> float:
    counts = Counter(text.measured)
    whole = len(text.measured)
    return -sum(count / whole * log2(count / whole) for count in counts.values()) if whole else 0.0


def _compression(text: Text) -> float:
    return _share(len(zlib.compress(text.bytes, 6)), len(text.bytes))


def _matching_lines(test: Callable[[str], object]) -> Callable[[Text], float]:
    return lambda text: _share(sum(1 for line in text.lines if test(line)), len(text.lines))


def _per_word(pattern: re.Pattern[str]) -> Callable[[Text], float]:
    return lambda text: min(1.0, _share(len(pattern.findall(text.measured)), len(text.words)))


def _among(words: frozenset[str]) -> Callable[[Text], float]:
    return lambda text: _share(sum(map(words.__contains__, text.words)), len(text.words))


def _per_character(pattern: re.Pattern[str]) -> Callable[[Text], float]:
    return lambda text: _share(sum(len(found) for found in pattern.findall(text.measured)), text.visible)


def _letters(text: Text) -> int:
    return sum(map(str.isalpha, text.measured))


_GOPHER = "Gopher, table A1"

SIGNALS: tuple[Signal, ...] = (
    Signal("characters", "Characters", "Code points of the whole text.", "characters", "", lambda t: len(t.text)),
    Signal("words", "Words", "Number of words.", "words", _GOPHER, lambda t: len(t.words)),
    Signal("lines", "Lines", "Number of lines.", "lines", "FineWeb", lambda t: len(t.lines)),
    Signal("sentences", "Sentences", "Ends of sentences, at least one.", "sentences", "C4", lambda t: t.sentences),
    Signal("mean_word_length", "Mean word length", "Characters per word.", "characters", _GOPHER,
           lambda t: _share(sum(map(len, t.words)), len(t.words))),
    Signal("mean_sentence_length", "Mean sentence length", "Words per sentence; long ones are hard to read.", "words",
           "after Flesch 1948", lambda t: len(t.words) / t.sentences),
    Signal("mean_line_length", "Mean line length", "Characters per line.", "characters", "FineWeb",
           lambda t: _share(sum(map(len, t.lines)), len(t.lines))),
    Signal("distinct_words", "Distinct words", "Different words among the first 200.", "share", "type-token ratio",
           lambda t: _share(len(set(t.words[:200])), len(t.words[:200]))),
    Signal("stop_words", "Stop words", "Words that are among the small words of a dozen languages in Latin script.", "share",
           "after " + _GOPHER, lambda t: _share(sum(word in _STOP_WORDS for word in t.words), len(t.words))),
    Signal("alphabetic_words", "Words with a letter", "Words with at least one letter.", "share", _GOPHER,
           lambda t: _share(sum(any(map(str.isalpha, word)) for word in t.words), len(t.words))),
    Signal("symbols", "Symbols per word", "Hash signs and ellipses over words.", "ratio", _GOPHER,
           lambda t: _share(t.measured.count("#") + t.measured.count("...") + t.measured.count("…"), len(t.words))),
    Signal("bullet_lines", "Bullet lines", "Lines that begin with a bullet or a number.", "share", "after " + _GOPHER,
           _matching_lines(_BULLET.match)),
    Signal("ellipsis_lines", "Ellipsis lines", "Lines that end with an ellipsis.", "share", _GOPHER,
           _matching_lines(lambda line: line.endswith(("...", "…")))),
    Signal("ended_lines", "Lines that end a sentence", "Lines that end with a sign that ends a sentence or quotation.", "share",
           "C4; FineWeb drops pages at 0.12 or less", _matching_lines(lambda line: line.endswith(_TERMINAL))),
    Signal("short_lines", "Short lines", "Lines shorter than 30 characters.", "share", "FineWeb drops pages at 0.67 or more",
           _matching_lines(lambda line: len(line) < 30)),
    Signal("duplicate_lines", "Repeated lines", "Characters in lines that stood before.", "share",
           _GOPHER + "; FineWeb drops pages at 0.1 or more", lambda t: _duplicate_share(t.lines)),
    Signal("duplicate_paragraphs", "Repeated paragraphs", "Characters in paragraphs that stood before.", "share", _GOPHER,
           lambda t: _duplicate_share(t.paragraphs)),
    Signal("top_2_gram", "Most frequent 2-gram", "Characters in the pair of words that takes most of the text.", "share", _GOPHER, _top_gram(2)),
    Signal("top_3_gram", "Most frequent 3-gram", "The same for three words.", "share", _GOPHER, _top_gram(3)),
    Signal("top_4_gram", "Most frequent 4-gram", "The same for four words.", "share", _GOPHER, _top_gram(4)),
    Signal("duplicate_5_grams", "Repeated 5-grams", "Characters in runs of five words that stood before.", "share", _GOPHER, _duplicate_grams(5)),
    Signal("duplicate_10_grams", "Repeated 10-grams", "Characters in runs of ten words that stood before.", "share", _GOPHER, _duplicate_grams(10)),
    Signal("compression", "Compression ratio", "Bytes after zlib (level 6) over bytes before: low is repetitive, high is noise; short texts are always high.",
           "ratio", "the recipe; zlib", _compression),
    Signal("entropy", "Entropy of characters", "Bits per character of the distribution of single characters.", "bits", "Shannon 1948", _entropy),
    Signal("letter_surprise", "Surprise of letters",
           "Bits per letter of Latin words under a model of letter pairs; 0 when there are fewer than 150 letters.", "bits", "the recipe's n-gram statistics; after CCNet", _surprise),
    Signal("letters", "Letters", "Letters over characters that are not white space.", "share", "CCNet", lambda t: _share(_letters(t), t.visible)),
    Signal("digits", "Digits", "Digits over characters that are not white space.", "share", "", lambda t: _share(sum(map(str.isdigit, t.measured)), t.visible)),
    Signal("upper_case", "Upper case", "Upper-case letters over letters.", "share", "", lambda t: _share(sum(map(str.isupper, t.measured)), _letters(t))),
    Signal("markup", "Markup", "Signs of markup over characters that are not white space.", "share", "", _per_character(_MARK)),
    Signal("links", "Links per word", "Addresses and Markdown links over words.", "ratio", "", _per_word(_LINK)),
    Signal("code_lines", "Lines of code", "Lines with a mark of programming over lines.", "share", "after C4 (curly bracket)",
           lambda t: min(1.0, _share(len(_CODE_MARK.findall(t.measured)), len(t.lines)))),
    Signal("formulas", "Formulas per word", "TeX and mathematical signs over words.", "ratio", "", _per_word(_FORMULA)),
    Signal("boilerplate", "Boilerplate phrases", "Phrases of menus, shops, consent notices and footers over words.", "ratio",
           "after C4 (policy phrases)", _per_word(_BOILERPLATE)),
    Signal("reasoning_words", "Words of reasoning", "Because, therefore, if, suppose and their kin (six languages) over words.", "ratio", "", _among(_REASONING)),
    Signal("personal_words", "Personal words", "First and second person and chat words over words.", "ratio", "", _among(_PERSONAL)),
    Signal("promotion", "Words of promotion", "Prices and words of selling over words.", "ratio", "", _per_word(_PROMOTION)),
    Signal("broken_characters", "Broken characters", "Replacement and control characters, and glyphs that a PDF only numbers, over characters that are not white space.", "share", "",
           lambda t: len(_BROKEN.findall(t.measured)) / t.visible),
    Signal("mojibake", "Wrongly decoded characters", "Pairs that arise when UTF-8 is read as Latin-1, over characters that are not white space.", "share", "",
           lambda t: min(1.0, 2 * len(_MOJIBAKE.findall(t.measured)) / t.visible)),
)  # fmt: skip

KEYS: tuple[str, ...] = tuple(signal.key for signal in SIGNALS)


def measure(text: str) -> dict[str, float]:
    """Every signal of a text, rounded to 6 digits after the point."""
    whole = Text(text)
    return {signal.key: round(float(signal.measure(whole)), 6) for signal in SIGNALS}


# Judgement ----------------------------------------------------------------------------------------------

#: Limits of the judgement. They are ours: the recipe names the statistics, not where they end.
MOST_BROKEN = 0.005
MOST_MOJIBAKE = 0.01
MOST_SURPRISE = 5.6
#: The same for a text that is in no language for sure. Somali, Xhosa and Bosnian come to 4.9, and words with their letters mixed up no further: those pass.
MOST_SURPRISE_IN_DOUBT = 5.0
LEAST_CERTAINTY = 0.6
LEAST_COMPRESSION = 0.10
LEAST_COMPRESSION_CHARS = 1_000
MOST_COMPRESSION = 0.80
MOST_COMPRESSION_CHARS = 2_000
LEAST_LETTERS = 0.25
LEAST_LETTERS_OF_FORMULAS = 0.10
LEAST_MARKUP_OF_TABLE = 0.08
MOST_WORD_LENGTH = 20.0
LEAST_WORD_LENGTH = 1.6
LEAST_ENTROPY_OF_SIGNS = 3.9
MOST_REPEATED = 0.60

#: Where a document begins to be an outlier: the limits as a picture shows them, each below or above.
LIMITS: dict[str, tuple[tuple[str, float], ...]] = {
    "broken_characters": (("above", MOST_BROKEN),),
    "mojibake": (("above", MOST_MOJIBAKE),),
    "letter_surprise": (("above", MOST_SURPRISE),),
    "compression": (("below", LEAST_COMPRESSION), ("above", MOST_COMPRESSION)),
    "duplicate_10_grams": (("above", MOST_REPEATED),),
    "letters": (("below", LEAST_LETTERS),),
    "mean_word_length": (("below", LEAST_WORD_LENGTH), ("above", MOST_WORD_LENGTH)),
}


def corruption(values: dict[str, float], certainty: float = 1.0) -> str:
    """Why a text with these signals is corrupted, in words with the number and its limit; "" when it is not.

    `certainty` is the probability of its best language, which rests on n-grams too. Any one outlier is enough. Short texts are
    judged only by what is reliable on them; code and formulas not by their letters.
    """
    characters = values["characters"]
    prose = values["code_lines"] < 0.3
    if values["broken_characters"] > MOST_BROKEN and values["broken_characters"] * characters >= 3:
        return _evidence("broken characters", values["broken_characters"], MOST_BROKEN, percent=True)
    if values["mojibake"] > MOST_MOJIBAKE and values["mojibake"] * characters >= 6:
        return _evidence("wrongly decoded characters", values["mojibake"], MOST_MOJIBAKE, percent=True)
    doubted = certainty < LEAST_CERTAINTY and values["formulas"] < 0.05
    limit = MOST_SURPRISE_IN_DOUBT if doubted else MOST_SURPRISE
    if prose and values["letter_surprise"] > limit:
        return _evidence("letters as improbable as noise", values["letter_surprise"], limit, " bits a letter")
    if prose and characters >= 200 and (said := _words_lost(values)):
        return said
    return _repeated(values) or _unlike_text(values)


def _words_lost(values: dict[str, float]) -> str:
    """Words run together, or taken apart letter by letter (a script that writes a word per sign has many more signs)."""
    if values["letters"] < 0.5:
        return ""
    length = values["mean_word_length"]
    if length > MOST_WORD_LENGTH:
        return _evidence("words run together: mean length", length, MOST_WORD_LENGTH, " characters")
    if length < LEAST_WORD_LENGTH and values["entropy"] < LEAST_ENTROPY_OF_SIGNS:
        return _evidence("every letter apart: mean length of words", length, LEAST_WORD_LENGTH, " characters", least=True)  # fmt: skip
    return ""


def _repeated(values: dict[str, float]) -> str:
    if values["characters"] >= LEAST_COMPRESSION_CHARS and values["compression"] < LEAST_COMPRESSION:
        return _evidence("repetitive: compression ratio", values["compression"], LEAST_COMPRESSION, least=True)  # fmt: skip
    if values["characters"] >= 500 and values["duplicate_10_grams"] > MOST_REPEATED:
        said = "repetitive: text in runs of ten words that stood before"
        return _evidence(said, values["duplicate_10_grams"], MOST_REPEATED, percent=True)
    return ""


def _unlike_text(values: dict[str, float]) -> str:
    """As hard to compress as noise, or hardly any letters where there is neither code nor table nor formula to explain it."""
    # Ideographs carry more per byte, and a text of them never compresses as far as letters do.
    if (
        values["characters"] >= MOST_COMPRESSION_CHARS
        and values["compression"] > MOST_COMPRESSION
        and values["mean_word_length"] > 1.5
    ):
        return _evidence("like noise: compression ratio", values["compression"], MOST_COMPRESSION)
    table = values["markup"] >= LEAST_MARKUP_OF_TABLE and values["digits"] >= values["letters"]
    limit = LEAST_LETTERS_OF_FORMULAS if values["formulas"] >= 0.05 or table else LEAST_LETTERS
    if values["characters"] >= 200 and values["letters"] < limit and values["code_lines"] < 0.3:
        return _evidence("hardly any letters", values["letters"], limit, percent=True, least=True)
    return ""


def _evidence(
    what: str, value: float, limit: float, unit: str = "", *, percent: bool = False, least: bool = False
) -> str:
    side = "at least" if least else "at most"
    if percent:
        return f"{what} {value:.1%} ({side} {limit:.1%})"
    return f"{what} {value:.2f}{unit} ({side} {limit:.2f})"

"""What a text is indexed as for full-text search, and what a question to that index has to look like.

PostgreSQL stems the languages it ships a configuration for; every other text is indexed as it stands
("simple"). It splits words at spaces, so a script that has none (Chinese, Japanese, Thai, Lao, Khmer,
Burmese) would become one unfindable word per line: runs of such characters are written as overlapping pairs
("東京都" → "東京 京都 都"). The last character stands alone at the end of its run so that every character begins
some word and a single one can be searched as a prefix.

Everything is NFKC-normalised on both sides, so that full-width and half-width forms meet.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

#: A tsvector holds 1 MB; a text is indexed up to here. (Passages are far shorter.)
INDEXED_CHARS = 100_000
#: A question longer than this is cut.
QUESTION_CHARS = 400

#: Language code → text-search configuration that PostgreSQL 16 and later ship.
CONFIGURATIONS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "ne": "nepali", "nl": "dutch", "no": "norwegian", "nn": "norwegian", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
SIMPLE = "simple"

# Ideographs (with their supplementary planes), kana, Thai, Lao, Burmese, Khmer. Hangul has spaces.
_UNSPACED = re.compile(
    "[\u0e01-\u0e5b\u0e81-\u0edf\u1000-\u109f\u1780-\u17ff"
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)


def configuration(language: str) -> str:
    """The text-search configuration for a language code; "simple" for those PostgreSQL does not know."""
    return CONFIGURATIONS.get(language, SIMPLE)


def index(text: str, language: str) -> tuple[str, str]:
    """(configuration, words) to give to `to_tsvector(configuration, words)`."""
    words = unicodedata.normalize("NFKC", text[:INDEXED_CHARS])
    return configuration(language), _UNSPACED.sub(lambda run: f" {_pairs(run.group(), alone=True)} ", words)


@dataclass(frozen=True, slots=True)
class Question:
    """One alternative of a search: `websearch_to_tsquery(configuration, words)`, and every one of
    `prefixes` as `to_tsquery('simple', prefix)`, all of which have to match. Alternatives are OR-ed.
    Either part may be empty; both are when nothing can be searched for.
    """

    configuration: str
    words: str
    prefixes: tuple[str, ...]


def question(query: str, languages: Iterable[str]) -> list[Question]:
    """What a person typed, as the index has it, once per configuration in use. Quotes, `or` and a leading
    minus mean what they mean to `websearch_to_tsquery`; unspaced runs become phrases of pairs."""
    query = unicodedata.normalize("NFKC", query[:QUESTION_CHARS]).replace("\x00", " ")
    prefixes = []

    def as_phrase(run: re.Match[str]) -> str:
        if len(run.group()) == 1:
            prefixes.append(f"{run.group()}:*")
            return " "
        pairs = _pairs(run.group(), alone=False)
        within_quotes = query.count('"', 0, run.start()) % 2
        return f" {pairs} " if within_quotes else f' "{pairs}" '

    words = " ".join(re.sub(r"(?<!\S)-\s+", "", _UNSPACED.sub(as_phrase, query)).split())
    configurations = dict.fromkeys([*map(configuration, languages), SIMPLE])
    return [Question(name, words, tuple(prefixes)) for name in configurations if words or prefixes]


def unspaced_terms(query: str) -> list[str]:
    """The runs of unspaced script in a question, longest first: what is marked in a result as it stands,
    because PostgreSQL's own headline sees no words there."""
    found = set(_UNSPACED.findall(unicodedata.normalize("NFKC", query[:QUESTION_CHARS])))
    return sorted(found, key=lambda term: (-len(term), term))


def _pairs(run: str, *, alone: bool) -> str:
    pairs = [run[at : at + 2] for at in range(len(run) - 1)]
    return " ".join([*pairs, run[-1]] if alone else pairs)

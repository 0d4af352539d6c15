"""Reading instructions of form off a task, where its words can hardly mean anything else.

A small table of patterns; what none of them matches is not read, and a sentence that speaks of code is not read at all: "a function that
returns at most 10 words" asks nothing of the answer's own words. `tests.bench verify_instructions` says how often reading is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Said = tuple[str, dict[str, Any]]  # a key of `constraints.CONSTRAINTS`, its parameters

_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12}  # fmt: skip
_NUMBER = rf"(?P<n>\d{{1,3}}(?:,\d{{3}})+|\d{{1,5}}|{'|'.join(_WORDS)})"
_QUOTED = r"[\"“”'‘](?P<phrase>[^\"“”\n]{1,200}?)[\"“”'’]"
_YOUR = r"(?:your|the)(?: entire| whole| full)? (?:answer|response|reply|output)"
_LANGUAGES = {"English": "en", "German": "de", "French": "fr", "Spanish": "es", "Italian": "it", "Portuguese": "pt", "Dutch": "nl", "Russian": "ru", "Chinese": "zh", "Japanese": "ja", "Korean": "ko", "Arabic": "ar", "Hindi": "hi", "Turkish": "tr", "Polish": "pl", "Swedish": "sv", "Vietnamese": "vi", "Thai": "th", "Persian": "fa", "Finnish": "fi", "Bengali": "bn", "Urdu": "ur", "Telugu": "te", "Marathi": "mr", "Tamil": "ta", "Gujarati": "gu", "Punjabi": "pa", "Kannada": "kn", "Bulgarian": "bg", "Nepali": "ne", "Swahili": "sw"}  # fmt: skip
#: A unit's name → its constraint.
_UNITS = {"word": "words", "sentence": "sentences", "bullet point": "bullets"}
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"“'(])|\n+")
#: A sentence that asks for a thing with a form of its own, or for some words in capitals.
_ABOUT_SOMETHING_ELSE = re.compile(
    r"\b(?:functions?|programs?|scripts?|code|regex|class(?:es)?|methods?|algorithms?|api|endpoint|quer(?:y|ies)|each|every|per|how many|if)\b|\bwords?\b.*\b(?:capital|caps|upper ?case)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """`says` makes the instruction of a match; None where it is none after all."""

    words: re.Pattern[str]
    says: Callable[[re.Match[str]], Said | None]


def _count(match: re.Match[str], name: str = "n") -> int:
    said = match[name].lower().replace(",", "")
    return _WORDS.get(said) or int(said)


def _bounds(match: re.Match[str], **bounds: int) -> Said:
    return _UNITS[match["unit"].lower()], bounds


_UNIT = rf"(?P<unit>{'|'.join(_UNITS)})s?\b"


def _pattern(words: str, says: Callable[[re.Match[str]], Said | None]) -> Pattern:
    return Pattern(re.compile(words, re.I), says)


PATTERNS: tuple[Pattern, ...] = (
    # Length
    _pattern(rf"\b(?:at least|no(?:t)? (?:less|fewer) than|a minimum of) {_NUMBER}[ -]{_UNIT}", lambda m: _bounds(m, least=_count(m))),
    _pattern(rf"\b(?:at most|no(?:t)? more than|a maximum of|up to|no longer than) {_NUMBER}[ -]{_UNIT}", lambda m: _bounds(m, most=_count(m))),
    _pattern(rf"(?<!no )(?<!not )\b(?:fewer|less) than {_NUMBER}[ -]{_UNIT}", lambda m: _bounds(m, most=_count(m) - 1)),
    _pattern(rf"\b(?:in|use) under {_NUMBER}[ -]{_UNIT}", lambda m: _bounds(m, most=_count(m) - 1)),
    _pattern(rf"(?<!no )(?<!not )\bmore than {_NUMBER}[ -]{_UNIT}", lambda m: _bounds(m, least=_count(m) + 1)),
    _pattern(rf"\b{_NUMBER}[ -]{_UNIT} or (?:less|fewer)\b", lambda m: _bounds(m, most=_count(m))),
    _pattern(rf"\b{_NUMBER}\+?[ -]{_UNIT} or more\b", lambda m: _bounds(m, least=_count(m))),
    _pattern(rf"\bexactly {_NUMBER}[ -]{_UNIT}", lambda m: _bounds(m, least=_count(m), most=_count(m))),
    _pattern(
        rf"\bbetween {_NUMBER} (?:and|to) {_NUMBER.replace('<n>', '<n2>')}[ -]{_UNIT}",
        lambda m: _bounds(m, least=_count(m), most=_count(m, "n2")),
    ),
    # Form
    _pattern(
        r"^(?:please )?(?:answer|respond|reply)(?: only)? (?:in|with|as) (?:only )?(?:an? )?(?:single |valid )*JSON\b",
        lambda m: ("json", {}),
    ),
    _pattern(rf"\b(?:wrap )?{_YOUR} (?:should |must |has to )?(?:be )?(?:in |as )(?:valid )?JSON\b", lambda m: ("json", {})),
    # Case and signs
    _pattern(
        r"\b(?:without using|do not use|don't use|avoid using|refrain from (?:the )?us(?:e|ing)(?: of)?|without) (?:any )?commas\b",
        lambda m: ("no_commas", {}),
    ),
    _pattern(r"\bin (?:all |only )?lower ?case(?: letters)?(?: only)?\b", lambda m: ("lowercase", {})),
    _pattern(r"\bin (?:all|only) (?:capital letters|upper ?case|caps)\b|\bin capital letters only\b", lambda m: ("uppercase", {})),
    # Beginning and end
    _pattern(
        rf"\b(?:finish|end) {_YOUR} with (?:this exact |the (?:exact )?)?(?:phrase|words?|sentence)?:? ?{_QUOTED}",
        lambda m: ("ends_with", {"phrase": m["phrase"]}),
    ),
    _pattern(rf"\bwrap {_YOUR} (?:in|with|inside) double quot", lambda m: ("quoted", {})),
    # Language
    _pattern(
        rf"^(?:please )?(?:answer|respond|reply|write (?:{_YOUR}|it)) (?:only )?in (?P<name>{'|'.join(_LANGUAGES)})\b",
        lambda m: ("language", {"code": _LANGUAGES[m["name"].capitalize()]}),
    ),
)  # fmt: skip


def read(task: str) -> list[Said]:
    """The instructions that a task gives, each once, in the order of the table. Never more than a constraint can check."""
    found: list[Said] = []
    sentences = [one.strip() for one in _SENTENCES.split(task)]
    sentences = [one for one in sentences if one and not _ABOUT_SOMETHING_ELSE.search(one)]
    for pattern in PATTERNS:
        for sentence in sentences:
            match = pattern.words.search(sentence)
            said = pattern.says(match) if match else None
            if said is not None and said not in found:
                found.append(said)
    return found

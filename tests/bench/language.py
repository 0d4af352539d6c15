"""`language`: which of 75 languages a sentence is in, on lingua's sentences (Leipzig corpora; Stahl, lingua).

ours = macro accuracy of `recipe.text.language.identify` over the 75 languages, on the half of the sentences that its thresholds were not chosen
on; an answer of "und" counts as wrong. Peers, in the same run: fastText's lid.176.ftz alone on the same sentences, and lingua alone in its
high-accuracy mode on every 40th of all. Throughput is of one process, by its own processor time.

Labels that lingua does not know are looked at in Django's own translations (interface messages of 40 letters and more): of those that fastText alone
names rightly, how many keep their name. Mixed texts are two sentences of different languages joined; short ones are pairs of words.
"""

from __future__ import annotations

import gettext
import os
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import django

from curation.recipe.text import language
from tests.bench import data

RENAMED = {"nb": "no"}  # as lid.176 has it
JOINED = 1_500


def bench_language() -> dict[str, Any]:
    rows = data.sentences()
    held_out = rows[1::2]
    language.identify(["The models are loaded by a text.", "Oku kubhalwe ngesiZulu, futhi kuyangabazeka."])
    before = _memory()
    start = time.process_time()
    found = language.identify([text for _, text in held_out])
    took = time.process_time() - start
    codes = [one.code for one in found]
    best = [one.scores[0][0] if one.scores else language.UNDETERMINED for one in found]
    answered = [(code, RENAMED.get(lang, lang)) for code, (lang, _) in zip(codes, held_out, strict=True) if code != language.UNDETERMINED]  # fmt: skip
    first = [_first(text) for _, text in held_out]
    by_language = _shares(codes, held_out)
    sample = rows[::40]
    lingua, lingua_took = _lingua(sample)
    return {
        "name": "language",
        "ours": round(_macro(by_language), 4),
        "unit": "macro accuracy over 75 languages",
        "peer": round(_macro(_shares(first, held_out)), 4),
        "peer_name": "fastText lid.176.ftz alone",
        "n": len(held_out),
        "details": {
            "best_guess": round(_macro(_shares(best, held_out)), 4),
            "right_of_answered": round(sum(said == true for said, true in answered) / len(answered), 4),
            "uncertain": Counter(one.uncertain for one in found if one.uncertain),
            "texts_per_second": round(len(held_out) / took),
            "megabytes": round(before),
            "lowest": dict(sorted(by_language.items(), key=lambda one: one[1])[:15]),
            "confusions": _confusions(codes, held_out),
            "lingua_high_accuracy": round(_macro(_shares(lingua, sample)), 4),
            "lingua_texts_per_second": round(len(sample) / lingua_took),
            "lingua_megabytes_more": round(_memory() - before),
            "ours_on_lingua_s_sample": round(_macro(_shares(_codes(sample), sample)), 4),
            "labels_lingua_lacks": _kept(),
            "two_languages": _mixed(held_out),
            "pairs_of_words": _short(),
        },
    }


def _codes(rows: Sequence[tuple[str, str]]) -> list[str]:
    return [one.code for one in language.identify([text for _, text in rows])]


def _first(text: str) -> str:
    scores = language.by_first(language.prose(text), 1)
    return scores[0][0] if scores else language.UNDETERMINED


def _lingua(rows: Sequence[tuple[str, str]]) -> tuple[list[str], float]:
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()
    start = time.process_time()
    said = [detector.detect_language_of(language.prose(text)) for _, text in rows]
    took = time.process_time() - start
    return [language.code_of(one) if one else language.UNDETERMINED for one in said], took


def _shares(codes: Sequence[str], rows: Sequence[tuple[str, str]]) -> dict[str, float]:
    right: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for code, (lang, _) in zip(codes, rows, strict=True):
        whole[lang] += 1
        right[lang] += code == RENAMED.get(lang, lang)
    return {lang: round(right[lang] / whole[lang], 3) for lang in whole}


def _macro(shares: dict[str, float]) -> float:
    return sum(shares.values()) / len(shares)


def _confusions(codes: Sequence[str], rows: Sequence[tuple[str, str]]) -> dict[str, int]:
    wrong = Counter(
        f"{lang} as {code}"
        for code, (lang, _) in zip(codes, rows, strict=True)
        if code not in (RENAMED.get(lang, lang), language.UNDETERMINED)
    )
    return dict(wrong.most_common(20))


def _kept() -> dict[str, Any]:
    """Of interface messages that fastText alone names rightly: the share that keeps its name, by language."""
    right: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for code, text in _messages():
        if code not in language.known_to_second() and _first(text) == code:
            right[code] += 1
            said = language.identify([text])[0]
            kept[code] += bool(said.scores) and said.scores[0][0] == code
    return {"kept": round(kept.total() / right.total(), 4), "of": right.total(), "languages": sorted(right)}


def _messages() -> list[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for path in Path(os.path.dirname(django.__file__)).rglob("LC_MESSAGES/django.mo"):
        with open(path, "rb") as file:
            catalogue: dict[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        for message, translated in catalogue.items():
            words = re.sub(r"%\([^)]*\)[sd]|%[sd]|\{[^}]*\}|<[^>]+>", " ", translated)
            if message and translated != message and len(re.findall(r"\w", words)) >= 40:
                found.add((path.parts[-3], words))
    return sorted(found)


def _mixed(rows: Sequence[tuple[str, str]]) -> dict[str, Any]:
    drawn = random.Random(5)
    long = [(lang, text) for lang, text in rows if 80 <= len(text) <= 300]
    joined = []
    while len(joined) < JOINED:
        (one, first), (other, second) = drawn.sample(long, 2)
        if one != other:
            joined.append(f"{first} {second}")
    uncertain = Counter(one.uncertain or "answered" for one in language.identify(joined))
    # One language throughout: what is called mixed there is wrong.
    by_language: dict[str, list[str]] = defaultdict(list)
    for lang, text in rows:
        by_language[lang].append(text)
    whole = [" ".join(texts[at : at + 10]) for texts in by_language.values() for at in range(0, 200, 10)]
    wrongly = sum(one.uncertain == "mixed" for one in language.identify(whole))
    return {**uncertain, "one_language_called_mixed": wrongly, "of": len(whole)}


def _short() -> dict[str, Any]:
    rows = data.word_pairs()
    found = language.identify([text for _, text in rows])
    answered = [
        (one.code, RENAMED.get(lang, lang))
        for one, (lang, _) in zip(found, rows, strict=True)
        if not one.uncertain
    ]
    return {
        "uncertain": Counter(one.uncertain for one in found if one.uncertain),
        "right_of_answered": round(sum(said == true for said, true in answered) / len(answered), 4),
        "answered": len(answered),
    }


def _memory() -> float:
    """Megabytes of this process."""
    import psutil

    return psutil.Process().memory_info().rss / 2**20

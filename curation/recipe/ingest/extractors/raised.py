"""Raised and lowered text in a line: by Unicode's own signs where all of it has them, else as `^{…}` and `_{…}`."""

from __future__ import annotations

RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")


def raised(words: str) -> str:
    return _shifted(words, RAISED, "^")


def lowered(words: str) -> str:
    return _shifted(words, LOWERED, "_")


def _shifted(words: str, signs: dict[int, int], mark: str) -> str:
    bare = words.strip()
    if not bare:
        return words
    if all(ord(letter) in signs for letter in bare):
        return bare.translate(signs)
    return f"{mark}{{{bare}}}"

"""Whether two expressions have the same value: by math-verify, and by 60 digits. Both have to say so.

math-verify 0.9 (Hugging Face) reads LaTeX into sympy. With its defaults it rounds to six decimals and so finds unequal things equal; here its
strict settings are one opinion, and the other is that both sides agree to 50 of 60 digits, at several points where there are variables.
To be called in a process that can be killed: some expressions take for ever.
"""

from __future__ import annotations

import re
from typing import Any

from curation.recipe.verify.answers import LONGEST

DIGITS = 60
AGREE = 50
_POINTS = ((3, 7), (-11, 13), (17, 5))
#: What a leaf may be made of; a word that is none of these would be read as a product of letters, or dropped.
_COMMANDS = {"frac", "sqrt", "pi", "times", "cdot", "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "log", "ln", "exp", "binom", "infty", "theta", "alpha", "beta", "gamma", "lambda", "phi", "div", "pm"}  # fmt: skip
_WORD = re.compile(r"\\?[a-zA-Z]+")
_BASE_OF_LOGARITHM = re.compile(r"log\s*_(?:\{\w+\}|\w)")
_STRANGE = re.compile(r"[^\w\s+\-*/^(){}\[\]\\.!]|_")
#: Forms that are read in more than one way, and by parsers not always in the usual one: 1/2x, 2^10, 1 000, log x, 5!!, 1.2.3, 3(2).
_AMBIGUOUS = re.compile(
    r"/\s*\d+\s*[a-zA-Z\\(]|\^\s*\d\d|\d\s+\d|\\log(?!\s*_)|!\s*!|\d\.\d+\.|\d\s*\(\s*-?\d+\s*\)|(?<![\\a-zA-Z])(?:ln|or|in|is|cm|mm|km|kg|ft)(?![a-zA-Z])"
)


class NotUnderstood(Exception):
    """An answer that cannot be read with certainty."""


def equal(gold: str, answer: str) -> bool:
    """Raises NotUnderstood where that cannot be told."""
    left, right = read(gold), read(answer)
    same = agree(left, right)
    if same and not _math_verify(left, right):
        raise NotUnderstood("math-verify and the 60-digit check differ")
    return same


def read(text: str) -> Any:
    """A leaf as a sympy expression with exact numbers."""
    import sympy
    from math_verify import LatexExtractionConfig, parse

    _check(text)
    found = parse(
        rf"\boxed{{{text}}}",
        extraction_config=[LatexExtractionConfig(try_extract_without_anchor=False, boxed_match_priority=0)],
        fallback_mode="no_fallback",
        extraction_mode="first_match",
        parsing_timeout=None,
        raise_on_error=False,
    )
    expression = next((one for one in found if isinstance(one, sympy.Expr)), None)
    if expression is None:
        raise NotUnderstood(f"{text[:80]} cannot be read")
    exact = {one: sympy.Rational(str(one)) for one in expression.atoms(sympy.Float)}
    letters = {"e": sympy.E, "i": sympy.I}
    constants = {one: letters[one.name] for one in expression.free_symbols if one.name in letters}
    return expression.xreplace({**exact, **constants}).doit()


def _check(text: str) -> None:
    if len(text) > LONGEST:
        raise NotUnderstood("longer than an answer should be")
    if strange := _STRANGE.search(_BASE_OF_LOGARITHM.sub("log", text)):
        raise NotUnderstood(f"{strange[0]} in {text[:80]}")
    if ambiguous := _AMBIGUOUS.search(_BASE_OF_LOGARITHM.sub("log_", text)):
        raise NotUnderstood(f"{ambiguous[0]} in {text[:80]}, which can be read in two ways")
    for word in _WORD.findall(text):
        known = word[1:] in _COMMANDS if word.startswith("\\") else len(word) <= 2
        if not known:
            raise NotUnderstood(f"{word} in {text[:80]}")


def agree(left: Any, right: Any) -> bool:
    """Whether both have the same value to 50 digits, relative to the larger, at every point that is tried."""
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    if not symbols:
        return _close(left, right)
    for top, bottom in _POINTS:
        point = {symbol: _point(at, top, bottom) for at, symbol in enumerate(symbols)}
        if not _close(left.subs(point), right.subs(point)):
            return False
    return True


def _point(at: int, top: int, bottom: int) -> Any:
    import sympy

    return sympy.Rational(top + 2 * at, bottom + at) + sympy.sqrt(2) / (at + 3)


def _close(left: Any, right: Any) -> bool:
    import sympy

    if left == right or (left.is_Rational and right.is_Rational):
        return bool(left == right)
    values = [sympy.N(one, DIGITS, maxn=4000) for one in (left, right)]
    if not all(one.is_number and one.is_finite for one in values):
        raise NotUnderstood("a value that is no finite number")
    if len({one.is_real for one in values}) > 1:
        raise NotUnderstood("a real value and a complex one, as of roots of negative numbers")
    larger = max(abs(one) for one in values)
    if larger == 0:
        return True
    return bool(abs(values[0] - values[1]) <= larger * sympy.Float(10, DIGITS) ** -AGREE)


def _math_verify(left: Any, right: Any) -> bool:
    from math_verify import verify

    return bool(
        verify(
            [left],
            [right],
            float_rounding=AGREE,
            numeric_precision=DIGITS,
            strict=True,
            timeout_seconds=None,
            raise_on_error=False,
        )
    )

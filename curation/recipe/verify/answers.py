"""The form of a final answer: what is a number, a unit, a tuple, an interval, a set, a list, and what is left for algebra.

Pure text, no algebra system: a number that can be read here is read exactly, as a fraction, and no parser can drop half of an answer
unnoticed, for what is not understood is said to be so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

LONGEST = 2_000  # characters of an answer
_MOST_DIGITS = 10_000

_SIGNS = {"−": "-", "–": "-", "×": r"\times ", "·": r"\cdot ", "÷": "/", "π": r"\pi ", "∞": r"\infty ", "±": r"\pm ", "∪": r"\cup ", "°": r"^\circ", "½": r"\frac{1}{2}", "\u00a0": " ", "\u202f": " "}  # fmt: skip
_SPACING = re.compile(
    r"\\[,;:! ]|~|\\(?:left|right|displaystyle|quad|qquad|limits|big|Big|bigg|Bigg)(?![a-zA-Z])"
)
_DOLLARS = re.compile(r"^(?:\$\$?|\\\(|\\\[)(.*?)(?:\$\$?|\\\)|\\\])$", re.S)
_SHORT_FRACTION = re.compile(r"\\frac\s*(?:(\d)\s*(\d)|\{([^{}]*)\}\s*(\d)|(\d)\s*\{([^{}]*)\})")
_NAMES_ALONE = re.compile(r"[A-Za-z]\s*(?:\\in|=)\s*")

_INTEGER = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?)\s*(?:(?P<whole>{_INTEGER})?(?:\.(?P<decimals>\d*)(?:\\overline\{{(?P<period>\d+)\}})?)?)"
    r"(?:(?:e|E|\s*\\(?:times|cdot)\s*10\^)\{?(?P<power>[-+]?\d{1,4})\}?)?"
)
_FRACTION = re.compile(
    rf"(?P<sign>[-+]?)\s*(?:(?P<whole>\d+)\s+|(?P<joined>\d+)(?=\\frac))?"
    rf"(?:\\frac\{{\s*(?P<over>-?{_INTEGER})\s*\}}\{{\s*(?P<under>-?{_INTEGER})\s*\}}|(?P<over2>\d+)\s*/\s*(?P<under2>\d+))"
)
_UNIT = re.compile(
    r"(?P<value>.*?[\d)}\]])\s*(?P<unit>(?:\\(?:text|mathrm|mbox|textrm|operatorname)\{[^{}]*\}|(?<=[\s\d}])[a-z]{2,}(?:[ /][a-z]+)*|(?<=\d\s)[a-zA-Z])(?:\^\{?-?\d\}?)?|\^\{?\\(?:circ|degree)\}?|\\%|%)",
    re.S,
)
_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mbox|textrm|mathbf|operatorname)\{([^{}]*)\}")
_BASED = re.compile(r"([0-9A-Fa-f]+)_\{?(\d+)\}?")


@dataclass(frozen=True, slots=True)
class Group:
    """Parts between brackets: a tuple, an interval, a set; or, without brackets, a list."""

    opening: str
    closing: str
    parts: tuple[str, ...]


def final(text: str) -> str:
    """The answer that a text ends in: what stands in its last \\boxed{…}, or after the last ####, or all of it."""
    at = max(text.rfind(r"\boxed{"), text.rfind(r"\fbox{"))
    if at >= 0:
        inside = _braced(text, text.index("{", at))
        if inside is not None:
            return inside
    return text.rsplit("####", 1)[-1].strip()


def _braced(text: str, start: int) -> str | None:
    depth = 0
    for at in range(start, len(text)):
        if text[at] in "{}" and (at == 0 or text[at - 1] != "\\"):
            depth += 1 if text[at] == "{" else -1
            if not depth:
                return text[start + 1 : at]
    return None


def tidy(text: str) -> str:
    """The same answer in one spelling: signs as LaTeX, no spacing commands, fractions and roots with braces."""
    text = text.strip().rstrip(".").strip()
    if match := _DOLLARS.fullmatch(text):
        text = match[1]
    for sign, latex in _SIGNS.items():
        text = text.replace(sign, latex)
    text = _SPACING.sub(" ", text.replace("{,}", ",").replace(r"\,", " "))
    text = re.sub(r"\\[dtc]frac(?![a-zA-Z])", r"\\frac", text)
    text = _SHORT_FRACTION.sub(_spelt_out, text)
    text = re.sub(r"\\sqrt\s*(\d|[a-zA-Z])(?![\]\w])", r"\\sqrt{\1}", text)
    text = re.sub(r"(?<![\\a-zA-Z])pi(?![a-zA-Z])", r"\\pi ", text)
    text = re.sub(r"\s+", " ", text).strip()
    return text.replace(" ", "") if re.fullmatch(r"-?\d{1,3}(?: \d{3})+(?:\.\d+)?", text) else text


def _spelt_out(match: re.Match[str]) -> str:
    parts = [part for part in match.groups() if part is not None]
    return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"


def number(text: str) -> Fraction | None:
    """The exact value of a plain number: whole, decimal, periodic, scientific, fraction or mixed. None for all else."""
    text = text.strip()
    if len(text) > _MOST_DIGITS:
        return None
    if match := _FRACTION.fullmatch(text):
        return _fraction(match)
    match = _NUMBER.fullmatch(text)
    if not match or not (match["whole"] or match["decimals"]):
        return None
    whole, decimals, period = (
        (match["whole"] or "0").replace(",", ""),
        match["decimals"] or "",
        match["period"],
    )
    value = Fraction(int(whole + decimals), 10 ** len(decimals))
    if period:
        value += Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(decimals))
    value *= Fraction(10) ** int(match["power"] or 0)
    return -value if match["sign"] == "-" else value


def _fraction(match: re.Match[str]) -> Fraction | None:
    over = int((match["over"] or match["over2"]).replace(",", ""))
    under = int((match["under"] or match["under2"]).replace(",", ""))
    whole = int(match["whole"] or match["joined"] or 0)
    if not under or (whole and (over < 0 or under < 0)):
        return None
    value = whole + Fraction(over, under)
    return -value if match["sign"] == "-" else value


def unit(text: str) -> tuple[str, str]:
    """An answer without its unit, and the unit in one spelling ("" for none)."""
    if text.startswith((r"\$", "$")):
        return text.lstrip("\\$ "), "$"
    match = _UNIT.fullmatch(text)
    if not match:
        return text, ""
    if len(match["unit"]) == 1 and match["unit"] != "%" and number(match["value"]) is None:
        return text, ""  # a variable
    named = _TEXT.sub(r"\1", match["unit"]).replace("{", "").replace("}", "").strip()
    spelt = {r"\%": "%", "percent": "%", r"^\circ": "degree", r"^\degree": "degree", "dollar": "$"}
    named = named.casefold().removesuffix("s") if named[-1:].isalpha() else named
    return match["value"].strip(), spelt.get(named, named)


def words(text: str) -> str | None:
    """An answer in words, without case and brackets; None where there is anything to compute."""
    bare = _TEXT.sub(r"\1", text).strip()
    bare = re.sub(r"^\((.*)\)$", r"\1", bare).strip()
    plain = re.fullmatch(r"[^\W\d_][\w' .,-]*", bare) and not re.search(r"[\d^=+]", bare)
    is_word = (
        r"\text" in text
        or len(bare) > 3
        or bare.casefold() in ("yes", "no")
        or re.fullmatch(r"\([A-Z]\)|[A-Z]", text.strip())
    )
    return bare.casefold().rstrip(".") if plain and is_word else None


def based(text: str) -> tuple[str, int] | None:
    """The digits and the base of a number such as 101_2."""
    match = _BASED.fullmatch(text.replace(" ", ""))
    return (match[1].lower(), int(match[2])) if match else None


def without_name(text: str) -> tuple[str, str]:
    """(value, name) of an answer such as x = 5; the name is "" where there is none."""
    match = _NAMES_ALONE.match(text)
    if not match or "=" in text[match.end() :] or not text[match.end() :].strip():
        return text, ""
    return text[match.end() :].strip(), text[0]


def group(text: str) -> Group | None:
    """The parts of a tuple, interval, set or list; None where the answer is one thing."""
    opening, closing, inside = "", "", text
    for start, end in (("(", ")"), ("[", "]"), ("(", "]"), ("[", ")"), (r"\{", r"\}")):
        if text.startswith(start) and text.endswith(end) and _whole(text, start, end):
            opening, closing, inside = start, end, text[len(start) : -len(end)]
            break
    if number(unit(text)[0]) is not None:
        return None  # its commas divide thousands
    parts = _split(inside)
    if len(parts) < 2 and opening != r"\{":
        return None
    return Group(opening, closing, tuple(parts))


def _whole(text: str, start: str, end: str) -> bool:
    """Whether the first bracket is closed by the last."""
    inside = text[len(start) : -len(end)]
    depth = 0
    for character in inside.replace(r"\{", "(").replace(r"\}", ")"):
        depth += (character in "([") - (character in ")]")
        if depth < 0:
            return False
    return depth == 0


def _split(text: str) -> list[str]:
    parts, depth, last = [], 0, 0
    for at, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character in ",;" and not depth:
            parts.append(text[last:at].strip())
            last = at + 1
    parts.append(text[last:].strip())
    return [re.sub(r"^(?:and|or) |^\\text\{ ?(?:and|or) ?\}", "", part).strip() for part in parts if part]

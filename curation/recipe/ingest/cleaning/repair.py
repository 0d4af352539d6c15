"""Text put right: what was decoded wrongly before it came to us, composed characters, and signs that nobody sees.

Encodings are undone by ftfy (Speer), line by line and only where its own judgement of bad text agrees; characters are composed (NFC,
never NFKC: "x²" is not "x2"); ligatures of typesetting become letters; soft hyphens, byte order marks and zero-width spaces go,
except where a script parts its words by them. Code, in fences or within a line, and formulas stay as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any

#: What must not be touched: fenced code, code within a line, formulas between dollars.
KEPT = re.compile(
    r"^(?P<fence>```+|~~~+)[^\n]*\n(?:.*?\n)?(?P=fence)[ \t]*$|(?P<ticks>`+)[^`\n]+(?P=ticks)|\$\$[^$]{1,4000}\$\$|\$[^$\n]{1,400}\$",
    re.MULTILINE | re.DOTALL,
)
#: UTF-8 read as Windows-1252 or Latin-1, and as Windows-1251: a lead byte's character, then one of a continuation byte's.
_SUSPECT = re.compile(
    "[\u00c2-\u00f4][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
    "|[\u0420\u0421][\u0080-\u00bf\u0402-\u040f\u0452-\u045f\u2013-\u203a\u20ac\u2122]|[\u0080-\u009f]"
)
_LIGATURES = {
    "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st"
}  # fmt: skip
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_UNSEEN = re.compile("[\u00ad\u2060\ufeff]|(?<![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b(?![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])")  # fmt: skip
_BREAKS = re.compile("[\u0085\u2028\u2029]")
#: What is replaced: the name it is counted by, the signs, and what stands in their place.
Rule = tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]]
_RULES: tuple[Rule, ...] = (
    ("ligatures", _LIGATURE, lambda found: _LIGATURES[found[0]]),
    ("unseen", _UNSEEN, lambda found: ""),
    ("breaks", _BREAKS, lambda found: "\n"),
)
EXCERPT = 80


def repair(text: str) -> tuple[str, dict[str, Any]]:
    """The text put right, and {what: how often} of what was done, with one wrongly decoded line before and after. Empty when nothing was."""
    if text.isascii():
        return text, {}
    done: dict[str, Any] = {}
    if _SUSPECT.search(text):
        text = _outside(text, partial(_decoded, done))
    for rule in _RULES:
        if rule[1].search(text):
            text = _outside(text, partial(_replaced, rule, done))
    if not unicodedata.is_normalized("NFC", text):
        text = _outside(text, partial(_composed, done))
    return text, done


def _outside(text: str, change: Callable[[str], str]) -> str:
    """The text with everything changed but code and formulas."""
    pieces: list[str] = []
    last = 0
    for kept in KEPT.finditer(text):
        pieces += [change(text[last : kept.start()]), kept[0]]
        last = kept.end()
    return "".join([*pieces, change(text[last:])])


def _decoded(done: dict[str, Any], part: str) -> str:
    from ftfy import fix_encoding
    from ftfy.fixes import fix_c1_controls

    lines = part.split("\n")
    for at, line in enumerate(lines):
        if not _SUSPECT.search(line):
            continue
        mended = fix_c1_controls(fix_encoding(line))
        if mended != line:
            done["encoding"] = done.get("encoding", 0) + 1
            done.setdefault("encoding_example", [_around(line, mended), _around(mended, line)])
            lines[at] = mended
    return "\n".join(lines)


def _around(line: str, other: str) -> str:
    """The line from a little before where the two differ."""
    first = next((at for at, (one, two) in enumerate(zip(line, other, strict=False)) if one != two), 0)
    return line[max(0, first - EXCERPT // 4) :][:EXCERPT]


def _replaced(rule: Rule, done: dict[str, Any], part: str) -> str:
    name, pattern, instead = rule
    part, count = pattern.subn(instead, part)
    if count:
        done[name] = done.get(name, 0) + count
    return part


def _composed(done: dict[str, Any], part: str) -> str:
    composed = unicodedata.normalize("NFC", part)
    if composed != part:
        done["composed"] = done.get("composed", 0) + max(1, len(part) - len(composed))
    return composed

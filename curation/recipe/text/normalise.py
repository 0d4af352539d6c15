"""Make text safe to keep, and bring it into the form in which exact duplicates are equal.

Two different things, kept apart: `safe_text` changes as little as it can and its result is what people
read; `normal_form` throws away what does not matter for *sameness* and its result is only ever hashed.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

# PostgreSQL's text type holds any code point but NUL; UTF-8 holds any but surrogates.
_SURROGATE = re.compile("[\ud800-\udfff]")

# Typographic variants of one sign. Everything else that is punctuation stays: "1.5" is not "15",
# and "x = -1" is not "x = 1".
_VARIANTS = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′‵ʼ`´", "'"),
        **dict.fromkeys("“”„‟″‶«»", '"'),
        **dict.fromkeys("‐‑‒–—―−﹘﹣", "-"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e", ""),
    }
)

# NFKC would turn "2²" into "22" and "H₂" into "H2": a formula is not its flattened self.
_RAISED = re.compile("[²³¹⁰-₎]+")


@dataclass(frozen=True, slots=True)
class SafeText:
    """Text that PostgreSQL can hold, and how many characters had to be changed for it."""

    text: str
    nul_removed: int = 0
    surrogates_replaced: int = 0

    @property
    def notes(self) -> dict[str, int]:
        """What was changed, ready for a JSON column; empty when nothing was."""
        found = {"nul_removed": self.nul_removed, "surrogates_replaced": self.surrogates_replaced}
        return {key: count for key, count in found.items() if count}


def safe_text(text: str) -> SafeText:
    """Remove NUL; join surrogates that form a pair; replace each lone one with U+FFFD. Nothing else."""
    nul = text.count("\x00")
    if nul:
        text = text.replace("\x00", "")
    if not _SURROGATE.search(text):
        return SafeText(text, nul)
    # Through UTF-16, halves that belong together become the character they stand for.
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    lone = joined.count("\ufffd") - text.count("\ufffd")
    return SafeText(joined, nul, lone)


def safe_json(data: Any) -> Any:
    """JSON whose strings PostgreSQL can hold: each made safe as `safe_text` does it."""
    if isinstance(data, str):
        return safe_text(data).text
    if isinstance(data, list):
        return [safe_json(one) for one in data]
    if isinstance(data, dict):
        return {safe_text(name).text: safe_json(value) for name, value in data.items()}
    return data


def normal_form(text: str) -> str:
    """The form in which two texts are exact duplicates when they are equal.

    NFKC (except raised and lowered digits and signs), invisible characters removed, curly quotes, dashes
    and their kin folded to ASCII, casefold, every run of white space one space, none at the ends. Other
    punctuation stays, because it carries meaning in figures, formulas and code.
    """
    parts = []
    last = 0
    for found in _RAISED.finditer(text):
        parts += [unicodedata.normalize("NFKC", text[last : found.start()]), found.group()]
        last = found.end()
    parts.append(unicodedata.normalize("NFKC", text[last:]))
    folded = "".join(parts).translate(_VARIANTS).casefold()
    # Casefolding can undo composition (U+0130), so compose once more; no NFKC here, for the reason above.
    return " ".join(unicodedata.normalize("NFC", folded).split())


def text_hash(text: str) -> str:
    """SHA-256 of the text's UTF-8 bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def normal_hash(text: str) -> str:
    """SHA-256 of the normal form: equal for exact duplicates."""
    return text_hash(normal_form(text))

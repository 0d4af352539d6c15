"""Personal data and secrets in a text: where they stand, by kind, and the text with them masked.

What is looked for has a form that can be checked: digits with a checksum, an address with a domain, a key with its maker's prefix, a value
beside a word that names it. Names and street addresses have none, and are not looked for. What cannot be anybody's is passed over:
domains and addresses set aside for examples (RFC 2606, RFC 5737), fictional telephone numbers, makers' test cards and keys.

Every kind is a line of `KINDS`. A text is searched for a kind only where a sign of it occurs, so that an ordinary page costs a
few searches for short strings. The patterns are linear in the text: none repeats what may overlap.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from curation.recipe.ingest.cleaning import personal, secrets


class Span(NamedTuple):
    """Code points [start, end) of a text, and the kind of what stands there."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Kind:
    """`group` is "personal" or "secret". What `pattern` finds counts where `holds(match)` says so; its group `it` is the span,
    or the whole match where it has none. Only texts that have one of its `signs`, or where there are none `hint`, are searched: both are far
    quicker than the pattern, which looks around itself everywhere."""

    title: str
    group: str
    pattern: re.Pattern[str]
    holds: Callable[[re.Match[str]], bool] = lambda found: True
    signs: tuple[str, ...] = ()
    hint: re.Pattern[str] | None = None

    def worth_it(self, text: str) -> bool:
        if self.hint is not None:
            return self.hint.search(text) is not None
        return any(sign in text for sign in self.signs)

    def spans(self, text: str) -> list[tuple[int, int]]:
        name: str | int = "it" if "it" in self.pattern.groupindex else 0
        return [found.span(name) for found in self.pattern.finditer(text) if self.holds(found)]


Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], bool]]


def _personal(title: str, rule: Rule, *signs: str, hint: str = "") -> Kind:
    return Kind(title, "personal", *rule, signs, re.compile(hint) if hint else None)


def _secret(title: str, rule: Rule, *signs: str) -> Kind:
    return Kind(title, "secret", *rule, signs)


#: Seven digits with nothing but spaces and signs of numbers between them.
_NUMBER = r"\d(?:[ ().\-/\u00a0\u2011\u2013]{0,4}\d){6}"

#: In the order in which they have the say where two overlap.
KINDS: dict[str, Kind] = {
    "private_key": _secret("Private key", secrets.PRIVATE_KEY, "PRIVATE KEY"),
    "password_in_address": _secret("Password in an address", secrets.IN_ADDRESS, "://"),
    "token": _secret("Web token (JWT)", secrets.WEB_TOKEN, "eyJ"),
    "api_key": _secret("Key with a maker's prefix", secrets.PREFIXED, *secrets.SIGNS),
    "secret": _secret("Value named as a secret", secrets.NAMED, *secrets.NAMES),
    "email": _personal("Mail address", personal.EMAIL, "@"),
    "email_in_words": _personal(
        "Mail address in words", personal.EMAIL_IN_WORDS, "at)", "at]", "at}", "AT)", "AT]"
    ),
    "iban": _personal("Bank account (IBAN)", personal.IBAN, hint=r"[A-Z]{2}\d{2} ?[A-Z0-9]{4}"),
    "card": _personal("Payment card", personal.CARD, hint=_NUMBER),
    "national_id": _personal(
        "Social security number", personal.NATIONAL_ID, "SSN", "ocial security", "ocial Security"
    ),
    "ip_address": _personal("IP address", personal.IP_FOUR, hint=r"\d\.\d{1,3}\.\d{1,3}\.\d"),
    "ip_address_six": _personal(
        "IP address (version 6)", personal.IP_SIX, hint=r"[23][0-9a-fA-F]{3}:[0-9a-fA-F:]{4}"
    ),
    "phone": _personal("Telephone number", personal.PHONE, hint=_NUMBER),
}

#: What stands in the place of what was masked; the same for every one of a kind, so that a mask says what it hides.
MASKS: dict[str, str] = {
    "private_key": "[private key]",
    "password_in_address": "[password]",
    "token": "[token]",
    "api_key": "[key]",
    "secret": "[secret]",
    "email": "[email]",
    "email_in_words": "[email]",
    "iban": "[iban]",
    "card": "[card]",
    "national_id": "[id]",
    "ip_address": "[ip]",
    "ip_address_six": "[ip]",
    "phone": "[phone]",
}


def find(text: str) -> list[Span]:
    """What was found, in the order of the text; spans do not overlap."""
    found: list[Span] = []
    for name, kind in KINDS.items():
        if kind.worth_it(text):
            for start, end in kind.spans(text):
                _add(found, Span(start, end, name))
    return found


def _add(found: list[Span], span: Span) -> None:
    """Keep the list in order and free of overlaps: what is in it has the say."""
    at = bisect_right(found, span)
    if (at == 0 or found[at - 1].end <= span.start) and (at == len(found) or span.end <= found[at].start):
        found.insert(at, span)


def counts(found: Sequence[Span]) -> dict[str, int]:
    """{kind: how many}, the most first."""
    return dict(Counter(span.kind for span in found).most_common())


def mask(text: str, found: Sequence[Span]) -> str:
    """The text with every span replaced by its kind's mask."""
    pieces: list[str] = []
    last = 0
    for span in found:
        pieces += [text[last : span.start], MASKS[span.kind]]
        last = span.end
    return "".join([*pieces, text[last:]])

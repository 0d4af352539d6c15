"""What calls cost: tokens as the server counted them, or an estimate that says that it is one, and money by the million."""

from __future__ import annotations

import math
import re

from curation.recipe.llm.records import Price, Request, Usage

MILLION = 1_000_000
#: English prose has near 4 characters to a token of today's byte-pair vocabularies; with 3 an estimate errs to the dear side.
CHARACTERS_PER_TOKEN = 3
#: Digits and signs are often tokens of their own, and other scripts take most of a token for each byte or two.
_DENSE = re.compile(r"[!-@\[-`{-~]")
TOKENS_PER_WIDE_BYTE = 0.6
#: What a chat template adds around each message.
AROUND_MESSAGE = 8


def money(price: Price, usage: Usage) -> float | None:
    """What these tokens cost; None where no price is known."""
    if price.into is None and price.out is None:
        return None
    return (usage.into * (price.into or 0) + usage.out * (price.out or 0)) / MILLION


def tokens_in(text: str) -> int:
    """An estimate on the dear side, without anybody's tokenizer: letters by the three, digits and signs one by one, other
    scripts by their bytes in UTF-8."""
    dense = len(_DENSE.findall(text))
    ascii_characters = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    wide = 0 if text.isascii() else len(text.encode("utf-8", "replace")) - ascii_characters
    return math.ceil((ascii_characters - dense) / CHARACTERS_PER_TOKEN + dense + wide * TOKENS_PER_WIDE_BYTE)


def estimated(request: Request, written: str = "") -> Usage:
    """The tokens of a request, and of what was written to it."""
    if request.prompt_ids:
        into = len(request.prompt_ids)
    else:
        into = tokens_in(request.text) + AROUND_MESSAGE * (len(request.messages) + 1)
    return Usage(into, tokens_in(written), counted=False)


def most(request: Request) -> Usage:
    """The most that a request can come to: what is set aside of a budget while it is in flight."""
    return Usage(estimated(request).into, request.sampling.most_tokens * request.sampling.n, counted=False)

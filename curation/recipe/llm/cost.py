"""What calls cost: tokens as the server counted them, or an estimate that says that it is one, and money by the million."""

from __future__ import annotations

from curation.recipe.llm.records import Price, Request, Usage

MILLION = 1_000_000
#: Characters of English prose per token of today's byte-pair vocabularies lie near 4; with 3 an estimate errs to the dear side.
CHARACTERS_PER_TOKEN = 3
#: What a chat template adds around each message.
AROUND_MESSAGE = 8


def money(price: Price, usage: Usage) -> float | None:
    """What these tokens cost; None where no price is known."""
    if price.into is None and price.out is None:
        return None
    return (usage.into * (price.into or 0) + usage.out * (price.out or 0)) / MILLION


def tokens_in(text: str) -> int:
    """An estimate on the dear side, without anybody's tokenizer: by characters, and by UTF-8 bytes where a script needs
    many of them for each character."""
    characters = len(text)
    wide = (len(text.encode("utf-8", "replace")) - characters) // 2 if not text.isascii() else 0
    return -(-(characters + wide * 3) // CHARACTERS_PER_TOKEN)


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

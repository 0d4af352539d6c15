"""What asking a language model about many things would come to, and what has to be said before it starts: by rating and judging alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, Q

from curation.models import Call, Endpoint, Project, PromptVersion
from curation.recipe.llm import cost
from curation.recipe.llm.records import Message, Usage
from curation.recipe.text import tokens

SAMPLE = 24  # texts whose prompts are rendered for an estimate
LEAST_ANSWERS = 5  # before answers so far say more than an assumption
#: The budget that is offered: the estimate with room for longer answers and for asking again.
ROOM = 1.5


class AskingError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What asking would come to. `money` is None where the endpoint has no price; `basis` says what the tokens rest on."""

    texts: int
    wanted: int
    tokens_in: int
    tokens_out: int
    money: float | None
    basis: str
    offered_tokens: int

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out


def estimate(
    project: Project,
    endpoint: Endpoint,
    version: PromptVersion,
    prompts: Sequence[Sequence[Message]],
    *,
    texts: int,
    wanted: int,
    assumed_out: int,
) -> Estimate:
    """For `texts` texts, one call each. `prompts` are those of a few of them, rendered; `assumed_out` is the tokens of an answer before there is any."""
    into, out, basis = _per_call(project, endpoint, version, prompts, assumed_out)
    usage = Usage(round(into * texts), round(out * texts), counted=False)
    room = math.ceil(usage.total * ROOM / 1_000) * 1_000 + endpoint.most_tokens + 2 * round(into)
    return Estimate(
        texts=texts,
        wanted=wanted,
        tokens_in=usage.into,
        tokens_out=usage.out,
        money=cost.money(endpoint.price, usage),
        basis=basis,
        offered_tokens=room,
    )


def _per_call(
    project: Project,
    endpoint: Endpoint,
    version: PromptVersion,
    prompts: Sequence[Sequence[Message]],
    assumed_out: int,
) -> tuple[float, float, str]:
    """(tokens read, tokens written, what that rests on) for one text."""
    told = ["\n".join(one.content for one in messages) for messages in prompts]
    read = sum(tokens.count(told)) / len(told) if told else 0.0
    so_far = Call.objects.filter(
        project=project, endpoint=endpoint, model=endpoint.model, prompt_version=version, hit_of=None
    ).exclude(answer=None)
    sums = so_far.aggregate(
        n=Count("pk"), into=Avg("tokens_in"), out=Avg("tokens_out"), good=Count("pk", filter=Q(error=""))
    )
    prompts_said = f"the prompts of {len(told):,} of these texts, counted by the bundled tokenizer"
    if sums["good"] < LEAST_ANSWERS:
        return (
            read,
            min(assumed_out, endpoint.most_tokens),
            (
                f"Read: {prompts_said}. Written: {assumed_out} tokens for each answer is an assumption, until this model "
                "has answered here; models that think aloud write many times that."
            ),
        )
    calls = sums["n"] / sums["good"]
    return (
        max(read, 0.0) * calls,
        sums["out"] * calls,
        (f"Read: {prompts_said}. Written: the {sums['n']:,} answers that this model has given here so far."),
    )


def check(project: Project, endpoint: Endpoint, tokens: int | None, money: Decimal | None) -> None:
    """Whether the endpoint may be asked in this project under such a budget. Raises AskingError."""
    if endpoint.archived_at is not None or endpoint.project_id not in (None, project.pk):
        raise AskingError(f"{endpoint} is not offered to this project.")
    if tokens is None and money is None:
        raise AskingError("Say how many tokens, or how much money, may be spent at most.")
    if money is not None and not endpoint.has_price:
        raise AskingError(f"{endpoint} has no price, so money cannot be counted. Set a budget in tokens.")
    if (tokens is not None and tokens < 1) or (money is not None and money <= 0):
        raise AskingError("A budget is more than nothing.")


def frozen(
    endpoint: Endpoint, version: PromptVersion, tokens: int | None, money: Decimal | None
) -> dict[str, Any]:
    """What a job that asks keeps of whom it asks, how, and what it may spend."""
    return {
        "endpoint": endpoint.pk,
        "model": endpoint.model,
        "version": version.pk,
        "budget_tokens": tokens,
        "budget_money": None if money is None else str(money),
        "sampling": {
            "temperature": endpoint.temperature,
            "top_p": endpoint.top_p,
            "most_tokens": endpoint.most_tokens,
        },
    }

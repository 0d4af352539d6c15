"""The calls of one candidate in their order: each asked through the ledger, read, and kept as a step of its chain.

A thread branches where one answer gives several candidates. What is lost is lost with the steps that led there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from curation.recipe.chain import LIMITS, ChainStep, ChainVerdict, Message
from curation.recipe.chain import Chain as Sample
from curation.recipe.generate.records import Lost, Made, Said, Seed
from curation.recipe.llm.asking import ask
from curation.recipe.llm.errors import CallFailed
from curation.recipe.llm.records import Answer, Request, Sampling
from curation.recipe.llm.wording import Prompt, reader, requested
from curation.recipe.text.normalise import safe_text

if TYPE_CHECKING:
    from curation.recipe.llm.asking import Ledger, Trust
    from curation.recipe.llm.client import Client

#: What a call's failure is called among the reasons. The endpoint's own failures are none: the run stops or comes back to the seed.
REASON_OF = {
    "refused": "refused",
    "content_filter": "refused",
    "empty": "unusable_answer",
    "truncated": "unusable_answer",
    "invalid_json": "unusable_answer",
    "wrong_fields": "unusable_answer",
    "too_large": "unusable_answer",
    "context_too_long": "seed_too_long",
    "prompt_failed": "prompt_failed",
    "bad_request": "request_refused",
    "refused_status": "request_refused",
}


class Loss(Exception):
    """This candidate goes no further."""

    def __init__(self, lost: Lost) -> None:
        self.lost = lost
        super().__init__(f"{lost.reason} at {lost.at}: {lost.detail}")


@dataclass(frozen=True, slots=True)
class Desk:
    """Who is asked, how, and where it is kept: the same for all threads of one seed."""

    client: Client
    ledger: Ledger
    trust: Trust | None
    sampling: Sampling
    wording: Mapping[str, Prompt]


class Thread:
    """The steps so far, and the next one."""

    def __init__(self, desk: Desk, seed: Seed, workflow: str, said: tuple[Said, ...] = ()) -> None:
        self.desk, self.seed, self.workflow, self.said = desk, seed, workflow, said

    @property
    def model(self) -> str:
        """Who answers, as a chain has room for it: of a long path the end."""
        return self.desk.client.endpoint.model[-LIMITS["model"] :]

    def branch(self) -> Thread:
        """Another candidate that begins with the same steps."""
        return Thread(self.desk, self.seed, self.workflow, self.said)

    async def ask(self, prompt: Prompt, sample: int = 0, **values: Any) -> Said:
        """The answer to a prompt, as the next step. Raises Loss for an answer that cannot be used; CallFailed, BudgetSpent or
        EndpointDown where it is not the answer's fault. `sample` tells apart attempts at the same question."""
        prompt = self.desk.wording.get(prompt.key, prompt)
        try:
            request = await asyncio.to_thread(self._request, prompt, sample, values)
            found, answer = await ask(
                request, self.desk.client, self.desk.ledger, reader(prompt), trust=self.desk.trust
            )
        except CallFailed as failed:
            if failed.name not in REASON_OF:
                raise
            self.lose(REASON_OF[failed.name], prompt.label, str(failed))
        said = Said(self._step(prompt, request, answer), found.values, answer)
        self.said = (*self.said, said)
        return said

    def score(self, scores: Mapping[str, float]) -> None:
        """Numbers that belong to the step just taken."""
        *before, last = self.said
        step = replace(last.step, scores={**last.step.scores, **scores})
        self.said = (*before, replace(last, step=step))

    def lose(self, reason: str, at: str = "", detail: str = "") -> NoReturn:
        raise self.loss(reason, at, detail)

    def loss(self, reason: str, at: str = "", detail: str = "") -> Loss:
        """Why this candidate goes no further, at the last step unless another is named."""
        at = at or (self.said[-1].step.prompt_version if self.said else self.workflow)
        return Loss(Lost(reason, at, detail, self.said))

    def made(
        self,
        *,
        messages: tuple[tuple[str, str], ...] | tuple[Message, ...] = (),
        text: str = "",
        drawn: Mapping[str, Any] | None = None,
        verdicts: tuple[ChainVerdict, ...] = (),
        **meta: Any,
    ) -> Made:
        """The sample that this thread came to; `drawn` is what was left to chance."""
        turns = tuple(one if isinstance(one, Message) else Message(*one) for one in messages)
        drawn = dict(drawn or {})
        sample = Sample(
            messages=turns,
            text=text,
            seed=self.seed.reference,
            workflow=self.workflow,
            model=self.model,
            language=self.seed.language,
            licence=self.seed.licence,
            topics=self.seed.topics,
            skill=str(drawn.get("skill", "")),
            difficulty=str(drawn.get("difficulty", "")),
            steps=tuple(one.step for one in self.said),
            verdicts=verdicts,
            meta={"candidate": self.seed.candidate, **({"drawn": drawn} if drawn else {}), **meta},
        )
        return Made(sample, self.said)

    def _request(self, prompt: Prompt, sample: int, values: Mapping[str, Any]) -> Request:
        desk, at = self.desk, self.seed.candidate * SAMPLES + sample
        return requested(prompt, values, desk.sampling, desk.client.endpoint, at)

    def _step(self, prompt: Prompt, request: Request, answer: Answer) -> ChainStep:
        return ChainStep(
            kind=prompt.kind,
            name=prompt.key,
            prompt="\n\n".join(one.content for one in request.messages) or request.prompt,
            prompt_version=prompt.label,
            model=self.model,
            output=safe_text(answer.text).text,
        )


#: Attempts at one question within one candidate; the next candidate's begin beyond them.
SAMPLES = 1_000

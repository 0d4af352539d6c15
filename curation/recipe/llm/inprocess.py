"""A model in this process: transformers, by hub name or folder, behind the same interface as a server.

One request at a time: a processor or GPU that is busy with one is not quicker with two of them in Python threads.
"""

from __future__ import annotations

import asyncio
import threading
import time
from functools import lru_cache
from typing import Any

from curation.recipe.llm.errors import CallFailed
from curation.recipe.llm.pace import Pace
from curation.recipe.llm.records import Answer, Choice, Endpoint, Request, Sampling, Token, Usage
from curation.recipe.text.normalise import safe_text

_busy = threading.Lock()


class Local:
    """Answers by a model that is loaded once per process. `endpoint.address` is not used."""

    rungs: tuple[str, ...] = ("text",)

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.pace = Pace(1)

    async def send(self, request: Request, rung: str = "text") -> Answer:
        await asyncio.to_thread(loaded, self.endpoint.model)  # which may take minutes, once
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.endpoint.limits.seconds):
                choices, usage = await asyncio.to_thread(generate, self.endpoint, request)
        except TimeoutError:
            raise CallFailed("timeout", f"{self.endpoint.limits.seconds:g} seconds") from None
        raw = {"choices": [{"text": one.text, "finish_reason": one.finish} for one in choices]}
        return Answer(choices, usage, raw=raw, seconds=time.monotonic() - began)

    async def models(self) -> list[str]:
        """The model itself, once it is loaded. Raises CallFailed."""
        await asyncio.to_thread(loaded, self.endpoint.model)
        return [self.endpoint.model]

    async def close(self) -> None: ...


@lru_cache(maxsize=1)
def _load(name: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name, dtype="auto")
    return tokenizer, model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def loaded(name: str) -> tuple[Any, Any]:
    """(tokenizer, model). Raises CallFailed with the library's reason."""
    try:
        return _load(name)
    except Exception as error:  # whatever a library, a hub or a broken file has to say
        raise CallFailed("model_not_loaded", f"{name}: {type(error).__name__}: {error}") from None


def generate(endpoint: Endpoint, request: Request) -> tuple[list[Choice], Usage]:
    """Blocking: n answers to a request, with log-probabilities of the chosen tokens where they are asked for."""
    import torch

    with _busy:
        tokenizer, model = loaded(endpoint.model)
        ids = _ids(tokenizer, request)
        room = _context(endpoint, model) - len(ids)
        if room < 1:
            raise CallFailed(
                "context_too_long", f"{len(ids):,} tokens, and the model reads {len(ids) + room:,}."
            )
        sampling = request.sampling
        if sampling.temperature:
            torch.manual_seed(_seed(request))
        with torch.inference_mode():
            made = model.generate(
                torch.tensor([ids], device=model.device),
                attention_mask=torch.ones((1, len(ids)), dtype=torch.long, device=model.device),
                max_time=endpoint.limits.seconds,
                max_new_tokens=min(sampling.most_tokens, room),
                num_return_sequences=sampling.n if sampling.temperature else 1,
                pad_token_id=_end_of_text(tokenizer),
                return_dict_in_generate=True,
                output_logits=sampling.logprobs is not None,
                **_drawing(sampling),
            )
        choices = [
            _choice(tokenizer, made, row, len(ids), sampling) for row in range(made.sequences.shape[0])
        ]
        if not sampling.temperature:
            choices = choices * sampling.n  # greedy answers are all the same
    out = sum(_length(tokenizer, row[len(ids) :].tolist()) for row in made.sequences)
    return choices, Usage(len(ids), out)


def _ids(tokenizer: Any, request: Request) -> list[int]:
    if request.prompt_ids:
        return list(request.prompt_ids)
    if not request.messages:
        return [int(one) for one in tokenizer(request.prompt)["input_ids"]]
    messages = [{"role": one.role, "content": one.content} for one in request.messages]
    if tokenizer.chat_template:
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return [int(one) for one in tokenizer(text, add_special_tokens=False)["input_ids"]]
    text = "\n\n".join(one["content"] for one in messages) + "\n\n"
    return [int(one) for one in tokenizer(text)["input_ids"]]


def _context(endpoint: Endpoint, model: Any) -> int:
    most = getattr(model.config, "max_position_embeddings", None) or 2**20
    return min(int(most), endpoint.limits.context or 2**31)


def _seed(request: Request) -> int:
    """The same request draws the same answer; another sample of it another one."""
    return ((request.sampling.seed or 0) * 1_000_003 + request.sample * 101 + request.again) % 2**31


def _drawing(sampling: Sampling) -> dict[str, Any]:
    if not sampling.temperature:
        return {"do_sample": False}
    return {
        "do_sample": True,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p or 1.0,
        "top_k": 0,
    }


def _end_of_text(tokenizer: Any) -> int:
    found = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    return int(found or 0)


def _length(tokenizer: Any, ids: list[int]) -> int:
    """Tokens up to and with the end of the text."""
    end = tokenizer.eos_token_id
    return ids.index(end) + 1 if end in ids else len(ids)


def _choice(tokenizer: Any, made: Any, row: int, start: int, sampling: Sampling) -> Choice:
    ids = made.sequences[row, start:].tolist()
    length = _length(tokenizer, ids)
    ended = tokenizer.eos_token_id in ids[:length]
    text = safe_text(tokenizer.decode(ids[:length], skip_special_tokens=True)).text
    for stop in sampling.stop:
        if stop in text:
            text, ended = text.partition(stop)[0], True
    tokens = (
        () if made.logits is None else _tokens(tokenizer, made, row, ids[:length], sampling.logprobs or 0)
    )
    return Choice(text=text, finish="stop" if ended else "length", tokens=tokens)


def _tokens(tokenizer: Any, made: Any, row: int, ids: list[int], others: int) -> tuple[Token, ...]:
    import torch

    found = []
    for at, token in enumerate(ids):
        logprobs = torch.log_softmax(made.logits[at][row].float(), dim=-1)
        best = torch.topk(logprobs, others) if others else None
        beside = (
            tuple(
                (tokenizer.decode([int(k)]), float(v)) for v, k in zip(best.values, best.indices, strict=True)
            )
            if best
            else ()
        )
        found.append(Token(tokenizer.decode([token]), float(logprobs[token]), beside))
    return tuple(found)

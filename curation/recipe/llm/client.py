"""A server's side of a call: one attempt over HTTP by the openai SDK, and every way it can go wrong by name.

The SDK brings the protocol's headers, errors and pool; its models of answers are left out: they cost more than the call, and a
server that leaves out a field is no reason to fail. Retrying is `asking`'s, so that every attempt is a row.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from curation.recipe.llm import cost
from curation.recipe.llm.connect import http_client
from curation.recipe.llm.errors import CallFailed, of_status
from curation.recipe.llm.pace import Pace
from curation.recipe.llm.records import Answer, Choice, Endpoint, Request, Token, Usage
from curation.recipe.llm.retry import retry_after
from curation.recipe.text.normalise import safe_json

if TYPE_CHECKING:
    from openai import AsyncOpenAI

#: How an answer with fields is asked for, the strictest first. What a server cannot do is remembered for the process.
RUNGS = ("json_schema", "json_object", "text")


class Client(Protocol):
    """Who answers. `rung` of `RUNGS` says how fields are asked for, `pace` how many at once."""

    endpoint: Endpoint
    pace: Pace
    rungs: tuple[str, ...]

    async def send(self, request: Request, rung: str = "text") -> Answer:
        """One attempt. Raises CallFailed, and nothing else."""

    async def close(self) -> None: ...


class Remote:
    """An OpenAI-compatible server. For the event loop it is made in."""

    def __init__(self, endpoint: Endpoint, secret: str = "") -> None:
        self.endpoint = endpoint
        self.rungs: tuple[str, ...] = RUNGS if endpoint.kind == "chat" else ("text",)
        limits = endpoint.limits
        self.pace = Pace(limits.concurrency, limits.requests_per_minute, limits.tokens_per_minute)
        self._limit_name = "max_tokens"
        self._secret = secret.encode()
        self._sdk = _sdk(endpoint, secret)

    def __repr__(self) -> str:
        return f"Remote({self.endpoint.model} at {self.endpoint.address})"

    async def send(self, request: Request, rung: str = "text") -> Answer:
        began = time.monotonic()
        try:
            data = await self._post(request, rung)
        except CallFailed as failed:
            if failed.name != "bad_request" or "max_completion_tokens" not in failed.detail:
                raise
            # Newer models of OpenAI take the limit by another name, and say so.
            self._limit_name = "max_completion_tokens"
            data = await self._post(request, rung)
        return read(data, request, time.monotonic() - began)

    async def models(self) -> list[str]:
        """The names of the models that the server has."""
        data = await self._call("get", "/models", None)
        listed = data.get("data") if isinstance(data, Mapping) else None
        return [str(one["id"]) for one in listed or [] if isinstance(one, Mapping) and "id" in one]

    async def close(self) -> None:
        await self._sdk.close()

    async def _post(self, request: Request, rung: str) -> Any:
        path = "/chat/completions" if self.endpoint.kind == "chat" else "/completions"
        body = body_of(self.endpoint, request, rung, self._limit_name)
        return await self._call("post", path, orjson.dumps(body))

    async def _call(self, method: str, path: str, body: bytes | None) -> Any:
        import httpx2
        import openai

        try:
            async with asyncio.timeout(self.endpoint.limits.seconds):
                if method == "get":
                    response = await self._sdk.get(path, cast_to=httpx2.Response)
                else:
                    response = await self._sdk.post(path, cast_to=httpx2.Response, content=body)
        except CallFailed:
            raise
        except (TimeoutError, openai.APITimeoutError):
            raise CallFailed("timeout", f"{self.endpoint.limits.seconds:g} seconds") from None
        except openai.APIStatusError as error:
            name, detail = of_status(error.status_code, _parsed(self._without_key(error.response.content)))
            wait = retry_after(error.response.headers)
            raise CallFailed(name, detail, status=error.status_code, wait=wait) from None
        except openai.APIConnectionError as error:
            raise _of_connection(error.__cause__) from None
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise CallFailed("garbled", f"{type(error).__name__}: {error}") from None
        content = self._without_key(response.content)
        data = _parsed(content)
        if not isinstance(data, dict):
            begins = content[:60].decode("utf-8", "replace")
            raise CallFailed("garbled", f"It begins with {begins!r}.", status=response.status_code)
        return data

    def _without_key(self, content: bytes) -> bytes:
        """What a server said, without the key: some repeat it in their errors, and those are kept."""
        return content.replace(self._secret, b"[the key]") if self._secret else content


def _sdk(endpoint: Endpoint, secret: str) -> AsyncOpenAI:
    from openai import AsyncOpenAI

    limits = endpoint.limits
    return AsyncOpenAI(
        base_url=endpoint.address,
        api_key=secret or "none",
        # None of these may come from the environment: they would go to whatever address is asked.
        organization="",
        project="",
        webhook_secret="",
        max_retries=0,
        timeout=limits.seconds,
        default_headers={} if secret else {"Authorization": ""},
        http_client=http_client(endpoint.private_allowed, limits.concurrency, limits.seconds),
    )


def _of_connection(cause: BaseException | None) -> CallFailed:
    """What lies below the SDK's connection error."""
    seen: BaseException | None = cause
    while seen is not None:
        if isinstance(seen, CallFailed):
            return seen
        if isinstance(seen, ssl.SSLError):
            return CallFailed("tls_failed", str(seen))
        if isinstance(seen, ConnectionRefusedError):
            return CallFailed("connection_refused", str(seen))
        seen = seen.__cause__ or seen.__context__
    return CallFailed("connection_cut", f"{type(cause).__name__}: {cause}" if cause else "")


def _parsed(content: bytes) -> Any:
    try:
        data = orjson.loads(content)
        return safe_json(data) if b"\\u0000" in content else data
    except orjson.JSONDecodeError:
        return content[:2000].decode("utf-8", "replace")


# What is sent


def body_of(
    endpoint: Endpoint, request: Request, rung: str, limit_name: str = "max_tokens"
) -> dict[str, Any]:
    """The request as the protocol has it; what nobody set is left to the server."""
    sampling = request.sampling
    body: dict[str, Any] = {"model": endpoint.model, limit_name: sampling.most_tokens}
    optional = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
        "n": sampling.n if sampling.n > 1 else None,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    if endpoint.kind == "chat":
        return body | _chat(request, rung)
    body["prompt"] = list(request.prompt_ids) or request.prompt
    if sampling.logprobs is not None:
        body["logprobs"] = max(1, sampling.logprobs)
    return body


def _chat(request: Request, rung: str) -> dict[str, Any]:
    messages = [{"role": one.role, "content": one.content} for one in request.messages]
    body: dict[str, Any] = {"messages": messages}
    if request.sampling.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": request.sampling.logprobs}
    if request.schema is not None and rung != "text":
        body["response_format"] = (
            {"type": "json_object"}
            if rung == "json_object"
            else {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": request.schema},
            }
        )
    return body


# What came back


def read(data: Mapping[str, Any], request: Request, seconds: float) -> Answer:
    """The answer in a server's JSON. Raises CallFailed where there is none in it."""
    listed = data.get("choices")
    if not isinstance(listed, list) or not listed:
        error = data.get("error")
        code = error.get("code") if isinstance(error, Mapping) else None
        if isinstance(code, int) and 400 <= code < 600:
            # Routers answer 200 with the error of whom they asked.
            raise CallFailed(*of_status(code, data), status=code)
        raise CallFailed("garbled", "It has no choices.")
    asked = request.sampling.logprobs is not None
    choices = [_choice(one, asked) for one in listed]
    return Answer(choices, _usage(data.get("usage"), request, choices), raw=data, seconds=seconds)


def _choice(said: Any, with_tokens: bool) -> Choice:
    if not isinstance(said, Mapping):
        raise CallFailed("garbled", "A choice is no object.")
    message = said.get("message")
    message = message if isinstance(message, Mapping) else {}
    return Choice(
        text=_content(message.get("content", said.get("text"))),
        finish=str(said.get("finish_reason") or "stop"),
        reasoning=_content(message.get("reasoning_content") or message.get("reasoning")),
        refusal=_content(message.get("refusal")),
        tokens=_read_tokens(said.get("logprobs")) if with_tokens else (),
    )


def _content(said: Any) -> str:
    """Text as a string, or as parts with text in them."""
    if isinstance(said, list):
        return "".join(str(one.get("text", "")) for one in said if isinstance(one, Mapping))
    return said if isinstance(said, str) else ""


def _read_tokens(said: Any) -> tuple[Token, ...]:
    """Raises CallFailed where they are in no form of the protocol."""
    try:
        return _tokens(said)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise CallFailed("garbled", "Its log-probabilities are in no form that is known.") from None


def _tokens(said: Any) -> tuple[Token, ...]:
    """Log-probabilities as the chat protocol tells them, or the older completion protocol."""
    if not isinstance(said, Mapping):
        return ()
    if isinstance(said.get("content"), list):
        return tuple(
            Token(
                str(one["token"]),
                float(one["logprob"]),
                tuple((str(o["token"]), float(o["logprob"])) for o in one.get("top_logprobs") or []),
            )
            for one in said["content"]
        )
    texts, values = said.get("tokens") or [], said.get("token_logprobs") or []
    others = said.get("top_logprobs") or [{}] * len(texts)
    return tuple(
        Token(str(text), float(value), tuple((str(k), float(v)) for k, v in (other or {}).items()))
        for text, value, other in zip(texts, values, others, strict=False)
        if value is not None
    )


def _usage(said: Any, request: Request, choices: list[Choice]) -> Usage:
    if isinstance(said, Mapping):
        into, out = said.get("prompt_tokens"), said.get("completion_tokens")
        if isinstance(into, int) and isinstance(out, int) and into >= 0 and out >= 0:
            return Usage(into, out)
    return cost.estimated(request, "".join(one.text + one.reasoning for one in choices))

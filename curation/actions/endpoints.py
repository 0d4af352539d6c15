"""Endpoints: which ones a project may ask, the one that the environment names, and trying one out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from difflib import get_close_matches

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from curation.models import Endpoint, Project
from curation.recipe.llm import errors
from curation.recipe.llm.asking import Entry, abilities_of, ask
from curation.recipe.llm.client import Client, Remote
from curation.recipe.llm.errors import CallFailed
from curation.recipe.llm.keys import key_for
from curation.recipe.llm.loop import background
from curation.recipe.llm.records import Answer, Message, Request, Usage
from curation.recipe.llm.retry import Retrying
from curation.recipe.llm.shape import fields, number, text
from curation.recipe.llm.structured import Fields, fields_of

MODELS_SHOWN = 12
SLOW_SECONDS = 20.0
NAME_OF_DEFAULT = "The studio's language model"


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying an endpoint: whether it works, in words, and the models that its server has.

    `caution`: it answers, but not with fields in JSON, which ratings and workflows ask for; "" where it does.
    """

    works: bool
    said: str
    models: tuple[str, ...] = field(default=())
    caution: str = ""


def offered(project: Project) -> QuerySet[Endpoint]:
    """The endpoints that a project may ask; the environment's is among them as it is set now."""
    ensure_default()
    return Endpoint.objects.of_project(project).order_by("id")


def ensure_default() -> Endpoint | None:
    """The endpoint of LLM_BASE_URL and LLM_MODEL, made or brought up to date; archived when they are no longer set."""
    ours = Endpoint.objects.filter(from_environment=True)
    if not (settings.LLM_BASE_URL and settings.LLM_MODEL):
        ours.filter(archived_at=None).update(archived_at=timezone.now())
        return None
    wanted = {
        "address": settings.LLM_BASE_URL.rstrip("/"),
        "model": settings.LLM_MODEL,
        "key_name": "DEFAULT" if "DEFAULT" in settings.LLM_KEYS else "",
        # Whoever sets the environment runs the machine.
        "private_allowed": True,
        "archived_at": None,
    }
    found = ours.first()
    if found is not None and all(getattr(found, name) == value for name, value in wanted.items()):
        return found
    with transaction.atomic():
        made, _ = Endpoint.objects.update_or_create(
            from_environment=True, defaults=wanted, create_defaults={**wanted, "name": NAME_OF_DEFAULT}
        )
    return made


def try_out(endpoint: Endpoint) -> Tried:
    """Ask an endpoint for a word and for a JSON object, and say plainly what is wrong where they do not come. Nothing is kept of it."""
    record = endpoint.record
    try:
        secret = key_for(settings.LLM_KEYS, record.key_name, record.address) if record.kind != "local" else ""
        return background().submit(_tried(endpoint, secret)).result(timeout=record.limits.seconds * 3 + 30)
    except CallFailed as failed:
        return Tried(False, f"{failed}. {_way_out(failed)}".strip())


async def _tried(endpoint: Endpoint, secret: str) -> Tried:
    client = await background().client(endpoint.record, secret)
    models = await _models(client)
    words = "Answer with the one word: ready"
    request = Request(
        messages=(Message("user", words),) if endpoint.kind == "chat" else (),
        prompt="" if endpoint.kind == "chat" else words,
        sampling=endpoint.sampling(most_tokens=min(endpoint.most_tokens, 256)),
    )
    try:
        answer = await client.send(request)
    except CallFailed as failed:
        if failed.name == "not_found" and models and endpoint.model not in models:
            return Tried(False, _unknown_model(endpoint.model, models), tuple(models[:MODELS_SHOWN]))
        raise
    said = " ".join((answer.text or answer.choices[0].reasoning).split())[:80]
    counted = (
        ""
        if answer.usage.counted
        else " It does not count tokens: figures of tokens and money will be estimates."
    )
    slow = (
        f" That is slow: with {endpoint.concurrency} requests at once it may be slower still."
        if answer.seconds > SLOW_SECONDS
        else ""
    )
    heard = f"answered “{said}”" if said else "answered, though with no text: give its answers more tokens"
    how, caution = await _in_json(client, endpoint)
    return Tried(
        True,
        f"{endpoint.model} {heard} in {answer.seconds:.1f} s.{how}{slow}{counted}",
        tuple(models[:MODELS_SHOWN]),
        caution,
    )


#: How an endpoint is brought to answer with fields, by the rung that it takes (`client.RUNGS`).
_RUNGS = {
    "json_schema": "by their schema",
    "json_object": "as a JSON object",
    "text": "when asked in words",
}
_FIELDS = fields(word=text(), number=number(1, 9))


class _Unkept:
    """A ledger for what is no call of any project."""

    async def recall(self, key: str, request: Request) -> None:
        return None

    async def hold(self, most: Usage) -> None:
        return None

    async def commit(self, entry: Entry) -> int:
        return 0


async def _in_json(client: Client, endpoint: Endpoint) -> tuple[str, str]:
    """(how it answers with fields, why it does not), each in words or ""."""
    words = (
        'Answer with one JSON object: its field "word" is the word ready, its field "number" is the number 7.'
    )
    request = Request(
        messages=(Message("user", words),) if endpoint.kind == "chat" else (),
        prompt="" if endpoint.kind == "chat" else words,
        sampling=endpoint.sampling(most_tokens=min(endpoint.most_tokens, 256)),
        schema=_FIELDS,
    )

    def read(answer: Answer) -> Fields:
        return fields_of(answer.choices[0], _FIELDS)

    try:
        async with asyncio.timeout(endpoint.record.limits.seconds):
            await ask(request, client, _Unkept(), read, retrying=Retrying(attempts=1))
    except CallFailed as failed:
        return "", f"Asked for JSON, it did not give any. {failed}. {_NO_JSON}"
    except TimeoutError:
        return "", f"Asked for JSON, it did not answer within {endpoint.seconds} seconds. {_NO_JSON}"
    return f" It answers with fields {_RUNGS[abilities_of(client).rung]}.", ""


_NO_JSON = (
    "Ratings and most steps of workflows ask for JSON, and would be lost. Choose a model that follows instructions, "
    "or give its answers more tokens."
)


async def _models(client: object) -> list[str]:
    """The server's models; none where it does not tell them, which many do not."""
    if not isinstance(client, Remote):
        return []
    try:
        return await client.models()
    except CallFailed as failed:
        if failed.error.whose == "endpoint" and failed.name not in ("not_found", "garbled", "forbidden"):
            raise
        return []


def _unknown_model(model: str, models: list[str]) -> str:
    near = get_close_matches(model, models, 1, 0.4)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"The server has no model called {model}.{meant} It has: {', '.join(models[:MODELS_SHOWN])}."


#: What to do about an error of an endpoint, where the error alone does not say it.
_WAYS_OUT = {
    "name_not_resolved": "Check the host's spelling; in Docker, localhost is the container itself.",
    "connection_refused": "Start the server, or correct host and port.",
    "timeout": "Give it more seconds, or ask a quicker model: the first answer also loads the model.",
    "unauthorised": "Check the key in the studio's environment, and that the endpoint names it.",
    "forbidden": "Ask the provider what this key may do.",
    "not_found": "Check the model's name, and that the address ends with /v1.",
    "garbled": "Check that the address is that of an OpenAI-compatible server and ends with /v1.",
    "redirected": "Write the address that it sends to.",
    "address_refused": "Tick “may be a private address” if it is meant.",
    "tls_failed": "Use a certificate that this machine trusts, or http on a network of your own.",
    "model_not_loaded": "It needs a hub name that can be reached from here, or a folder with a transformers model.",
}


#: What a server that speaks plain http answers a greeting in TLS with, in OpenSSL's words.
_PLAIN_HTTP = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")


def _way_out(failed: CallFailed) -> str:
    if failed.name == "tls_failed" and any(one in failed.detail for one in _PLAIN_HTTP):
        return "It speaks plain http at this port: write http://, or correct the port."
    return _WAYS_OUT.get(
        failed.name, "It may pass: try again." if errors.ERRORS[failed.name].transient else ""
    )

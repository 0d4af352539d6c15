"""The nouns of a call: who is asked, what, how, and what came back. None of them holds a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["chat", "completion", "local"]
KINDS: tuple[Kind, ...] = ("chat", "completion", "local")


@dataclass(frozen=True, slots=True)
class Price:
    """Money per million tokens, in the currency the team thinks in; None where nobody has said."""

    into: float | None = None
    out: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be asked of an endpoint at once. `seconds` is for one whole answer; None is no limit."""

    concurrency: int = 8
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    seconds: float = 120.0
    context: int | None = None  # tokens that the model reads and writes together


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who answers: an OpenAI-compatible server at `address` (up to and with `/v1`), or a model in this process.

    `key_name` names a key of `keys`; the key itself is never in here. `model` is the server's name of the model, or for a
    local one its hub name or folder.
    """

    address: str
    model: str
    kind: Kind = "chat"
    key_name: str = ""
    private_allowed: bool = False
    price: Price = Price()
    limits: Limits = Limits()

    @property
    def together(self) -> int:
        """How many requests may be in flight; a model in this process answers one at a time."""
        return 1 if self.kind == "local" else self.limits.concurrency

    @property
    def identity(self) -> tuple[str, str, str]:
        """What of it affects an answer."""
        return self.kind, self.address.rstrip("/"), self.model


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn; None leaves it to the server. `most_tokens` bounds the answer, always."""

    temperature: float | None = None
    top_p: float | None = None
    most_tokens: int = 1024
    stop: tuple[str, ...] = ()
    seed: int | None = None
    logprobs: int | None = None  # alternatives told with each token; 0 tells the chosen token's alone
    n: int = 1  # answers to one request


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """One question. Exactly one of `messages` (chat), `prompt` (raw text) and `prompt_ids` (tokens, where the server takes
    them) is given. `sample` tells apart answers that are wanted several times; `again` counts how often an answer that could
    not be used was asked for anew. `schema` is the JSON schema that the answer must fit. `label` says which prompt asks; no
    answer depends on it."""

    messages: tuple[Message, ...] = ()
    prompt: str = ""
    prompt_ids: tuple[int, ...] = ()
    sampling: Sampling = Sampling()
    schema: Mapping[str, Any] | None = None
    sample: int = 0
    again: int = 0
    label: str = ""

    @property
    def text(self) -> str:
        """All that the model reads, for counting."""
        return "\n".join(one.content for one in self.messages) or self.prompt


@dataclass(frozen=True, slots=True)
class Token:
    """A token of an answer with its log-probability, and those of others in its place."""

    text: str
    logprob: float
    others: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    text: str
    finish: str = "stop"  # stop, length, content_filter or what else the server says
    reasoning: str = ""  # what a reasoning model thought aloud, where the server tells it apart
    refusal: str = ""
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; estimated where it says nothing, and `counted` says so."""

    into: int
    out: int
    counted: bool = True

    @property
    def total(self) -> int:
        return self.into + self.out


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one request. `raw` is the server's own words, as parsed JSON."""

    choices: Sequence[Choice]
    usage: Usage
    raw: Any = None
    seconds: float = 0.0
    cached: bool = False
    call: int | None = None  # the row that holds it, once the ledger has it
    notes: tuple[str, ...] = field(default=())

    @property
    def text(self) -> str:
        return self.choices[0].text

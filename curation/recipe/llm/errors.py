"""What can go wrong with a call, as a table: its name, what it means, whether trying again can help, and whose fault it is.

Names are kept with every call and shown to people, so they are never renamed. Only what is named transient is tried again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from curation.recipe.text.normalise import safe_text

Whose = Literal["endpoint", "request", "answer"]


@dataclass(frozen=True, slots=True)
class Named:
    """`whose`: of the endpoint (the next request fares no better), of this request, or of this one answer."""

    name: str
    title: str
    transient: bool
    whose: Whose


ERRORS: dict[str, Named] = {
    one.name: one
    for one in (
        # It may pass.
        Named("rate_limited", "The server asks to slow down (429)", True, "endpoint"),
        Named("server_error", "The server had an error (500)", True, "endpoint"),
        Named("bad_gateway", "What stands before the server got no answer from it (502)", True, "endpoint"),
        Named("unavailable", "The server is not available right now (503)", True, "endpoint"),
        Named("gateway_timeout", "What stands before the server waited too long for it (504)", True, "endpoint"),
        Named("overloaded", "The server is overloaded (529)", True, "endpoint"),
        Named("timeout", "No whole answer within the time limit", True, "endpoint"),
        Named("connection_cut", "The connection was cut before the answer was whole", True, "endpoint"),
        Named("connection_refused", "Nothing accepts connections at this address", True, "endpoint"),
        Named("name_not_resolved", "The name of the host is not known", True, "endpoint"),
        Named("garbled", "The answer is not what an OpenAI-compatible server sends", True, "endpoint"),
        Named("too_large", "The answer was larger than any answer may be", False, "request"),
        # It will not.
        Named("bad_request", "The server does not accept the request (400)", False, "request"),
        Named("unauthorised", "The server does not accept the key (401)", False, "endpoint"),
        Named("forbidden", "The key may not do this (403)", False, "endpoint"),
        Named("not_found", "The server does not know this model or address (404)", False, "endpoint"),
        Named("out_of_credit", "The account has no credit left", False, "endpoint"),
        Named("refused_status", "The server refuses with another status", False, "request"),
        Named("redirected", "The server sends elsewhere, which is not followed", False, "endpoint"),
        Named("context_too_long", "The request is longer than the model can read", False, "request"),
        Named("tls_failed", "The server's certificate cannot be trusted", False, "endpoint"),
        Named("address_refused", "The address is private, and this endpoint may not use one", False, "endpoint"),
        Named("key_refused", "The key is not for this host", False, "endpoint"),
        Named("model_not_loaded", "The model cannot be loaded", False, "endpoint"),
        Named("prompt_failed", "The prompt could not be rendered", False, "request"),
        # Of one answer: asked again as another sample, a few times.
        Named("content_filter", "The server's content filter held it back", False, "request"),
        Named("refused", "The model declined to answer", False, "answer"),
        Named("empty", "The answer is empty", False, "answer"),
        Named("truncated", "The answer was cut off at its limit of tokens", False, "answer"),
        Named("invalid_json", "The answer holds no JSON object", False, "answer"),
        Named("wrong_fields", "The answer's fields are missing or of the wrong kind", False, "answer"),
    )
}  # fmt: skip

STATUSES = {
    400: "bad_request",
    401: "unauthorised",
    402: "out_of_credit",
    403: "forbidden",
    404: "not_found",
    408: "timeout",
    413: "context_too_long",
    422: "bad_request",
    429: "rate_limited",
    500: "server_error",
    502: "bad_gateway",
    503: "unavailable",
    504: "gateway_timeout",
    529: "overloaded",
}
#: What servers put in `error.code` or `error.type`, where it says more than the status.
CODES = {
    "context_length_exceeded": "context_too_long",
    "string_above_max_length": "context_too_long",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "insufficient_quota": "out_of_credit",
    "billing_hard_limit_reached": "out_of_credit",
    "model_not_found": "not_found",
    "invalid_api_key": "unauthorised",
}
#: vLLM, llama.cpp and Ollama say it in words only.
_TOO_LONG = re.compile(
    r"context (length|size|window)|maximum (context|model) len|too many tokens|exceed_context", re.I
)
DETAIL = 300  # characters


class CallFailed(Exception):
    """One attempt of a call failed. `wait`: seconds that the server asked for, if it did."""

    def __init__(
        self, name: str, detail: str = "", *, status: int | None = None, wait: float | None = None
    ) -> None:
        self.error = ERRORS[name]
        self.detail = safe_text(" ".join(detail.split())[:DETAIL]).text
        self.status = status
        self.wait = wait
        super().__init__(f"{self.error.title}: {self.detail}" if self.detail else self.error.title)

    @property
    def name(self) -> str:
        return self.error.name


def of_status(status: int, body: Any) -> tuple[str, str]:
    """(name, detail) of an answer with an error's status; `body` as parsed JSON, or text."""
    detail, code = _said(body)
    if code in CODES:
        return CODES[code], detail
    if 300 <= status < 400:
        return "redirected", detail
    if status in (400, 413, 422) and _TOO_LONG.search(detail):
        return "context_too_long", detail
    if status in STATUSES:
        return STATUSES[status], detail
    return ("server_error" if status >= 500 else "refused_status"), f"status {status}. {detail}"


def _said(body: Any) -> tuple[str, str]:
    """(message, code) of an error's body, whatever shape the server gave it."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(error, Mapping):
        return (str(error) if isinstance(error, str) else ""), ""
    message = error.get("message") or error.get("detail") or ""
    code = error.get("code") if isinstance(error.get("code"), str) else error.get("type")
    return (message if isinstance(message, str) else str(message)), code if isinstance(code, str) else ""

"""The key of a request: a hash over everything that affects its answer. Same key, same answer may be used again."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from curation.recipe.llm.records import Endpoint, Request

#: Raised when what goes in changes, so that no answer is found under a key that once meant something else.
VERSION = 1


def key_of(endpoint: Endpoint, request: Request) -> str:
    """SHA-256, hexadecimal. Neither the API key nor prices and limits go in."""
    said: dict[str, Any] = {
        "version": VERSION,
        "endpoint": endpoint.identity,
        "messages": [(one.role, one.content) for one in request.messages],
        "prompt": request.prompt,
        "prompt_ids": request.prompt_ids,
        "sampling": request.sampling,
        "schema": request.schema,
        "sample": request.sample,
        "again": request.again,
    }
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()

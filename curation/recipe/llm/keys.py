"""Keys of hosted models: each names the one place it may be sent to, and never shows itself.

They come from environment variables alone (`curation.env` reads them). An endpoint knows a key by name; a changed address
cannot carry it elsewhere, because the origin that the key names and the address's must be equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from curation.recipe.llm.errors import CallFailed

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Key:
    """`origin` is scheme, host and port. `repr` shows neither the secret nor its length."""

    origin: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"key for {self.origin}"


def origin_of(address: str) -> str:
    """`https://api.example.com:443`, in lower case, with its port written out. Raises ValueError for what is no http address."""
    parts = urlsplit(address)
    if parts.scheme not in PORTS or not parts.hostname or parts.username or parts.password:
        raise ValueError(
            "An address starts with http:// or https:// and names a host, without a name or password in it."
        )
    return f"{parts.scheme}://{parts.hostname.lower()}:{parts.port or PORTS[parts.scheme]}"


def key_for(keys: Mapping[str, Key], name: str, address: str) -> str:
    """The secret for an address, "" where the endpoint names no key. Raises CallFailed: unknown, or meant for another place."""
    if not name:
        return ""
    key = keys.get(name)
    if key is None:
        raise CallFailed(
            "key_refused", f"No key is called {name}: set LLM_KEY_{name} in the studio's environment."
        )
    if key.origin != origin_of(address):
        raise CallFailed(
            "key_refused", f"The key {name} may be sent to {key.origin} alone, not to {origin_of(address)}."
        )
    return key.secret

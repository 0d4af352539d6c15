"""Answers with fields: JSON found in what a model wrote, repaired where that is safe, and held against its schema.

The raw text stays with the call; what was done to it is told in notes. Schemas are of the kind that servers enforce: objects with
properties, strings, numbers, booleans, enumerations, arrays. Whatever else stands in one is refused by name, not ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson

from curation.recipe.llm.errors import CallFailed
from curation.recipe.llm.records import Choice, Message, Request
from curation.recipe.text.normalise import safe_json

if TYPE_CHECKING:
    from pydantic import BaseModel

_FENCE = re.compile(r"```[a-zA-Z0-9_-]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
_THOUGHT = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_TYPES: dict[str, type] = {"string": str, "integer": int, "number": float, "boolean": bool}
_BOUNDS = {
    "minimum": "ge",
    "maximum": "le",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
}
_KNOWN = {
    "type",
    "properties",
    "required",
    "items",
    "enum",
    "description",
    "title",
    "additionalProperties",
    *_BOUNDS,
}


class BadSchema(ValueError):
    """The schema itself cannot be used; the message names what."""


@dataclass(frozen=True, slots=True)
class Fields:
    """An answer's fields, and what had to be done to read them: `thought`, `fenced`, `repaired`, `coerced`."""

    values: dict[str, Any]
    notes: tuple[str, ...] = ()


def usable(choice: Choice) -> None:
    """Raises CallFailed for an answer that is none: held back, declined, empty."""
    if choice.finish == "content_filter":
        raise CallFailed("content_filter")
    if choice.refusal:
        raise CallFailed("refused", choice.refusal)
    if not choice.text.strip():
        raise CallFailed("truncated" if choice.finish == "length" else "empty")


def prose_of(choice: Choice) -> Fields:
    """An answer in prose as the field `text`, without what a model thought aloud before it. Raises CallFailed: `empty`, `truncated` and the like."""
    usable(choice)
    if choice.finish == "length":
        raise CallFailed("truncated")
    text = _THOUGHT.sub("", choice.text).strip()
    if not text:
        raise CallFailed("empty")
    return Fields({"text": safe_json(text)}, ("thought",) if text != choice.text.strip() else ())


def fields_of(choice: Choice, schema: Mapping[str, Any]) -> Fields:
    """The fields of an answer. Raises CallFailed: `empty`, `truncated`, `invalid_json`, `wrong_fields` and the like.

    Details name fields, never values: they are shown to people who may not know the answer yet.
    """
    usable(choice)
    data, notes = object_in(choice.text)
    if choice.finish == "length" and (data is None or "repaired" in notes):
        raise CallFailed("truncated")
    if data is None:
        raise CallFailed("invalid_json")
    return _checked(data, schema, notes)


def object_in(text: str) -> tuple[dict[str, Any] | None, list[str]]:
    """The JSON object in what a model wrote, or None, and what it took to find it."""
    notes: list[str] = []
    inner = _THOUGHT.sub("", text).strip()
    if inner != text.strip():
        notes.append("thought")
    if not inner.startswith("{") and (fenced := _FENCE.search(inner)):
        inner = fenced.group(1).strip()
        notes.append("fenced")
    try:
        data = orjson.loads(inner)
    except orjson.JSONDecodeError:
        data = _repaired(inner)
        notes.append("repaired")
    return (safe_json(data) if isinstance(data, dict) else None), notes


def _repaired(text: str) -> Any:
    """What json-repair makes of it, from the first brace on; nothing where there is none, lest prose become data."""
    from json_repair import repair_json

    start = text.find("{")
    return repair_json(text[start:], return_objects=True, skip_json_loads=True) if start >= 0 else None


def _checked(data: dict[str, Any], schema: Mapping[str, Any], notes: list[str]) -> Fields:
    from pydantic import ValidationError

    model = model_of(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))
    try:
        values = model.model_validate(data).model_dump()
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, one['loc'])) or 'answer'}: {_kind(one['type'])}" for one in error.errors()
        ]
        raise CallFailed("wrong_fields", "; ".join(wrong[:5])) from None
    if any(type(data.get(name)) is not type(value) for name, value in values.items() if name in data):
        notes = [*notes, "coerced"]
    return Fields(values, tuple(notes))


def _kind(said: str) -> str:
    """Pydantic's name of an error in words."""
    return said.replace("_", " ")


# Schemas


@lru_cache(maxsize=256)
def model_of(schema: bytes) -> type[BaseModel]:
    """A model that checks a JSON schema, given as JSON with sorted keys. Raises BadSchema."""
    read = orjson.loads(schema)
    if read.get("type") != "object":
        raise BadSchema("The answer's schema must be an object with properties.")
    return _model(read, "answer")


def _model(schema: Mapping[str, Any], path: str) -> type[BaseModel]:
    from pydantic import ConfigDict, create_model

    required = set(schema.get("required", schema.get("properties", {})))
    fields: dict[str, Any] = {}
    for name, inner in schema.get("properties", {}).items():
        kind = _type(inner, f"{path}.{name}")
        fields[name] = (kind, ...) if name in required else (kind | None, None)
    return create_model(path.replace(".", "_"), __config__=ConfigDict(extra="ignore"), **fields)


def _type(schema: Mapping[str, Any], path: str) -> Any:
    from pydantic import Field

    if unknown := set(schema) - _KNOWN:
        raise BadSchema(f"{path} uses {', '.join(sorted(unknown))}, which is not checked here. Leave it out.")
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    said = schema.get("type")
    if said == "object":
        return _model(schema, path)
    if said == "array":
        made: Any = list[_type(schema.get("items", {"type": "string"}), f"{path}[]")]  # type: ignore[misc]
    elif said in _TYPES:
        made = _TYPES[said]
    else:
        raise BadSchema(f"{path} needs a type: {', '.join([*_TYPES, 'array', 'object'])}.")
    bounds = {_BOUNDS[name]: schema[name] for name in _BOUNDS if name in schema}
    return Annotated[made, Field(**bounds)] if bounds else made


# Asking for them


def spelled_out(request: Request) -> Request:
    """The request with its schema in words at the end of the last message, for servers that do not enforce one."""
    from dataclasses import replace

    if request.schema is None:
        return request
    schema = orjson.dumps(request.schema).decode()
    words = f"\n\nAnswer with one JSON object and nothing else. It fits this JSON schema:\n{schema}"
    if not request.messages:
        return replace(request, prompt=request.prompt + words)
    *before, last = request.messages
    return replace(request, messages=(*before, Message(last.role, last.content + words)))

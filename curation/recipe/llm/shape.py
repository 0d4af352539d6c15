"""JSON schemas of answers, put together from few words. Every field is required; models write them in this order, so reasons come first."""

from __future__ import annotations

from typing import Any

Shape = dict[str, Any]


def fields(**properties: Shape) -> Shape:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def text(said: str = "") -> Shape:
    return {"type": "string", "description": said} if said else {"type": "string"}


def number(least: int, most: int, said: str = "") -> Shape:
    return {"type": "integer", "minimum": least, "maximum": most} | ({"description": said} if said else {})


def line() -> Shape:
    """The number of a line or a sentence, from 1."""
    return {"type": "integer", "minimum": 1}


def flag() -> Shape:
    return {"type": "boolean"}


def one_of(*choices: str) -> Shape:
    return {"type": "string", "enum": list(choices)}


def several(inner: Shape) -> Shape:
    return {"type": "array", "items": inner}

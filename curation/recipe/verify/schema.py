"""JSON by schema: the part of JSON Schema (draft 2020-12) that describes the shape of an answer.

No regular expressions and no references: both come from whoever writes the instruction, and the first can take for ever. A keyword that is not here is
an error of the schema, not a silent pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any


class BadSchema(ValueError):
    """A schema that cannot be checked, with the reason in words."""


def _is(value: Any, kind: str) -> bool:
    kinds: dict[str, tuple[type, ...]] = {"object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "null": (type(None),), "number": (int, float)}  # fmt: skip
    if kind == "integer":
        return not isinstance(value, bool) and (
            isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        )
    if kind not in kinds:
        raise BadSchema(f"The schema names no type of JSON: {kind!r}.")
    return isinstance(value, kinds[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _type(value: Any, kinds: Any, _: Any) -> str:
    listed = kinds if isinstance(kinds, list) else [kinds]
    return "" if any(_is(value, kind) for kind in listed) else f"is no {' or '.join(listed)}"


def _required(value: Any, names: Any, _: Any) -> str:
    missing = [name for name in names if isinstance(value, dict) and name not in value]
    return f"lacks {', '.join(missing)}" if missing else ""


def _no_others(value: Any, allowed: Any, schema: Any) -> str:
    if allowed is not False or not isinstance(value, dict):
        return ""
    others = [name for name in value if name not in schema.get("properties", {})]
    return f"has {', '.join(others)} too" if others else ""


def _same(left: Any, right: Any) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _bound(
    kinds: tuple[type, ...], measure: Callable[[Any], float], low: bool, words: str
) -> Callable[[Any, Any, Any], str]:
    def check(value: Any, bound: Any, _: Any) -> str:
        if not isinstance(value, kinds) or isinstance(value, bool):
            return ""
        held = measure(value) >= bound if low else measure(value) <= bound
        return "" if held else f"has {measure(value):g}{words}, {'less' if low else 'more'} than {bound}"

    return check


#: Keyword → (value, what the schema says of it, the schema) → what is wrong, or "".
KEYWORDS: dict[str, Callable[[Any, Any, Any], str]] = {
    "type": _type,
    "required": _required,
    "additionalProperties": _no_others,
    "enum": lambda value, choices, _: (
        "" if any(_same(value, one) for one in choices) else f"is none of {json.dumps(choices)[:200]}"
    ),
    "const": lambda value, one, _: "" if _same(value, one) else f"is not {json.dumps(one)[:200]}",
    "minimum": _bound((int, float), float, True, ""),
    "maximum": _bound((int, float), float, False, ""),
    "minLength": _bound((str,), len, True, " characters"),
    "maxLength": _bound((str,), len, False, " characters"),
    "minItems": _bound((list,), len, True, " items"),
    "maxItems": _bound((list,), len, False, " items"),
    "minProperties": _bound((dict,), len, True, " fields"),
    "maxProperties": _bound((dict,), len, False, " fields"),
}
_INNER = {"properties", "items"}
_WORDS_ONLY = {"title", "description", "default", "examples", "$schema", "$id", "$comment"}


def faults(value: Any, schema: dict[str, Any], where: str = "$") -> Iterator[str]:
    """What of a value does not follow the schema, each with its place. Raises BadSchema."""
    if not isinstance(schema, dict):
        raise BadSchema(f"The schema of {where} is no object.")
    for keyword, said in schema.items():
        if keyword not in KEYWORDS.keys() | _INNER | _WORDS_ONLY:
            raise BadSchema(f"The schema of {where} uses {keyword!r}, which is not checked here.")
        if keyword in KEYWORDS and (fault := KEYWORDS[keyword](value, said, schema)):
            yield f"{where} {fault}"
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from faults(value[name], inner, f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for at, item in enumerate(value):
            yield from faults(item, schema["items"], f"{where}[{at}]")

"""Jupyter notebooks: cells in order, prose as it is, code fenced with its language, what it printed after it.

Outputs that are pictures or widgets have no words and are cut by name; formulas and tables of outputs come as Markdown or text.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from curation.recipe.ingest.extractors.decode import decode, mend
from curation.recipe.ingest.found import TITLE, Unreadable, shorten

OUTPUT = 4_000  # characters of one output that are kept; the rest is cut by name
ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
HEADING = re.compile(r"^#{1,2}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
#: Forms of an output, the most telling first.
FORMS = ("text/markdown", "text/latex", "text/plain")


def notebook(content: bytes, address: str) -> dict[str, object]:
    """Raises Unreadable for what is no notebook."""
    source, notes = decode(content)
    try:
        found = orjson.loads(source.encode("utf-8", "replace"))
    except orjson.JSONDecodeError as error:
        raise Unreadable("damaged", f"It is not well-formed JSON: {error}.") from error
    cells = _cells(found)
    language = _language(found)
    cut: dict[str, list[str]] = {}
    parts: list[str] = []
    for cell in cells:
        words = _joined(cell.get("source", cell.get("input")))
        match cell.get("cell_type"):
            case "markdown":
                parts.append(words.strip("\n"))
            case "heading":
                parts.append(f"{'#' * min(max(_whole(cell.get('level')), 1), 6)} {' '.join(words.split())}")
            case "code":
                if words.strip():
                    parts.append(_fenced(words, language))
                parts += _outputs(cell.get("outputs"), cut)
            case "raw":
                parts.append(words.strip("\n"))
    text, mended = mend("\n\n".join(part for part in parts if part.strip()))
    notes |= mended | {"by": "notebook", "cells": len(cells)}
    if language:
        notes["code_language"] = language
    if cut:
        notes["cut"] = [
            {"reason": reason, "excerpt": shorten(" · ".join(pieces)), "characters": sum(map(len, pieces))}
            for reason, pieces in cut.items()
        ]
    stated = _stated(found, "title")
    heading = HEADING.search(text[:20_000])
    if author := _authors(found):
        notes["author"] = author
    return {
        "text": text,
        "title": shorten(stated or (heading[1] if heading else ""), TITLE),
        "address": address,
        "notes": notes,
    }


def _cells(found: Any) -> list[dict[str, Any]]:
    """The cells of a notebook of format 4, or of the older 3, whose cells stand in worksheets."""
    if not isinstance(found, dict):
        raise Unreadable("not_text", "It is no notebook: its JSON is not an object.")
    holders = [found, *(sheet for sheet in _list(found.get("worksheets")) if isinstance(sheet, dict))]
    cells = [cell for holder in holders for cell in _list(holder.get("cells")) if isinstance(cell, dict)]
    if not cells and "nbformat" not in found:
        raise Unreadable("not_text", "It is no notebook: it has neither cells nor a format.")
    return cells


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _joined(source: Any) -> str:
    """Text that is a string or a list of lines."""
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 1


def _stated(found: dict[str, Any], name: str) -> str:
    metadata = found.get("metadata")
    value = metadata.get(name) if isinstance(metadata, dict) else ""
    return value if isinstance(value, str) else ""


def _authors(found: dict[str, Any]) -> str:
    metadata = found.get("metadata")
    people = _list(metadata.get("authors")) if isinstance(metadata, dict) else []
    names = [person.get("name") for person in people if isinstance(person, dict)]
    return ", ".join(name for name in names if isinstance(name, str))


def _language(found: dict[str, Any]) -> str:
    metadata = found.get("metadata")
    if not isinstance(metadata, dict):
        return ""
    for holder, name in (("language_info", "name"), ("kernelspec", "language")):
        stated = metadata.get(holder)
        if isinstance(stated, dict) and isinstance(stated.get(name), str):
            return str(stated[name]).lower() if re.fullmatch(r"[A-Za-z0-9+#_-]{1,20}", stated[name]) else ""
    return ""


def _fenced(code: str, language: str) -> str:
    magic = re.match(r"%%(bash|sh|html|javascript|js|latex|markdown|perl|ruby|sql|R|cython)\b", code)
    code = code.strip("\n")
    fence = "````" if "```" in code else "```"
    return f"{fence}{magic[1].lower() if magic else language}\n{code}\n{fence}"


def _outputs(outputs: Any, cut: dict[str, list[str]]) -> list[str]:
    """What the code printed and returned, one fence for all that is plain text in a row."""
    parts: list[str] = []
    plain: list[str] = []
    for output in _list(outputs):
        if not isinstance(output, dict):
            continue
        form, words = _output(output)
        if form == "":
            cut.setdefault("pictures and widgets", []).append(words)
            continue
        words = ANSI.sub("", words).strip("\n")
        if len(words) > OUTPUT:
            cut.setdefault("long outputs", []).append(words[OUTPUT:])
            words = words[:OUTPUT] + "\n…"
        if form == "text/plain":
            plain.append(words)
        elif words.strip():
            parts += [_fenced("\n".join(plain), "text")] * bool("".join(plain).strip())
            plain = []
            parts.append(words)
    return parts + [_fenced("\n".join(plain), "text")] * bool("".join(plain).strip())


def _output(output: dict[str, Any]) -> tuple[str, str]:
    """The form and the words of an output; ("", its forms) for one that has none."""
    match output.get("output_type"):
        case "stream":
            return "text/plain", _joined(output.get("text"))
        case "error" | "pyerr":
            return "text/plain", f"{output.get('ename', 'Error')}: {output.get('evalue', '')}"
    data = output.get("data")
    if not isinstance(data, dict):
        # Format 3 keeps the forms beside the type, under short names.
        data = {"text/plain": output.get("text"), "text/latex": output.get("latex")}
    for form in FORMS:
        words = _joined(data.get(form))
        if words.strip() and not (form == "text/plain" and PICTURED & data.keys()):
            return form, words
    return "", " ".join(str(form) for form in data)


PICTURED = {"image/png", "image/jpeg", "image/svg+xml", "application/vnd.jupyter.widget-view+json"}

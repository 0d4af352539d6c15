"""Source code: kept as it stands, in a fence that names its language, so that a passage of it is never read as prose.

Docstrings and comments stay where they are; the notes say the language and, for Python, how the module introduces itself.
"""

from __future__ import annotations

import ast
import re
import warnings

from curation.recipe.ingest.extractors.decode import decode
from curation.recipe.ingest.found import shorten
from curation.recipe.ingest.programming import BY_MEDIA_TYPE
from curation.recipe.text.normalise import safe_text

CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1f\x7f]")
DOCSTRING = 500  # characters kept of a module's own
PARSED = 1_000_000  # characters of Python that are parsed for it


def code(media_type: str, content: bytes, address: str) -> dict[str, object]:
    language = BY_MEDIA_TYPE[media_type]
    text, notes = decode(content)
    safe = safe_text(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    text = CONTROLS.sub("", safe.text).strip("\n")
    notes |= safe.notes | {"programming_language": language.name}
    if language.fence == "python" and len(text) <= PARSED:
        notes |= _introduced(text)
    return {"text": fenced(text, language.fence) if text.strip() else "", "notes": notes}


def fenced(text: str, language: str) -> str:
    """Text in a fence that is longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _introduced(text: str) -> dict[str, object]:
    """A module's docstring and how many docstrings there are in all."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        said = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, documented)]
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[str, object] = {"docstrings": sum(map(bool, said))} if any(said) else {}
    return found | ({"docstring": shorten(said[0], DOCSTRING)} if said[0] else {})

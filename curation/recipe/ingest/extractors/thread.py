"""Threads: the question, then its answers, each with what is known of it, as one Markdown text."""

from __future__ import annotations

from typing import Any

import orjson

from curation.recipe.ingest.extractors.decode import mend
from curation.recipe.ingest.extractors.fragment import markdown_of
from curation.recipe.ingest.found import TITLE, shorten


def thread(content: bytes, address: str) -> dict[str, object]:
    """`content` is as `ingest.thread` says. A question without a title begins with its own text."""
    whole = orjson.loads(content)
    posts = whole.get("posts", [])
    title = shorten(whole.get("title", ""), TITLE)
    answers = [one for one in posts if one["kind"] == "answer"]
    pieces = [f"# {title}"] if title else []
    for number, one in enumerate(posts):
        body = _body(one)
        if one["kind"] == "answer":
            pieces.append(f"## {_heading(one, number if len(answers) > 1 else 0)}")
        pieces.append(body)
    text, notes = mend("\n\n".join(piece for piece in pieces if piece.strip()))
    notes |= {
        "page_type": "forum",
        "by": "thread",
        "answers": len(answers),
        "accepted": any(one.get("accepted") for one in answers),
        "posts": [
            {name: value for name, value in one.items() if name not in ("body", "format")} for one in posts
        ],
    }
    if tags := whole.get("tags"):
        notes["tags"] = tags
    if posts:
        notes |= {name: posts[0][name] for name in ("author", "date") if posts[0].get(name)}
    return {"text": text, "title": title, "notes": notes}


def _body(one: dict[str, Any]) -> str:
    return markdown_of(one["body"]) if one.get("format") == "html" else str(one["body"]).strip()


def _heading(one: dict[str, Any], number: int) -> str:
    """`Answer 2 (accepted, score 5, by Ada)`, as far as it is known."""
    said = ["accepted"] if one.get("accepted") else []
    if "score" in one:
        said.append(f"score {one['score']}")
    if author := one.get("author"):
        said.append(f"by {' '.join(str(author).split())}")
    return f"Answer{f' {number}' if number else ''}" + (f" ({', '.join(said)})" if said else "")

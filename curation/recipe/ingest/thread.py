"""A thread: a question with its answers, as the one document that it is. Made by readers of dumps and tables, told by
`extractors.thread`.

The raw content is canonical JSON, so that the same question with the same answers has the same hash wherever it came from:
`{"title", "posts": [{"kind": "question" or "answer", "body", "format": "html", "markdown" or "text", "author", "score",
"date", "accepted", "licence"}], "tags": [...]}`, with empty fields left out, answers in the order in which they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from curation.recipe.ingest.found import storable

MEDIA_TYPE = "application/x-thread+json"
FIELDS = ("kind", "body", "format", "author", "score", "date", "accepted", "licence")


def post(kind: str, body: str, form: str = "text", **said: Any) -> dict[str, Any]:
    found = {"kind": kind, "body": body, "format": form, **said}
    kept = {name: found[name] for name in FIELDS if found.get(name) not in (None, "", False)}
    return {name: storable(value) if isinstance(value, str) else value for name, value in kept.items()}


def thread(
    title: str, question: Mapping[str, Any], answers: Iterable[Mapping[str, Any]], tags: Iterable[str] = ()
) -> bytes:
    """Accepted answers first, then by score, then as they came."""
    ranked = sorted(answers, key=lambda one: (not one.get("accepted"), -(one.get("score") or 0)))
    return packed(title, [question, *ranked], tags)


def packed(title: str, posts: Iterable[Mapping[str, Any]], tags: Iterable[str] = ()) -> bytes:
    """The same with the posts in the order that is given."""
    whole: dict[str, Any] = {
        "title": storable(title),
        "posts": list(posts),
        "tags": list(map(storable, tags)),
    }
    return orjson.dumps({name: value for name, value in whole.items() if value}, option=orjson.OPT_SORT_KEYS)


MARKUP = re.compile(r"</(?:p|pre|code|div|li|a|h[1-6]|strong|em)>", re.IGNORECASE)
BODY_FIELDS = ("text", "body", "answer", "answer_text", "content", "value", "response", "completion")
AUTHOR_FIELDS = ("author", "user", "username", "name", "display_name", "owner")
SCORE_FIELDS = ("score", "votes", "upvotes", "pm_score", "likes")
ACCEPTED_FIELDS = ("accepted", "is_accepted", "selected", "is_best", "best")
DATE_FIELDS = ("date", "created_at", "creation_date", "timestamp")
MOST = 10_000  # answers of one question


def written(kind: str, body: str, **said: Any) -> dict[str, Any]:
    """A post whose form is told by how it is written."""
    return post(kind, body, "html" if MARKUP.search(body) else "markdown", **said)


def answers_in(value: Any) -> list[dict[str, Any]]:
    """The answers in a table's field: a text, a list of texts, of objects with a text, or SQuAD's `{"text": […]}`."""
    if isinstance(value, Mapping):
        texts = value.get("text")
        value = texts if isinstance(texts, list | tuple) else [value]
    if not isinstance(value, list | tuple):
        value = [] if value is None else [value]
    made = [_answer(one) for one in value[:MOST]]
    return [one for one in made if one]


def _answer(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        score = _first(value, SCORE_FIELDS)
        return (
            written(
                "answer",
                _words(_first(value, BODY_FIELDS)),
                author=_words(_first(value, AUTHOR_FIELDS))[:200],
                score=score if isinstance(score, int | float) and not isinstance(score, bool) else None,
                date=_words(_first(value, DATE_FIELDS))[:40],
                accepted=_first(value, ACCEPTED_FIELDS) is True,
            )
            if _words(_first(value, BODY_FIELDS))
            else {}
        )
    words = _words(value)
    return written("answer", words) if words else {}


def _first(value: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) else ""

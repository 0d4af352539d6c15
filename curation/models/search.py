"""Full-text search in a project: passages and samples, ranked, with the words that matched marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from curation.models.passage import Passage
from curation.models.project import Project
from curation.models.sample import Sample
from curation.recipe.text import search as words

#: Matches that are ranked: of a word that stands everywhere, the newest so many.
MOST_RANKED = 5_000
PAGE = 50

# Private-use characters that a text cannot bring along (they are taken out of it first) mark the words.
_ON, _OFF = "\ue000", "\ue001"
_OPTIONS = (
    f'StartSel="{_ON}", StopSel="{_OFF}", MaxFragments=2, MaxWords=30, MinWords=12, FragmentDelimiter=" … "'
)


@dataclass(frozen=True, slots=True)
class Hit:
    """`headline` is plain text in parts: (text, whether it matched). A template escapes the parts and marks the second kind."""

    subject: Any
    rank: float
    headline: list[tuple[str, bool]]


def search_passages(
    project: Project, query: str, *, page: int = 1, left_out_too: bool = False
) -> tuple[list[Hit], int]:
    """A page of the best matching passages, and how many match (at most `MOST_RANKED`). Two or three queries."""
    condition = "" if left_out_too else "AND left_out = ''"
    found, total, asked = _ranked("curation_passage", project, query, condition, page, _languages(project))
    passages = Passage.objects.select_related("document").defer("search").in_bulk([key for key, _ in found])
    texts = [(passages[key].text, passages[key].language) for key, _ in found if key in passages]
    heads = _headlines(texts, query, asked)
    hits = [(passages[key], rank) for key, rank in found if key in passages]
    return [Hit(one, rank, head) for (one, rank), head in zip(hits, heads, strict=True)], total


def search_samples(project: Project, query: str, *, page: int = 1) -> tuple[list[Hit], int]:
    """The same for samples, withdrawn ones left out."""
    found, total, asked = _ranked(
        "curation_sample", project, query, "AND state <> 'withdrawn'", page, _languages(project)
    )
    samples = Sample.objects.defer("search", "messages").in_bulk([key for key, _ in found])
    texts = [(samples[key].text, samples[key].language) for key, _ in found if key in samples]
    heads = _headlines(texts, query, asked)
    hits = [(samples[key], rank) for key, rank in found if key in samples]
    return [Hit(one, rank, head) for (one, rank), head in zip(hits, heads, strict=True)], total


def _languages(project: Project) -> list[str]:
    """The languages whose configurations are asked: those the project keeps, or else those its documents are in."""
    if project.languages:
        return list(project.languages)
    with connection.cursor() as cursor:
        # A walk along the index from one language to the next: as cheap as there are few languages.
        cursor.execute(
            """
            WITH RECURSIVE walk AS (
                (SELECT language FROM curation_document WHERE project_id = %(project)s ORDER BY language LIMIT 1)
                UNION ALL
                SELECT (SELECT d.language FROM curation_document d
                         WHERE d.project_id = %(project)s AND d.language > walk.language ORDER BY d.language LIMIT 1)
                  FROM walk WHERE walk.language IS NOT NULL
            ) SELECT language FROM walk WHERE language <> ''
            """,
            {"project": project.pk},
        )
        return [*(language for (language,) in cursor.fetchall()), "en"]


def _tsquery(questions: Sequence[words.Question]) -> tuple[str, list[str]]:
    """SQL of the alternatives, OR-ed, with its parameters."""
    alternatives, parameters = [], []
    for question in questions:
        parts = []
        if question.words:
            parts.append("websearch_to_tsquery(%s::regconfig, %s)")
            parameters += [question.configuration, question.words]
        for prefix in question.prefixes:
            parts.append("to_tsquery('simple', %s)")
            parameters.append(prefix)
        alternatives.append("(" + " && ".join(parts) + ")")
    return " || ".join(alternatives), parameters


def _ranked(
    table: str, project: Project, query: str, condition: str, page: int, languages: Iterable[str]
) -> tuple[list[tuple[int, float]], int, list[words.Question]]:
    questions = words.question(query, languages)
    if not questions:
        return [], 0, []
    asked, parameters = _tsquery(questions)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH asked AS MATERIALIZED (SELECT {asked} AS query), matching AS (
                SELECT t.id, ts_rank_cd(t.search, asked.query, 1) AS rank FROM {table} t, asked
                 WHERE t.project_id = %s AND t.search @@ asked.query {condition} ORDER BY t.id DESC LIMIT %s
            )
            SELECT id, rank, count(*) OVER () FROM matching ORDER BY rank DESC, id LIMIT %s OFFSET %s
            """,
            [*parameters, project.pk, MOST_RANKED, PAGE, (max(page, 1) - 1) * PAGE],
        )
        rows = cursor.fetchall()
    return [(key, float(rank)) for key, rank, _ in rows], rows[0][2] if rows else 0, questions


def _headlines(
    texts: Sequence[tuple[str, str]], query: str, questions: Sequence[words.Question]
) -> list[list[tuple[str, bool]]]:
    """Each text's best fragments. Words are found by PostgreSQL, which knows their stems; runs of a script without spaces
    as they stand."""
    if not texts:
        return []
    unspaced = words.unspaced_terms(query)
    if unspaced:
        return [_marked_as_it_stands(text, unspaced) for text, _ in texts]
    asked, parameters = _tsquery(questions)
    clean = [text.replace(_ON, " ").replace(_OFF, " ") for text, _ in texts]
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH asked AS MATERIALIZED (SELECT {asked} AS query)"
            " SELECT ts_headline(t.configuration::regconfig, t.text, asked.query, %s)"
            " FROM asked, unnest(%s::text[], %s::text[]) WITH ORDINALITY AS t (text, configuration, place) ORDER BY place",
            [*parameters, _OPTIONS, clean, [words.configuration(language) for _, language in texts]],
        )
        return [_parts(headline) for (headline,) in cursor.fetchall()]


def _parts(headline: str) -> list[tuple[str, bool]]:
    parts: list[tuple[str, bool]] = []
    for piece in re.split(f"({_ON}[^{_OFF}]*{_OFF})", headline):
        if piece.startswith(_ON):
            parts.append((piece.strip(_ON + _OFF), True))
        elif piece:
            parts.append((piece, False))
    return parts


def _marked_as_it_stands(text: str, terms: Sequence[str], width: int = 120) -> list[tuple[str, bool]]:
    """A window around the first occurrence of any term, with all of them marked."""
    pattern = re.compile("|".join(map(re.escape, terms)))
    first = pattern.search(text)
    start = max(0, first.start() - width // 3) if first else 0
    window = text[start : start + width]
    parts: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = 0
    for match in pattern.finditer(window):
        if match.start() > at:
            parts.append((window[at : match.start()], False))
        parts.append((match.group(), True))
        at = match.end()
    parts.append((window[at:] + (" …" if start + width < len(text) else ""), False))
    return [part for part in parts if part[0]]

"""What the tests of the browsing pages share: who looks, and how often a page may ask the database."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from curation.models import Passage, Project, Score
from tests import factories as make

#: Queries of a list page, whatever it shows.
LIST_QUERIES = 12
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def seen_by(project: Project, role: str = "reviewer") -> Client:
    """A browser in which somebody with this role in the project is signed in; "outsider" has none."""
    client = Client()
    client.force_login(make.a_user() if role == "outsider" else make.a_member(project, role))
    return client


def text_of(client: Client, address: str, **headers: str) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == 200, (address, response.status_code)
    return response.content.decode()


def queries(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


def scored(passage: Passage, **values: float) -> Passage:
    """Give a passage scores by rubric, from scorers that are active in its project."""
    for key, value in values.items():
        scorer = make.an_active_scorer(passage.project, key, "passage")
        Score.objects.create(scorer=scorer, passage=passage, value=value)
    return passage


def walk(client: Client, address: str, subject: str) -> list[Any]:
    """Every row of a list, page by page, from its first page to its last."""
    rows: list[Any] = []
    join = "&" if "?" in address else "?"
    here = address
    for _ in range(50):
        page = client.get(here).context["page"]
        rows += [getattr(row, subject) for row in page]
        if not page.older:
            return rows
        here = f"{address}{join}after={page.older}"
    raise AssertionError("the list has no end")

"""Pages by key: every row once, in both directions, whatever the cursor says."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from curation.models import Project
from curation.web import keyset
from tests import factories

pytestmark = pytest.mark.django_db


def at(order: tuple[str, ...], size: int, **cursor: str) -> keyset.Page:
    return keyset.page(RequestFactory().get("/", cursor), Project.objects.all(), order, size)


def all_pages(order: tuple[str, ...], size: int) -> list[list[str]]:
    page, pages = at(order, size), []
    while True:
        pages.append([row.slug for row in page])
        if not page.older:
            return pages
        page = at(order, size, after=page.older)


@pytest.mark.parametrize(
    "order", [("-id",), ("id",), ("name", "-id"), ("-name", "id"), ("-created_at", "-id")]
)
def test_every_row_comes_once_in_the_order_that_was_asked_for(order: tuple[str, ...]) -> None:
    for number in range(11):
        factories.a_project(f"p{number:02}", name=f"Name {number % 3}")
    expected = [row.slug for row in Project.objects.order_by(*order)]
    assert [slug for page in all_pages(order, 4) for slug in page] == expected


def test_the_way_back_shows_the_same_pages() -> None:
    for number in range(9):
        factories.a_project(f"p{number}")
    first = at(("-id",), 3)
    second = at(("-id",), 3, after=first.older)
    third = at(("-id",), 3, after=second.older)
    assert (first.newer, third.older) == ("", "")
    back = at(("-id",), 3, before=third.newer)
    assert back.rows == second.rows
    assert at(("-id",), 3, before=back.newer).rows == first.rows


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "W10",
        "WyJhIl0",
        "bnVsbA",
        "W251bGxd",
        "W3sieCI6MX1d",
        "WzEsMl0",
        "é" * 9,
        "WyIxOyBEUk9QIl0",
    ],
)
def test_a_cursor_that_cannot_be_read_starts_at_the_beginning(cursor: str) -> None:
    project = factories.a_project()
    assert at(("-id",), 3, after=cursor).rows == [project]


def test_a_page_is_one_query(django_assert_num_queries: Any) -> None:
    for number in range(5):
        factories.a_project(f"p{number}")
    first = at(("-id",), 2)
    with django_assert_num_queries(1):
        at(("-id",), 2, after=first.older)

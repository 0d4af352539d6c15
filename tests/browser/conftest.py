"""A real Chromium, and the studio over real HTTP in a process of its own, on the test database.

Skipped with a plain message where no Chromium is found. Playwright keeps an event loop in this thread, and Django
refuses its ORM beside one: the guard is lifted here, and the browser ends with this folder's last test.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from curation.studio.processes import dying_with_parent

ROOT = Path(__file__).resolve().parents[2]
# The shell is the same engine without a window around it, and much lighter.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE = 60_000  # ms until a step counts as failed; the machine may be busy
SERVER = "seedbed-browser-tests"  # as PostgreSQL knows it
NO_CHROMIUM = "No Chromium on this machine (install the package chromium): browser tests were skipped."


def _chromium(playwright: Playwright) -> str | None:
    """The system's Chromium, else the one that Playwright downloaded."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    own = playwright.chromium.executable_path
    return found or (own if Path(own).exists() else None)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = _chromium(playwright)
        if path is None:
            pytest.skip(NO_CHROMIUM)
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="package")
def studio(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running web server on the test database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("studio") / "web.log"
    command = [sys.executable, "-m", "gunicorn", "tests.browser.application:application"]
    options = [f"--bind=127.0.0.1:{port}", "--worker-class=gthread", "--threads=6", "--log-level=warning"]
    environment = {
        **os.environ,
        "SEEDBED_TEST_DATABASE": str(connection.settings_dict["NAME"]),
        "SEEDBED_TEST_SERVER": SERVER,
        "STUDIO_URL": f"http://127.0.0.1:{port}",
    }
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=dying_with_parent(signal.SIGTERM),
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server, log)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):
        if server.poll() is not None:
            pytest.fail(f"The web server ended: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(
                f"{address}/sign-in", timeout=60
            )  # a page: what the first one loads is there then
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"The web server did not answer: {log.read_text()[-2000:]}")


@pytest.fixture
def context_of(
    chromium: Browser, studio: str, transactional_db: None
) -> Iterator[Callable[..., BrowserContext]]:
    """Makes a browser context that a person is signed in to; every script error fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(user: Any, **options: Any) -> BrowserContext:
        context = chromium.new_context(
            base_url=studio, **{"viewport": {"width": 1280, "height": 860}, **options}
        )
        context.set_default_timeout(PATIENCE)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on(
            "console", lambda line: errors.append(line.text) if _refused_by_policy(line.text) else None
        )
        if user is not None:
            client = Client()
            client.force_login(user)
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": studio}])
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        for page in context.pages:
            page.goto("about:blank")  # what a page says goodbye with is sent now
        context.close()
    _wait_until_quiet()
    assert not errors, errors


def _wait_until_quiet() -> None:
    """Until the server does nothing any more: emptying the tables under its last request would deadlock."""
    quiet = 0
    while quiet < 4:
        time.sleep(0.05)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
                " AND (state <> 'idle' OR state_change > clock_timestamp() - interval '0.1 s')",
                [SERVER],
            )
            busy = cursor.fetchone()[0]
        quiet = 0 if busy else quiet + 1


def _refused_by_policy(line: str) -> bool:
    return "Content Security Policy" in line


@pytest.fixture
def page_of(context_of: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """Makes a page of a person's own browser."""

    def make(user: Any, **options: Any) -> Page:
        return context_of(user, **options).new_page()

    return make

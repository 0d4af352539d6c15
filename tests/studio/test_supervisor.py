"""`./manage.py studio`, started, killed and stopped as on a person's machine."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from curation.studio.home import Home
from tests.studio.conftest import CHECKOUT, Studio, of_home, servers, wait_for

Start = Callable[..., Studio]


def people_of(home: Home) -> str:
    """What a command says, run as a person would, of the accounts in the home's database."""
    count = (
        "from curation.models import User; print('people:', *User.objects.values_list('email', flat=True))"
    )
    environment = {**os.environ, "STUDIO_HOME": str(home.root), "STUDIO_DEBUG": "yes"}
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", count]
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True).stdout


def healthy(studio: Studio) -> bool:
    return studio.health()[0] == 200


def test_a_first_start_shows_a_password_once_and_a_stop_leaves_nothing_running(
    home: Home, start: Start
) -> None:
    first = start()
    first.wait_until_up()
    password = re.search(r"Sign in as admin@localhost with the password (\S+)", first.output)
    assert password
    assert f"http://127.0.0.1:{first.port}" in first.output
    status, body = first.health()
    assert (status, {body[name] for name in ("database", "broker", "worker")}) == (200, {"ok"})
    assert body["version"]

    beside = start()
    assert beside.finish() == 2
    assert f"already runs at http://127.0.0.1:{first.port}" in beside.output

    assert first.end(signal.SIGINT) == 0
    assert first.output.rstrip().endswith("Stopped.")
    wait_for("nothing is left", lambda: not of_home(home), 5)
    for log in home.logs.iterdir():
        assert password[1] not in log.read_text(), f"{log.name} has the password"
    assert (home.root / "secret-key").stat().st_mode & 0o777 == 0o600

    again = start()
    again.wait_until_up()
    assert "Sign in as admin@localhost." in again.output
    assert "with the password" not in again.output
    assert "Collecting static files" not in again.output
    again.end(signal.SIGKILL)
    wait_for("all of a killed studio ends by itself", lambda: not of_home(home), 30)


def test_whatever_is_killed_comes_back_and_commands_find_its_database(home: Home, start: Start) -> None:
    studio = start(
        STUDIO_DEBUG="yes", STUDIO_ADMIN_EMAIL="Ada@Example.org", STUDIO_ADMIN_PASSWORD="tulip-ladder-58"
    )
    studio.wait_until_up()
    assert "Sign in as ada@example.org." in studio.output
    (web,) = studio.children("gunicorn")
    assert "STUDIO_ADMIN_PASSWORD" not in web.environ()
    (server,) = servers(home)
    assert "people: ada@example.org" in people_of(home)
    assert servers(home) == [server]

    for program in ("gunicorn", "worker", "beat"):
        (killed,) = studio.children(program)
        killed.kill()

        def replaced(program: str = program, pid: int = killed.pid) -> bool:
            return [one.pid for one in studio.children(program)] not in ([], [pid]) and healthy(studio)

        wait_for(f"a new {program} runs", replaced)
    server.kill()
    wait_for("the database is down or new", lambda: servers(home) != [server])
    wait_for("all is well with a new PostgreSQL", lambda: healthy(studio))
    assert studio.end() == 0
    assert "The web ended (killed by SIGKILL); it is started again" in studio.output
    assert "tulip-ladder-58" not in studio.output
    # With none running a command has a database for its own time.
    assert "people: ada@example.org" in people_of(home)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"STUDIO_ADMIN_PASSWORD": "short"}, "STUDIO_ADMIN_PASSWORD is refused"),
        ({"STUDIO_ADMIN_EMAIL": "nobody"}, "STUDIO_ADMIN_EMAIL=nobody is not an e-mail address"),
        ({"DATABASE_URL": "mysql://localhost/x"}, "DATABASE_URL must be a PostgreSQL address"),
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "The database of DATABASE_URL cannot be used"),
        ({"CELERY_BROKER_URL": "kafka://x"}, "CELERY_BROKER_URL must be an address that starts with pgmq://"),
        ({"STUDIO_WORKERS": "many"}, "STUDIO_WORKERS must be a whole number"),
        ({"STUDIO_URL": "studio.example.org"}, "STUDIO_URL must be an http or https address"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start_with_a_plain_line(
    start: Start, environment: dict[str, str], said: str
) -> None:
    studio = start(**environment)
    assert studio.finish() == 2
    assert said in studio.output
    assert "Traceback" not in studio.output


def test_a_port_that_is_taken_is_named(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        studio = start("--port", str(port))
        assert studio.finish() == 2
    assert f"Port {port} on 127.0.0.1 cannot be used" in studio.output

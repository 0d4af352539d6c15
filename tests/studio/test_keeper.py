"""The keeper: PostgreSQL runs as long as somebody uses it, whatever is killed."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from curation.studio.cluster import ROLE, binaries, place
from curation.studio.database import Hold, held, keeper_runs
from curation.studio.home import Home
from curation.studio.keeper import NOTE
from curation.studio.refusal import Refusal
from tests.studio.conftest import Holder, servers, wait_for

Start = Callable[[], Holder]


def connect(home: Home) -> psycopg.Connection:
    return psycopg.connect(host=str(place(home).sockets), dbname="seedbed", user=ROLE, autocommit=True)


def answers(home: Home) -> bool:
    try:
        with connect(home) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def keeper_pid(home: Home) -> int:
    return json.loads((home.postgres / NOTE).read_text())["pid"]


def test_the_database_runs_as_long_as_somebody_holds_it(home: Home, hold: Start) -> None:
    first, second = hold(), hold()
    assert (first.said(), second.said()) == ("held", "held")
    assert len(servers(home)) == 1

    first.let_go()
    assert answers(home)

    second.let_go()
    wait_for("PostgreSQL ends", lambda: not servers(home) and not keeper_runs(home))


def test_what_was_written_is_there_for_the_next_holder(home: Home) -> None:
    quick = {"fsync": "off", "shared_buffers": "32MB"}
    with held(home, quick) as first, connect(home) as connection:
        connection.execute("CREATE TABLE kept AS SELECT lower('É') AS letter, '[1,2]'::halfvec AS vector")
    assert first.wait_until_stopped()
    with held(home, quick) as second, connect(home) as connection:
        assert connection.execute("SELECT letter, vector::text FROM kept").fetchone() == ("é", "[1,2]")
    assert second.wait_until_stopped()


def test_a_killed_holder_does_not_keep_the_database_running(home: Home, hold: Start) -> None:
    holder = hold()
    assert holder.said() == "held"
    holder.kill()
    wait_for("PostgreSQL ends", lambda: not servers(home) and not keeper_runs(home))


def test_a_killed_postgresql_is_started_again(home: Home, hold: Start) -> None:
    assert hold().said() == "held"
    (before,) = servers(home)
    before.kill()
    wait_for("PostgreSQL answers again", lambda: answers(home))
    assert [server.pid for server in servers(home)] != [before.pid]


def test_a_killed_keeper_takes_postgresql_along_and_the_next_holder_starts_both(
    home: Home, hold: Start
) -> None:
    assert hold().said() == "held"
    os.kill(keeper_pid(home), signal.SIGKILL)
    assert hold().said() == "held"
    assert answers(home)
    assert len(servers(home)) == 1


def test_a_running_user_can_bring_a_killed_keeper_back(home: Home) -> None:
    with held(home, {"fsync": "off"}) as mine:
        os.kill(keeper_pid(home), signal.SIGKILL)
        wait_for("the keeper is gone", lambda: not keeper_runs(home))

        def back() -> bool:
            mine.ensure_keeper()
            return mine.ready() and answers(home)

        wait_for("it is back", back)
    assert mine.wait_until_stopped()


def test_a_reused_pid_does_not_look_like_a_running_server(home: Home) -> None:
    with held(home, {"fsync": "off"}) as first:
        (server,) = servers(home)
        server.kill()
        os.kill(keeper_pid(home), signal.SIGKILL)
        wait_for("both are gone", lambda: not servers(home) and not keeper_runs(home))
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        where = place(home)
        for lock in (where.data / "postmaster.pid", where.sockets / ".s.PGSQL.5432.lock"):
            _, *rest = lock.read_text().splitlines()
            lock.write_text("\n".join([str(stranger.pid), *rest]) + "\n")
        with held(home, {"fsync": "off"}) as second:
            assert answers(home)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    assert second.wait_until_stopped()
    assert first.wait_until_stopped()


def test_an_interrupted_initdb_is_started_over(home: Home) -> None:
    home.make_postgres()
    (home.postgres / "data.new").mkdir()
    (home.postgres / "data.new" / "half").write_text("")
    with held(home, {"fsync": "off"}) as mine:
        assert answers(home)
    assert mine.wait_until_stopped()


def test_a_folder_of_another_major_version_is_left_alone_and_named(home: Home, hold: Start) -> None:
    with held(home, {"fsync": "off"}) as mine:
        pass
    assert mine.wait_until_stopped()
    version = place(home).data / "PG_VERSION"
    version.write_text("16\n")
    said = hold().said()
    assert said.startswith("refused: The database in")
    assert "made by PostgreSQL 16" in said
    assert binaries().version in said
    assert version.read_text() == "16\n"


def test_a_setting_that_postgresql_refuses_is_a_refusal_and_leaves_nothing(home: Home) -> None:
    mine = Hold(home, {"shared_buffers": "much"})
    with pytest.raises(Refusal, match="did not start"):
        mine.take()
    mine.release()
    assert mine.wait_until_stopped()


def test_a_long_home_has_its_socket_in_a_private_folder_below_tmp(home: Home) -> None:
    deep = Home(home.root.joinpath(*["a-folder-with-a-long-name"] * 4))
    for folder in [deep.root, *deep.root.parents]:
        if folder.is_relative_to(home.root):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)
    where = place(deep)
    assert where.sockets.parent == Path("/tmp")
    with held(deep, {"fsync": "off"}) as mine:
        assert answers(deep)
        assert where.sockets.stat().st_mode & 0o777 == 0o700
    assert mine.wait_until_stopped()
    where.sockets.rmdir()


def test_the_socket_folder_and_the_data_are_closed_to_others(home: Home) -> None:
    with held(home, {"fsync": "off"}) as mine:
        where = place(home)
        assert where.data.stat().st_mode & 0o777 == 0o700
        assert where.sockets.stat().st_mode & 0o777 == 0o700
        with connect(home) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert mine.wait_until_stopped()


def test_as_root_a_closed_home_stays_closed_and_has_a_pointer(home: Home) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs PostgreSQL as another user")
    home.root.chmod(0o700)
    with held(home, {"fsync": "off"}) as mine:
        assert answers(home)
        assert home.root.stat().st_mode & 0o777 == 0o700
        assert place(home).data.is_relative_to("/var/lib/seedbed")
        assert (home.postgres / "elsewhere").read_text().strip() == str(place(home).data.parent)
    assert mine.wait_until_stopped()

"""`backup` and `restore`, as a person runs them: round trips, and refusals that change nothing."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from curation.studio import backup, migrations
from curation.studio.database import held
from curation.studio.home import Home
from curation.studio.refusal import Refusal
from tests.studio.conftest import CHECKOUT, Holder

MAKE = """
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from curation.models import User
User.objects.create_user("ada@example.org", "tulip-ladder-58", name="Ada Ünal")
default_storage.save("ab/cd/abcd01", ContentFile(bytes(range(256)) * 5000))
default_storage.save("empty", ContentFile(b""))
"""

SHOW = """
import hashlib
from django.core.files.storage import default_storage
from curation.models import User
print(sorted(User.objects.values_list("email", "name")))
for name in ("ab/cd/abcd01", "empty", "later"):
    if default_storage.exists(name):
        print(name, hashlib.sha256(default_storage.open(name).read()).hexdigest()[:8])
"""

CHANGE = """
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from curation.models import User
User.objects.update(name="Somebody")
User.objects.create_user("bob@example.org", None)
default_storage.delete("ab/cd/abcd01")
default_storage.save("later", ContentFile(b"later"))
"""


def manage(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command in a home; Django's own ones do not migrate, ours do."""
    environment = {**os.environ, "STUDIO_HOME": str(home.root), "STUDIO_ENV_FILE": os.devnull}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
    )


def shell(home: Home, code: str) -> str:
    ran = manage(home, "shell", "-v0", "-c", code)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_backup_comes_back_whole_and_nothing_is_overwritten_unasked(
    home: Home, hold: Callable[[], Holder], tmp_path: Path
) -> None:
    # One process holds the database throughout, so that each command does not start it anew.
    holder = hold()
    assert holder.said() == "held"
    assert manage(home, "migrate", "-v0").returncode == 0
    before = shell(home, MAKE + SHOW)
    assert "Ada Ünal" in before
    assert "ab/cd/abcd01" in before

    archive = tmp_path / "studio.backup"
    made = manage(home, "backup", str(archive))
    assert made.returncode == 0, made.stderr
    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as tar:
        assert tar.getnames() == ["database.dump", "files/empty", "files/ab/cd/abcd01", "manifest.json"]
    with pytest.raises(Refusal, match="exists already"):
        backup.backup(archive)

    changed = shell(home, CHANGE + SHOW)
    assert changed != before
    refused = manage(home, "restore", str(archive))
    assert (refused.returncode, "not empty" in refused.stderr) == (2, True)
    assert shell(home, SHOW) == changed
    assert manage(home, "restore", str(archive), "--replace").returncode == 0
    assert shell(home, SHOW) == before, "what came later is gone, what was deleted is back"
    holder.let_go()

    new = Home(home.root / "new")
    new.make()
    restored = manage(new, "restore", str(archive))
    assert restored.returncode == 0, restored.stderr
    assert shell(new, SHOW) == before
    with held(new) as last:
        pass
    assert last.wait_until_stopped()


def archive_of(files: dict[str, bytes], path: Path) -> Path:
    """An archive with these files, as `backup` writes one."""
    with tarfile.open(path, "w") as tar:
        entries = [
            backup._add(tar, name, ContentFile(content), len(content)) for name, content in files.items()
        ]
        raw = json.dumps(asdict(backup.Manifest(backup.FORMAT, "1", "now", [], entries))).encode()
        backup._add(tar, backup.MANIFEST, ContentFile(raw), len(raw))
    return path


def test_an_archive_is_checked_to_the_last_byte(tmp_path: Path) -> None:
    whole = archive_of({"database.dump": b"d" * 3000, "files/a": b"a" * 5000}, tmp_path / "whole")
    assert [entry.path for entry in backup._verified(whole).entries] == ["database.dump", "files/a"]
    raw = whole.read_bytes()
    changed = bytearray(raw)
    changed[raw.index(b"aaaa") + 1000] ^= 1
    for number, harmed in enumerate(
        [raw[:2000], raw[: raw.index(b"manifest.json")], changed, b"PK\x03\x04", b""]
    ):
        path = tmp_path / str(number)
        path.write_bytes(harmed)
        with pytest.raises(Refusal, match=r"not a whole backup|is damaged: files/a"):
            backup._verified(path)


def test_what_stands_between_two_migrations_that_are_one_now_is_refused_with_the_way_out() -> None:
    every = [name for one in migrations.ours() for _, name in one.replaces]
    migrations.refuse_halfway([], "It")
    migrations.refuse_halfway(every, "It")
    # A first start that was killed after the tables: 0002 has yet to come.
    migrations.refuse_halfway([name for name in every if name != "0002_decisions_are_events"], "It")
    with pytest.raises(Refusal, match=r"stands between two migrations.*commit 9a1e7e2"):
        migrations.refuse_halfway(["0001_initial", "0002_decisions_are_events"], "It")


def test_a_backup_from_before_the_migrations_were_made_one_is_read() -> None:
    backup._refuse_newer(
        backup.Manifest(backup.FORMAT, "1", "now", ["0001_initial", "0024_sent_back_for_revision"], [])
    )


def test_a_backup_of_a_newer_studio_is_refused() -> None:
    with pytest.raises(Refusal, match="made by a newer studio"):
        backup._refuse_newer(backup.Manifest(backup.FORMAT, "9", "now", ["9999_from_the_future"], []))

"""The disk guard."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from curation.studio import disk as guard

GB = 10**9


def usage(free: int) -> SimpleNamespace:
    return SimpleNamespace(free=free, total=100 * GB, used=100 * GB - free)


@pytest.mark.parametrize(
    ("free", "level"), [(5 * GB, "ok"), (4 * GB, "ok"), (3 * GB, "low"), (GB // 2, "full")]
)
def test_people_are_warned_before_the_disk_is_full(
    monkeypatch, tmp_path: Path, free: int, level: str
) -> None:
    monkeypatch.setattr(guard.shutil, "disk_usage", lambda folder: usage(free))
    assert guard.fullest([tmp_path], GB).level == level


def test_the_fullest_of_several_disks_counts_and_folders_need_not_exist_yet(
    monkeypatch, tmp_path: Path
) -> None:
    seen = []

    def look(folder: Path) -> SimpleNamespace:
        seen.append(folder)
        return usage(9 * GB if folder == tmp_path else 2 * GB)

    monkeypatch.setattr(guard.shutil, "disk_usage", look)
    other = tmp_path / "other"
    other.mkdir()
    found = guard.fullest([tmp_path / "not" / "yet", other], GB)
    assert (found.free, found.folder) == (2 * GB, other)
    assert seen == [tmp_path, other]


def test_work_that_writes_is_refused_when_the_reserve_is_reached(monkeypatch, settings) -> None:
    settings.DISK_RESERVE = GB
    monkeypatch.setattr(guard.shutil, "disk_usage", lambda folder: usage(GB - 1))
    with pytest.raises(guard.DiskFull, match=r"nearly full: 1\.0 of 100\.0 GB are free"):
        guard.require_space()
    monkeypatch.setattr(guard.shutil, "disk_usage", lambda folder: usage(2 * GB))
    guard.require_space()

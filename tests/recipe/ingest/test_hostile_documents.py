"""Foreign documents do their worst: damaged at random none is an unhandled error, and what hangs takes nothing with it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.recipe.ingest.extract import Extracted, extract
from curation.recipe.ingest.extractors.pandoc import run
from curation.recipe.ingest.limits import MIB
from curation.recipe.ingest.pool import Bounds, Pool, Request
from curation.recipe.ingest.readers.office import DOCX, ODT
from curation.recipe.reasons import REASONS
from curation.recipe.records import Dropped
from tests.documents import LATEX, a_docx, a_jats, a_notebook, a_pdf, an_epub, an_odt, column

VALID = {
    "application/jats+xml": a_jats(),
    "application/x-ipynb+json": a_notebook(),
    "application/pdf": a_pdf([column(["Hello there,", "this is a page."], 60, 700)]),
    "text/x-tex": LATEX,
    "application/epub+zip": an_epub(),
    DOCX: a_docx(),
    ODT: an_odt(),
}
#: Where every example starts a process, a few have to do.
EXAMPLES = {"text/x-tex": 8, "application/epub+zip": 15, DOCX: 15, ODT: 15}

#: One piece of damage: where (as a share of the file), how much, and what is put there; None takes the rest away.
DAMAGE = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 60), st.none() | st.binary(max_size=12)), min_size=1, max_size=5
)


def damaged(content: bytes, damage: list[tuple[float, int, bytes | None]]) -> bytes:
    for share, length, put in damage:
        at = int(share * len(content))
        content = content[:at] + (b"" if put is None else put + content[at + length :])
    return content


@pytest.mark.parametrize("media_type", VALID)
def test_damage_is_read_or_refused_by_name_whatever_it_is(media_type: str) -> None:
    @settings(
        max_examples=EXAMPLES.get(media_type, 60),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(DAMAGE)
    def holds(damage: list[tuple[float, int, bytes | None]]) -> None:
        found = extract(damaged(VALID[media_type], damage), media_type)
        assert isinstance(found, Extracted) or found.reason in REASONS

    logging.disable(logging.CRITICAL)  # as in the child, where nobody reads what a library has to say
    try:
        holds()
    finally:
        logging.disable(logging.NOTSET)


def test_a_part_that_says_it_is_short_and_is_long_is_not_believed() -> None:
    content = bytearray(a_docx())
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = (10).to_bytes(
        4, "little"
    )  # the last part's size, as the directory states it
    found = extract(bytes(content), DOCX)
    assert isinstance(found, Extracted | Dropped) and (
        isinstance(found, Extracted) or found.reason in REASONS
    )


def test_pages_that_point_at_each_other_without_end_are_refused_or_read() -> None:
    content = a_pdf([column(["Hello there, this is a page."], 60, 700)]).replace(
        b"/Kids [7 0 R]", b"/Kids [2 0 R]"
    )
    found = extract(content, "application/pdf")
    assert isinstance(found, Dropped) and found.reason in ("damaged", "empty")


# Pandoc as a process


HANGING = """#!/bin/sh
echo $$ > {pids}
exec sleep 1000
"""


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pandoc that never ends. Returns the file in which it leaves its process id."""
    program, pids = tmp_path / "pandoc", tmp_path / "pids"
    program.write_text(HANGING.format(pids=pids))
    program.chmod(0o755)
    monkeypatch.setattr("pypandoc.get_pandoc_path", lambda: str(program))
    return pids


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_a_pandoc_that_hangs_is_ended_and_the_document_named(hanging: Path) -> None:
    with pytest.raises(run.PandocFailed, match=r"more than 0.5 seconds"):
        run.tree(b"x", "latex", seconds=0.5)
    assert gone(int(hanging.read_text()))


def test_a_pandoc_that_writes_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pandoc"
    program.write_text("#!/bin/sh\nexec yes\n")
    program.chmod(0o755)
    monkeypatch.setattr("pypandoc.get_pandoc_path", lambda: str(program))
    monkeypatch.setattr(run, "OUTPUT", MIB)
    with pytest.raises(run.PandocFailed) as failed:
        run.tree(b"x", "latex", seconds=20)
    assert failed.value.reason == "too_large"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is asked for on Linux only")
def test_a_pandoc_that_hangs_ends_with_its_child_and_with_its_worker(hanging: Path, tmp_path: Path) -> None:
    script = tmp_path / "child.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys
            import pypandoc
            pypandoc.get_pandoc_path = lambda: {str(hanging.parent / "pandoc")!r}
            from curation.recipe.ingest import child
            child.main(int(sys.argv[1]), int(sys.argv[2]))
            """
        )
    )
    with Pool(1, Bounds(seconds=3.0), [str(script)]) as pool:
        (found,) = pool.run([Request(LATEX, "text/x-tex")])
    assert isinstance(found, Dropped) and found.reason == "extraction_timeout"
    assert gone(int(hanging.read_text()))
    hanging.unlink()

    worker = tmp_path / "worker.py"
    worker.write_text(
        "from curation.recipe.ingest.pool import Bounds, Pool, Request\n"
        f"list(Pool(1, Bounds(), [{str(script)!r}]).run([Request({LATEX!r}, 'text/x-tex')]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    process = subprocess.Popen([sys.executable, str(worker)], env=environment)
    deadline = time.monotonic() + 60
    while not hanging.exists() or not hanging.read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert gone(int(hanging.read_text()))


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(1) as pool:
        yield pool


def test_every_format_is_read_in_the_child_within_its_limits(pool: Pool) -> None:
    found = list(pool.run(Request(content, media_type) for media_type, content in VALID.items()))
    assert [result for result in found if not isinstance(result, Extracted)] == []

"""The pool: whatever one document does to its child, the others get their text."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from curation.recipe.ingest.extract import Extracted
from curation.recipe.ingest.pool import Bounds, Pool, Request
from curation.recipe.records import Dropped

#: A child whose extractor does what the document says.
HOSTILE = """
import os, sys, time
from curation.recipe.ingest import child, extract

def act(content, address):
    word = content.decode()
    if word == "hang": time.sleep(1000)
    if word == "burn":
        while True: pass
    if word == "die": os._exit(3)
    if word == "segfault": os.kill(os.getpid(), 11)
    if word == "raise": raise ValueError("bad page")
    if word == "eat": return {"text": "x" * 10**12}
    if word == "print": print("noise on standard output"); sys.stdout.flush()
    if word == "once" and not os.path.exists(address):
        open(address, "w").close()
        os._exit(3)
    if word == "long": return {"text": "y" * 3_000_000}
    return {"text": word}

extract.EXTRACTORS["text/plain"] = extract.Extractor("text", "1", act)
child.main(int(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Pool]:
    script = tmp_path / "hostile.py"
    script.write_text(textwrap.dedent(HOSTILE))
    bounds = Bounds(memory=3 << 30, cpu_seconds=2, seconds=4.0)
    with Pool(2, bounds, [str(script)]) as pool:
        yield pool


def run(pool: Pool, *words: str, address: str = "") -> list[Extracted | Dropped]:
    return list(pool.run(Request(word.encode(), "text/plain", address) for word in words))


def shown(result: Extracted | Dropped) -> str:
    return result.text if isinstance(result, Extracted) else result.reason


def test_results_come_in_order_and_a_broken_document_costs_itself_alone(hostile: Pool) -> None:
    words = ["a", "hang", "b", "die", "raise", "c", "segfault", "eat", "d", "print", "e"]
    found = run(hostile, *words)
    assert [shown(result) for result in found] == [
        *("a", "extraction_timeout", "b", "extraction_failed", "extraction_failed", "c"),
        *("extraction_failed", "extraction_failed", "d", "print", "e"),
    ]
    details = [result.detail for result in found if isinstance(result, Dropped)]
    assert "4 seconds" in details[0] and "status 3" in details[1] and "ValueError: bad page" in details[2]
    assert "SIGSEGV" in details[3] and "memory" in details[4]


def test_endless_work_is_ended_by_its_processor_time(hostile: Pool) -> None:
    hostile.bounds = Bounds(cpu_seconds=1, seconds=60.0)
    found = run(hostile, "burn", "a")
    assert [shown(result) for result in found] == ["extraction_timeout", "a"]
    assert isinstance(found[0], Dropped) and "processor time" in found[0].detail


def test_a_document_whose_child_broke_by_chance_is_tried_again(hostile: Pool, tmp_path: Path) -> None:
    assert [shown(result) for result in run(hostile, "once", address=str(tmp_path / "mark"))] == ["once"]


def test_large_documents_and_answers_pass_the_pipes(hostile: Pool) -> None:
    word = "z" * 5_000_000
    assert [len(shown(result)) for result in run(hostile, word, "long")] == [5_000_000, 3_000_000]


def test_the_pool_serves_again_and_ends_its_children(hostile: Pool) -> None:
    assert [shown(result) for result in run(hostile, "a", "b")] == ["a", "b"]
    pids = [child.process.pid for child in hostile.children]
    assert [shown(result) for result in run(hostile, "c")] == ["c"]
    hostile.close()
    assert pids and not any(psutil.pid_exists(pid) for pid in pids)


def test_no_documents_start_no_child(hostile: Pool) -> None:
    assert run(hostile) == [] and not hostile.children


def test_leaving_in_the_middle_leaves_no_child_behind(hostile: Pool) -> None:
    results = hostile.run(Request(b"a", "text/plain") for _ in range(50))
    next(results)
    pids = [child.process.pid for child in hostile.children]
    results.close()
    assert pids and not any(psutil.pid_exists(pid) for pid in pids)


def test_a_child_is_replaced_after_its_share_of_documents(tmp_path: Path) -> None:
    with Pool(1, Bounds(documents=2)) as pool:
        assert [shown(result) for result in run(pool, "a", "b", "c")] == ["a", "b", "c"]


def test_a_child_that_cannot_start_is_said_and_not_waited_for(tmp_path: Path) -> None:
    with (
        Pool(1, command=["-c", "raise SystemExit(9)"]) as pool,
        pytest.raises(RuntimeError, match="status 9"),
    ):
        run(pool, "a")


def test_the_real_child_reads_pages_and_knows_nothing_of_the_studio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    with Pool(1) as pool:
        (found,) = pool.run([Request(b"<html><body><p>Hello there.</p></body></html>", "text/html")])
        assert isinstance(found, Extracted) and "Hello there." in found.text
        environment = Path(f"/proc/{pool.children[0].process.pid}/environ").read_bytes()
    assert b"secret" not in environment


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is asked for on Linux only")
def test_a_hanging_child_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = tmp_path / "hostile.py"
    script.write_text(textwrap.dedent(HOSTILE))
    holder = tmp_path / "holder.py"
    holder.write_text(
        "import sys, threading, time\n"
        "from curation.recipe.ingest.pool import Bounds, Pool, Request\n"
        f"pool = Pool(1, Bounds(), [{str(script)!r}])\n"
        "def tell():\n"
        "    while not (pool.children and pool.children[0].number is not None): time.sleep(0.01)\n"
        "    print(pool.children[0].process.pid, flush=True)\n"
        "threading.Thread(target=tell, daemon=True).start()\n"
        "list(pool.run([Request(b'hang', 'text/plain')]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    process = subprocess.Popen([sys.executable, str(holder)], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert psutil.pid_exists(pid)
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"

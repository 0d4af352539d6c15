"""`engine`: calls a second to a server that answers at once, 64 in flight, by the whole annotator: prompts rendered, answers held against
their schema, every request and raw answer committed to PostgreSQL before it is used, labels saved.

ours = calls/s, planning and saving included. The peer is the bare openai SDK (`chat.completions.create`, 64 in flight) with the same
messages to the same server in the same run: it renders, checks and keeps nothing. The server has a process of its own, and so has PostgreSQL;
own processor time is that of this process, both of its threads.

With `ENGINE_PEER_PYTHON` naming a Python that has distilabel (a virtual environment of its own: `pip install "distilabel[openai]" requests`) that is
driven against the same server in the same run too.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.database import a_database

CALLS = 4_000
PEER_CALLS = 1_280
CONCURRENCY = 64
CHECKOUT = Path(__file__).resolve().parents[2]
SENTENCE = "The tide is raised by the moon, and the sun helps or hinders it, depending on where it stands. "


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.llm_server", "0", "-"]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def engine() -> dict[str, Any]:
    with a_database(), _server() as address:
        from curation.actions import annotating
        from curation.jobs import run
        from curation.models import Call, Endpoint, Job, Label, Passage
        from tests import factories as make
        from tests.labelling import our_rubric

        project, rubric = make.a_project("engine"), our_rubric("factual")
        document = make.a_kept_document(project, SENTENCE * 10)
        extraction = document.extraction
        assert extraction is not None
        texts = [f"{at}. {SENTENCE * 8}" for at in range(CALLS)]
        Passage.objects.bulk_create(
            Passage(
                project=project,
                document=document,
                extraction=extraction,
                ordinal=at,
                start=0,
                end=1,
                text=text,
                text_sha256=make.sha256(text),
                tokens=180,
                language="en",
            )
            for at, text in enumerate(texts)
        )
        endpoint = Endpoint.objects.create(
            name="Engine",
            address=address,
            model="tiny",
            private_allowed=True,
            concurrency=CONCURRENCY,
            price_in=1,
            price_out=2,
        )
        _asked(project, rubric, endpoint, 200)  # connections, the renderer, imports
        job = annotating.start(
            project, rubric, endpoint, None, which="random", take=CALLS, budget_tokens=10**9
        )
        start, processor = time.perf_counter(), time.process_time()
        run.plan(job.pk)
        while chunk := run.claim(job.pk):
            run.run_chunk(chunk)
        run.finish_if_done(job.pk)
        took, processor = time.perf_counter() - start, time.process_time() - processor
        job.refresh_from_db()
        assert job.state == Job.State.DONE, job.reason
        made = Call.objects.filter(job=job, error="", hit_of=None).count()
        assert made == Label.objects.filter(job=job).count() == CALLS - 200
        messages = Call.objects.filter(job=job).order_by("pk")[0].request["messages"]
        peer_took, peer_processor = asyncio.run(_bare(address, messages, made))
        distilabel = _distilabel(address)
    return {
        "name": "engine",
        "ours": round(made / took, 1),
        "unit": "calls/s",
        "peer": round(made / peer_took, 1),
        "peer_name": "openai SDK alone, 64 in flight: no prompts, no checks, nothing kept",
        "n": made,
        "details": {
            "own_cpu_ms": round(processor / made * 1000, 2),
            "peer_cpu_ms": round(peer_processor / made * 1000, 2),
            "distilabel": distilabel,
            "concurrency": CONCURRENCY,
            "budget": "in force: each call holds its most before it is sent",
        },
    }


def _asked(project: Any, rubric: Any, endpoint: Any, take: int) -> None:
    from curation.actions import annotating
    from curation.jobs import run

    run.drain(
        annotating.start(project, rubric, endpoint, None, which="random", take=take, budget_tokens=10**9)
    )


def _distilabel(address: str) -> dict[str, Any] | str:
    """Calls a second of the peer that has the same work, or why it was not measured."""
    python = os.environ.get("ENGINE_PEER_PYTHON")
    if not python:
        return "not measured: ENGINE_PEER_PYTHON names no Python that has it"
    script = str(CHECKOUT / "tests/bench/engine_distilabel.py")
    command = [python, "-P", script, address, str(PEER_CALLS)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True).stdout
    told = json.loads(said.strip().splitlines()[-1])
    return {
        "version": told["version"],
        "calls_per_second": round(told["calls"] / told["seconds"], 1),
        "n": told["calls"],
    }


async def _bare(address: str, messages: list[dict[str, str]], calls: int) -> tuple[float, float]:
    """(seconds, seconds of processor) of so many calls by the SDK as its documentation shows it."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=address, api_key="none", max_retries=0)
    places = asyncio.Semaphore(CONCURRENCY)

    async def one() -> str:
        async with places:
            said: Any = messages
            answer = await client.chat.completions.create(model="tiny", messages=said, max_tokens=1024)
            return answer.choices[0].message.content or ""

    await asyncio.gather(*(one() for _ in range(200)))
    start, processor = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one() for _ in range(calls)))
    took = time.perf_counter() - start, time.process_time() - processor
    await client.close()
    return took

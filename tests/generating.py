"""A project with seeds, an endpoint on a scripted server, and runs over them: what the tests of runs share."""

from __future__ import annotations

from typing import Any

from curation.actions import runs
from curation.models import Endpoint, Occurrence, Project, Run, Seed
from tests import factories as make
from tests.llm_server import Reply, Seen, Server
from tests.recipe.generate.scripted import material, script

NOTES = ("consideration", "points", "misconceptions", "usable")
CHECK = ("own_solution", "comparison", "stands_alone", "grounded", "correct")
REASONING = ("consideration", "task", "steps", "answer")


def a_text(at: int) -> str:
    """A passage that two points can be quoted from; no two say the same."""
    things = ("lever", "pendulum", "kettle", "river", "sail", "lens", "wire", "choir", "market", "glacier")
    thing = f"{things[at % 10]} of kind {at}"
    return (
        f"The {thing} moves by rule {at * 37 % 101}, which is easily measured in case {at}.\n"
        f"When the {thing} is given {at + 3} units, it answers with {at * 7 + 1} of them, because one brings about the other.\n"
        f"Beyond {at * 11 + 5} units this no longer holds, therefore the rule {at * 37 % 101} has to name its limits."
    )


def a_project_with_seeds(count: int, slug: str = "", **fields: Any) -> Project:
    """Approved seeds, each the passage of a document of its own with an address and a licence."""
    project = make.a_project(slug)
    source = make.a_source(project, licence="CC-BY-4.0", **fields)
    for at in range(count):
        document = make.a_kept_document(project, a_text(at), source=source)
        Occurrence.objects.filter(document=document).update(address=f"https://example.org/{at}")
        passage = make.a_passage(project, a_text(at), document=document)
        make.a_seed(project, passage=passage, state=Seed.State.APPROVED)
    return project


def an_endpoint(server: Server, **fields: Any) -> Endpoint:
    return Endpoint.objects.create(
        **{
            "name": f"Tiny {Endpoint.objects.count()}",
            "address": server.address,
            "model": "tiny",
            "private_allowed": True,
            "seconds": 5,
            "most_tokens": 200,
            "concurrency": 6,
            **fields,
        }
    )


def a_run(project: Project, endpoint: Endpoint, target: int = 10, **fields: Any) -> Run:
    wanted = {
        "name": f"Run {Run.objects.count() + 1}",
        "workflow": "rewrite",
        "options": {"forms": ["reasoning"]},
        "pilot": 0,
        "budget_tokens": 10_000_000,
        "accepting": "verdicts",
        "required": ("judge",),
        "most_similar": None,
        **fields,
    }
    return runs.create(project, None, runs.Wanted(endpoint=endpoint, target=target, **wanted))


def notes(seen: Seen, nth: int) -> dict[str, Any]:
    lines = material(seen.text, "PASSAGE").splitlines()
    points = [{"point": f"Noted: {line}", "quote": line} for line in lines[:3]]
    return {"consideration": "A rule.", "points": points, "misconceptions": ["It is a law."], "usable": True}


def task(seen: Seen, nth: int) -> dict[str, Any]:
    said = material(seen.text, "NOTES").splitlines()[0].removeprefix("- Noted: ")
    steps = [
        {"given": f"What is said: {said}", "follows": f"it holds at {n}", "because": "it is a rule"}
        for n in (1, 2)
    ]
    return {
        "consideration": "Two steps.",
        "task": f"Work out what follows when {said}",
        "steps": steps,
        "answer": said[-30:],
    }


GOOD = {
    "own_solution": "I find the same.",
    "comparison": "Every step follows.",
    "stands_alone": True,
    "grounded": True,
    "correct": True,
}


def sensible(*others: Any) -> Any:
    """Answers to every prompt of `rewrite` with its form `reasoning`; `others` come first."""
    return script(*others, (NOTES, notes), (REASONING, task), (CHECK, GOOD))


def slow(delay: float) -> Any:
    """The same after a while, so that something is in flight."""
    answers = sensible()

    def reply(seen: Seen, nth: int) -> Reply:
        made = answers(seen, nth)
        made.delay = delay
        return made

    return reply

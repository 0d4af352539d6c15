"""A project with one of everything, and one person of every kind: what the tests of access walk through."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import numpy as np

from curation.actions import imports, people, review
from curation.models import (
    Activity,
    Call,
    Candidate,
    Chunk,
    Cluster,
    ClusterMember,
    DuplicateRuling,
    EmbeddingModel,
    Endpoint,
    ImportFile,
    Job,
    KnobChange,
    Loss,
    Membership,
    Mishap,
    Project,
    ProjectMap,
    Prompt,
    PromptVersion,
    Rubric,
    Run,
    RunSeed,
    SampleStep,
    Scorer,
    Snapshot,
    SnapshotFile,
    User,
)
from curation.recipe.atlas import grid
from tests import factories as make


@dataclass
class Person:
    """Somebody, with a token; with what they hold and have decided, if they are a member."""

    user: User | None = None
    token: str = ""
    claim: Any = None
    item: Any = None
    decision: Any = None


@dataclass
class World:
    """A project; `rows` has one row per word that an address uses for its parts."""

    project: Project
    queue: Any = None
    disputed: Any = None
    somebody_s: Person = field(default_factory=Person)
    rows: dict[str, Any] = field(default_factory=dict)


def a_world(slug: str) -> World:
    """One of everything in a project."""
    project = make.a_project(slug)
    world = World(project)
    source = make.a_source(project, f"Source of {slug}")
    document, batch = a_stored_document(project, source)
    passage = make.a_passage(project, document.extraction.text, document)
    job = Job.objects.create(project=project, kind="extract", state="failed", reason="It broke.")
    chunk = Chunk.objects.create(job=job, ordinal=0, size=1, state="failed", error="It broke.")
    Mishap.objects.create(job=job, chunk=chunk, subject="moons.txt", reason="broken")
    Activity.objects.create(project=project, verb="made", subject=f"the world {slug}")
    world.queue = make.a_queue(project, wanted=2, name=f"Queue of {slug}")
    for _ in range(12):
        make.an_item(world.queue)
    world.disputed = _disputed(world)
    world.somebody_s = a_worker(world, make.a_member(project))
    sample = make.a_sample(project)
    step = SampleStep.objects.create(sample=sample, ordinal=0, kind="prompt", prompt="Ask", output="Answer")
    snapshot = Snapshot.objects.create(project=project, what="seeds", format="jsonl", state="ready", job=job)
    file = SnapshotFile.objects.create(
        snapshot=snapshot, ordinal=0, name="seeds-00000.jsonl", rows=0, bytes=0
    )
    call = a_call(project, job)
    world.rows = {
        "source": source.uuid,
        "document": document.uuid,
        "passage": passage.uuid,
        "cluster": a_cluster(project, job).uuid,
        "seed": make.a_seed(project).uuid,
        "sample": sample.uuid,
        "ordinal": step.ordinal,
        "key": "own",
        "job": job.uuid,
        "membership": Membership.objects.get(user=world.somebody_s.user, project=project).pk,
        "queue": world.queue.uuid,
        "snapshot": snapshot.uuid,
        "name": file.name,
        "batch": batch.uuid,
        "ruling": a_ruling(project).batch,
        "rest": "nothing",
        "rubric": a_rubric(project).key,
        "version": "head-1",
        "signal": "compression",
        "knob": "min_factual",
        "prompt": "rewrite-notes",
        "run": a_run(project, job, call.endpoint).uuid,
        "call": call.uuid,
        "map": a_map(project, passage).uuid,
        "place": 0,
        "change": KnobChange.objects.create(
            project=project, before={"min_factual": 2.9}, after={"min_factual": 3}
        ).uuid,
    }
    return world


def a_stored_document(project: Project, source: Any) -> tuple[Any, Any]:
    """A document whose bytes are in the storage, and the import that brought it."""
    batch = make.an_import(source, job=Job.objects.create(project=project, kind="import", state="done"))
    text = f"The moons of {project.slug} are cold. Nothing melts there, and nothing flows."
    stored = imports.keep_file(io.BytesIO(text.encode()))
    ImportFile.objects.create(batch=batch, stored_file=stored, name="moons.txt")
    document = make.a_document(project, text, source, stored_file=stored, first_import=batch)
    return document, batch


def a_cluster(project: Project, job: Job) -> Cluster:
    """Two passages that are nearly the same."""
    model, _ = EmbeddingModel.objects.get_or_create(
        key="test", defaults={"name": "test", "revision": "1", "dimensions": 3}
    )
    first, second = make.a_passage(project), make.a_passage(project)
    cluster = Cluster.objects.create(
        project=project,
        job=job,
        model=model,
        threshold=0.9,
        rule="longest/1",
        representative=first,
        size=2,
    )
    for passage in (first, second):
        ClusterMember.objects.create(cluster=cluster, passage=passage, similarity=1)
    return cluster


def a_map(project: Project, *passages: Any) -> ProjectMap:
    """A map on which these passages lie side by side."""
    model, _ = EmbeddingModel.objects.get_or_create(
        key="test", defaults={"name": "test", "revision": "1", "dimensions": 3}
    )
    places = np.array([(20_000 + 1_000 * at, 30_000) for at in range(len(passages))], dtype=np.uint16)
    points = grid.points(np.array([passage.pk for passage in passages]), places)
    return ProjectMap.objects.create(
        project=project, model=model, method="side by side", count=len(passages), points=points.tobytes()
    )


def a_ruling(project: Project) -> DuplicateRuling:
    """A word on two texts that somebody gave."""
    return DuplicateRuling.objects.create(
        project=project,
        left_sha256="0" * 64,
        right_sha256="1" * 64,
        same=False,
        batch=uuid4(),
        by=make.a_member(project),
    )


def a_rubric(project: Project) -> Rubric:
    """A rubric of the project's own, with a scorer."""
    rubric = Rubric.objects.create(
        project=project,
        key=f"rubric-of-{project.slug}",
        name="Clarity",
        level="passage",
        question="Is it clear?",
        highest=1,
        anchors=["no", "yes"],
    )
    Scorer.objects.create(project=project, rubric=rubric, name="head", version="1")
    return rubric


def a_call(project: Project, job: Job) -> Call:
    """A call of the project to an endpoint of its own, by a version of a prompt of its own."""
    endpoint = Endpoint.objects.create(
        project=project, name=f"Model of {project.slug}", address="http://127.0.0.1:9/v1", model="tiny"
    )
    prompt = Prompt.objects.create(project=project, key="ask", name="Ask")
    version = PromptVersion.objects.create(
        prompt=prompt, number=1, parts=[{"role": "user", "template": "{{ text }}"}], sha256="0" * 64
    )
    return Call.objects.create(
        project=project, endpoint=endpoint, model="tiny", prompt_version=version, job=job, key="0" * 64
    )


def a_run(project: Project, job: Job, endpoint: Endpoint) -> Run:
    """A run with one of everything: a seed, a candidate, a loss."""
    seed = make.a_seed(project)
    run = Run.objects.create(
        project=project,
        name=f"Run of {project.slug}",
        workflow="rewrite",
        endpoint=endpoint,
        model="tiny",
        target=3,
        most_candidates=9,
        budget_tokens=1_000,
        accepting="verdicts",
        required=["judge"],
        source=make.a_source(project, f"Run source of {project.slug}"),
        job=job,
    )
    RunSeed.objects.create(run=run, ordinal=0, seed=seed)
    candidate = Candidate.objects.create(run=run, ordinal=0, seed=seed, number=0, state="done", settled=True)
    Loss.objects.create(candidate=candidate, ordinal=0, reason="copied", at="rewrite-web/1")
    return run


def a_worker(world: World, user: User) -> Person:
    """A member who has decided on one item of the queue and holds another."""
    decided = review.claim(world.queue, user)
    item = world.queue.items.get(pk=decided.item_id)
    decision = review.decide(user, item, decided.lease, review.Answer("accept"))
    claim = review.claim(world.queue, user)
    _, token = people.issue_token(user, "walk")
    return Person(user, token, claim, world.queue.items.get(pk=claim.item_id), decision)


def _disputed(world: World) -> Any:
    for verdict, reason in (("accept", ""), ("reject", "wrong")):
        user = make.a_member(world.project)
        claim = review.claim(world.queue, user)
        item = world.queue.items.get(pk=claim.item_id)
        review.decide(user, item, claim.lease, review.Answer(verdict, reason=reason))
    item.refresh_from_db()
    assert item.state == "disputed"
    return item

"""The demonstration project: made at the first start, through the same actions as everybody's projects.

Its files are few, so they are read on the spot; the samples can be reviewed as soon as the studio answers. Extraction,
scores, duplicates and seeds are made by the workers once they run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from curation.actions import imports, projects, queues
from curation.actions.curation import LANE, start_curation
from curation.jobs.kinds.demonstration import KIND as LAST_STEP
from curation.jobs.run import drain
from curation.models import Import, Project, Queue, Source, User

SLUG = "demo"
HERE = Path(__file__).resolve().parent
MATERIAL = HERE / "material"
LICENCE = "CC0-1.0"
#: Stricter than our defaults: the material is small and clean, and its dull pages should show as left out.
KNOBS = {"min_educational": 3.0, "min_factual": 3.0, "min_reasoning": 3.0}
DESCRIPTION = "Pages, notes, code, stories and samples written for trying the studio out: good ones, dull ones and broken ones."


@dataclass(frozen=True, slots=True)
class Shelf:
    """One folder of the material and the source that it becomes."""

    folder: str
    name: str
    kind: str
    address: str = ""
    mapping: tuple[str, ...] = ()
    what: str = Import.What.DOCUMENTS


SHELVES = (
    Shelf("lessons", "Open Lessons", Source.Kind.WEB, "https://open-lessons.example/"),
    Shelf("notes", "Course notes", Source.Kind.ACADEMIC),
    Shelf("code", "Code Garden", Source.Kind.CODE, "https://code-garden.example/"),
    Shelf("shelf", "A small shelf of books", Source.Kind.BOOK),
    Shelf(
        "languages",
        "World Reader",
        Source.Kind.WEB,
        "https://worldreader.example/",
        mapping=("text=body", "title=title", "address=url"),
    ),
    Shelf("crawl", "Unsorted crawl", Source.Kind.WEB),
    Shelf("samples", "Generated samples", Source.Kind.SYNTHETIC, what=Import.What.SAMPLES),
)


def ensure_demo(owner: User | None = None) -> Project | None:
    """Create the demonstration project and start curating it; None, and nothing done, when that has happened.

    It belongs to `owner`, or else to the first site admin; without either there is none. Every step looks first whether it was done, so a start
    that was killed halfway is taken up by the next; a project that somebody put away stays away.
    """
    project = Project.objects.filter(slug=SLUG).first()
    if project and (project.archived_at or project.jobs.filter(lane=LANE).exists()):
        return None
    owner = owner or User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if owner is None:
        return None
    project = project or _create(owner)
    for shelf in SHELVES:
        _import(project, shelf, owner)
    # In the order in which there is something in them.
    made = {kind: _queue(project, kind, owner) for kind in reversed(Queue.Kind)}
    queues.fill(made[Queue.Kind.SAMPLES], queues.Filling(), owner)
    with transaction.atomic():
        job = start_curation(project, owner)
        job.then = [*job.then, LAST_STEP.name]
        job.save(update_fields=["then"])
    return project


def _create(owner: User) -> Project:
    project = projects.create_project(
        "Demonstration",
        owner,
        slug=SLUG,
        description=DESCRIPTION,
        guidelines=(HERE / "guidelines.md").read_text(encoding="utf-8"),
    )
    projects.change_knobs(project, owner, KNOBS)
    return project


def _import(project: Project, shelf: Shelf, owner: User) -> None:
    """Read one folder into its source, here and now."""
    source = imports.find_or_create_source(
        project, shelf.name, owner, kind=shelf.kind, licence=LICENCE, address=shelf.address
    )
    started = Import.objects.filter(source=source).exclude(job=None).first()
    if started and started.job:
        drain(started.job)
        return
    files = [
        (path.name, imports.keep_path(path))
        for path in sorted((MATERIAL / shelf.folder).iterdir())
        if path.is_file()
    ]
    batch = imports.draft_import(source, files, owner, mapping=shelf.mapping, what=shelf.what)
    drain(imports.start_import(batch, owner))


def _queue(project: Project, kind: str, owner: User) -> Queue:
    """One queue of each kind, called after it, with as many decisions as the project's knobs ask for."""
    name = Queue.Kind(kind).label
    there = Queue.objects.filter(project=project, name=name).first()
    wanted = getattr(project.settings, f"{kind}_decisions")
    return there or queues.create_queue(project, owner, kind=kind, name=name, wanted=wanted)

"""Projects: creating one, its settings and knobs, archiving and restoring. Sources and queues are put away alike."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from curation.actions import thresholds
from curation.models import Activity, Document, Job, Membership, Project, Role, User
from curation.recipe.knobs import differing, knobs_from

LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(-[a-z]{2,4})?", re.IGNORECASE)
MOST_GUIDELINES = 100_000  # characters


class ProjectError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


def create_project(
    name: str,
    by: User | None,
    *,
    slug: str = "",
    description: str = "",
    languages: list[str] | None = None,
    guidelines: str = "",
) -> Project:
    """Make a project; whoever makes it becomes its manager. Raises ProjectError when the name or address is taken."""
    name = name.strip()[:120]
    if not name:
        raise ProjectError("Give the project a name.")
    slug = slugify(slug or name)[:60].strip("-")
    if not slug:
        raise ProjectError("Write an address for the project in letters and digits, for example web-pages.")
    try:
        with transaction.atomic():
            project = Project.objects.create(
                name=name,
                slug=slug,
                description=description.strip()[:400],
                guidelines=_guidelines(guidelines),
                languages=clean_languages(languages or []),
                created_by=by,
            )
            if by is not None:
                Membership.objects.create(project=project, user=by, role=Role.MANAGER)
            _note(project, by, "created the project", name)
    except IntegrityError:
        raise ProjectError(f"Another project has the address {slug}. Choose another.") from None
    return project


def change_project(
    project: Project, by: User, *, name: str, description: str, guidelines: str, languages: list[str]
) -> list[str]:
    """Write what a project says of itself; returns the names of what changed. Its address stays: links go on working."""
    wanted = {
        "name": name.strip()[:120],
        "description": description.strip()[:400],
        "guidelines": _guidelines(guidelines),
        "languages": clean_languages(languages),
    }
    if not wanted["name"]:
        raise ProjectError("Give the project a name.")
    changed = [field for field, value in wanted.items() if getattr(project, field) != value]
    if changed:
        for field in changed:
            setattr(project, field, wanted[field])
        with transaction.atomic():
            project.save(update_fields=changed)
            _note(project, by, "changed the project", ", ".join(changed))
    return changed


def change_knobs(project: Project, by: User, values: dict[str, Any]) -> list[str]:
    """Move the project's knobs; returns the names of what changed.

    Those by which people work are stored at once; so are the thresholds of a project without documents. Where there is something
    to judge, thresholds move as one event, by a job (`actions.thresholds`). A knob that goes back to our default is no longer
    stored, so it follows when we find a better one. Raises ProjectError: a value out of range, another change under way.
    """
    try:
        wanted = asdict(knobs_from({**project.knobs, **values}))
    except ValueError as error:
        raise ProjectError(str(error)) from None
    before = asdict(project.settings)
    changed = {name: value for name, value in wanted.items() if before[name] != value}
    judging = {name: value for name, value in changed.items() if name in thresholds.JUDGING}
    if not Document.objects.filter(project=project).exists():
        judging = {}
    with transaction.atomic():
        _store(project, by, {name: value for name, value in changed.items() if name not in judging})
        if judging:
            try:
                thresholds.apply(project, judging, by)
            except thresholds.ThresholdError as error:
                raise ProjectError(str(error)) from None
    return list(changed)


def _store(project: Project, by: User, changed: dict[str, Any]) -> None:
    before = asdict(project.settings)
    stored = differing(knobs_from({**before, **changed}))
    if stored != project.knobs:
        project.knobs = stored
        project.save(update_fields=["knobs"])
    if changed:
        told = {name: [before[name], value] for name, value in changed.items()}
        _note(project, by, "changed settings", ", ".join(changed), **told)


def clean_languages(codes: list[str]) -> list[str]:
    """Language codes in the order given, each once, in lower case. Raises ProjectError naming one that is none."""
    found: list[str] = []
    for code in codes:
        code = code.strip().lower()
        if not code:
            continue
        if len(code) > 8 or not LANGUAGE_CODE.fullmatch(code):
            raise ProjectError(f"{code!r} is not a language code. Write codes like en, de, zh.")
        if code not in found:
            found.append(code)
    return found


def archive_project(project: Project, by: User) -> None:
    """Put a project away: it can be read, and nothing in it changes until it is restored. Refused while a job runs."""
    running = Job.objects.active().filter(project=project).count()
    if running:
        raise ProjectError(
            f"{running} {'job runs' if running == 1 else 'jobs run'} in it. Wait or cancel first."
        )
    _set_archived(project, by, True)


def restore_project(project: Project, by: User) -> None:
    """Take an archived project back into use."""
    _set_archived(project, by, False)


def _set_archived(project: Project, by: User, archived: bool) -> None:
    """By what it should be, not by toggling: a double click changes nothing."""
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=project.pk)
        if (project.archived_at is not None) == archived:
            return
        project.archived_at = timezone.now() if archived else None
        project.save(update_fields=["archived_at"])
        _note(project, by, "archived the project" if archived else "restored the project", project.name)


def _guidelines(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if len(text) > MOST_GUIDELINES:
        raise ProjectError(f"The guidelines are longer than {MOST_GUIDELINES:,} characters.")
    return text


def _note(project: Project, by: User | None, verb: str, subject: str, **details: Any) -> None:
    Activity.objects.create(project=project, actor=by, verb=verb, subject=subject[:300], details=details)

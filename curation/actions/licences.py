"""Which licences go on: the names that a project accepts, and the sources that a manager takes whatever their licence is.

Both are moved by the same events as thresholds (`actions.thresholds`), so that what they would do is shown first, a job judges,
and they can be undone. A change names them `licence:MIT` (`licence:` for none stated) and `source:UUID`; 1 accepts, None
takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from curation.models import Project, Source

LICENCE = "licence:"
SOURCE = "source:"
NAME = 80  # characters


class UnknownSource(Exception):
    """A source that is not one of the project's."""


def is_one(name: str) -> bool:
    return name.startswith((LICENCE, SOURCE))


def values(project: Project) -> dict[str, float | None]:
    """What is accepted now."""
    taken = project.sources.filter(any_licence=True).values_list("uuid", flat=True)
    accepted: dict[str, float | None] = {f"{LICENCE}{name}": 1.0 for name in project.accepted_licences}
    return accepted | {f"{SOURCE}{one}": 1.0 for one in taken}


def checked(project: Project, name: str, value: Any) -> float | None:
    """Raises UnknownSource."""
    if name.startswith(SOURCE) and _source(project, name) is None:
        raise UnknownSource(f"{name!r} is no source of this project.")
    return 1.0 if value else None


def proposed(project: Project, changes: Mapping[str, float | None]) -> dict[str, list[Any]]:
    """What the queries that judge ask for: `licences` in the form they compare, and `licensed_sources` by their keys."""
    after = {**values(project), **{name: value for name, value in changes.items() if is_one(name)}}
    accepted = [
        name.removeprefix(LICENCE) for name, value in after.items() if value and name.startswith(LICENCE)
    ]
    uuids = [name.removeprefix(SOURCE) for name, value in after.items() if value and name.startswith(SOURCE)]
    return {
        "licences": [name.lower().replace(" ", "-") for name in accepted],
        "licensed_sources": list(project.sources.filter(uuid__in=uuids).values_list("pk", flat=True)),
    }


def store(project: Project, changes: Mapping[str, float | None]) -> None:
    """Write what a change says. Within the transaction that applies it; saves the project's list."""
    accepted = set(project.accepted_licences)
    for name, value in changes.items():
        if name.startswith(LICENCE):
            (accepted.add if value else accepted.discard)(name.removeprefix(LICENCE)[:NAME])
        elif name.startswith(SOURCE) and (source := _source(project, name)) is not None:
            source.any_licence = bool(value)
            source.save(update_fields=["any_licence"])
    if accepted != set(project.accepted_licences):
        project.accepted_licences = sorted(accepted)
        project.save(update_fields=["accepted_licences"])


def title(name: str) -> str:
    if name.startswith(LICENCE):
        return f"Licence: {name.removeprefix(LICENCE) or 'none stated'}"
    uuid = _uuid(name)
    source = Source.objects.filter(uuid=uuid).first() if uuid else None
    return f"Any licence: {source.name if source else 'a source'}"


def _source(project: Project, name: str) -> Source | None:
    uuid = _uuid(name)
    return project.sources.filter(uuid=uuid).first() if uuid else None


def _uuid(name: str) -> UUID | None:
    try:
        return UUID(name.removeprefix(SOURCE))
    except ValueError:
        return None

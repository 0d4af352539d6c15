"""`./manage.py export PROJECT`: freeze what is approved and write it into a folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.actions.snapshots import ExportError, NothingToExport, create_snapshot, folder_of
from curation.jobs.run import drain
from curation.management.commands.curate import Line, Workers
from curation.models import Job, Project, Snapshot
from curation.recipe.export.filters import FilterError
from curation.recipe.export.formats import FORMATS
from curation.recipe.export.manifest import NAME, ROWS_NAME
from curation.recipe.export.schemas import SCHEMAS
from curation.studio.preparation import alone, migrate

NOTHING = 3


class Command(BaseCommand):
    """Leaves the writing to a running studio's workers, does it itself where there are none; then copies the files."""

    help = (
        "Export the approved rows of PROJECT as a frozen snapshot into the folder DIR: shards, the list of rows and a "
        "manifest with checksums (docs/export-schemas.md). An earlier export of the same kind in DIR is replaced. Prints "
        "JSON: snapshot, rows, files (the shards), manifest, left_out. Exits with status 3 and writes nothing when no "
        "row is approved."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's address, for example web-pages")
        parser.add_argument("--what", required=True, choices=list(SCHEMAS), help="kind of rows")
        parser.add_argument("--format", choices=list(FORMATS), default="jsonl", help="default: jsonl")
        parser.add_argument(
            "--out", required=True, type=Path, metavar="DIR", help="made when it is not there"
        )
        parser.add_argument(
            "--filter",
            nargs="+",
            action="extend",
            default=[],
            metavar="NAME=VALUE",
            help="for example language=en,de min_reasoning=3 since=2025-03-01",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with alone():
            migrate()
        project = self._project(options["project"])
        folder = self._folder(options)
        try:
            filters = dict(_pair(given) for given in options["filter"])
            snapshot = create_snapshot(project, options["what"], options["format"], filters, None)
        except NothingToExport as error:
            self._print(
                {"snapshot": None, "rows": 0, "files": [], "manifest": None, "left_out": error.left_out}
            )
            raise CommandError(str(error), returncode=NOTHING) from None
        except (ExportError, FilterError) as error:
            raise CommandError(str(error)) from None
        assert snapshot.job is not None
        last = drain(snapshot.job, Line(), Workers())
        if last.state != Job.State.DONE:
            raise CommandError(f"The export was not finished. {last.reason}")
        snapshot.refresh_from_db()
        _clear(folder)
        files = _fetched(snapshot, folder)
        self._print(
            {
                "snapshot": str(snapshot.uuid),
                "rows": snapshot.rows,
                "files": files,
                "manifest": str(folder / NAME),
                "left_out": snapshot.left_out,
            }
        )

    def _print(self, said: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(said, ensure_ascii=False, indent=2))

    def _project(self, slug: str) -> Project:
        project = Project.objects.filter(slug=slug).first()
        if project is None:
            known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"No project has the address {slug!r}. There are: {known}.")
        return project

    def _folder(self, options: dict[str, Any]) -> Path:
        """Made now, so that a wrong path is found before the work; a folder below it where another kind's export lies."""
        folder: Path = options["out"]
        there = _manifest(folder)
        if there and (there.get("what"), there.get("format")) != (options["what"], options["format"]):
            folder = folder / f"{options['what']}-{options['format']}"
            self.stderr.write(f"Another export lies in {options['out']}; this one goes to {folder}.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(
                f"{folder} cannot be made: {(error.strerror or str(error)).lower()}."
            ) from None
        return folder


def _manifest(folder: Path) -> dict[str, Any]:
    """What the export in a folder says of itself; nothing where there is none."""
    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and "snapshot" in found else {}


def _clear(folder: Path) -> None:
    """Remove the files that the earlier export's manifest names, so that none of them is taken for the new one's."""
    there = _manifest(folder)
    if not there:
        return
    (folder / NAME).unlink()
    for file in [*there.get("files", []), there.get("rows_file", {})]:
        if name := file.get("name"):
            (folder / Path(name).name).unlink(missing_ok=True)


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals:
        raise FilterError(f"A filter is written NAME=VALUE, for example language=en; got {given!r}.")
    return name.strip(), value


def _fetched(snapshot: Snapshot, folder: Path) -> list[str]:
    """Copy the snapshot's files, check what arrived, the manifest last; returns the paths of the shards."""
    shards = []
    for file in snapshot.files.all():
        target = folder / file.name
        shutil.copyfile(folder_of(snapshot) / file.name, target)
        with target.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != file.sha256:
                raise CommandError(f"{target} is damaged: it does not match its checksum. Look at the disk.")
        if file.name != ROWS_NAME:
            shards.append(str(target))
    shutil.copyfile(folder_of(snapshot) / NAME, folder / NAME)
    return shards

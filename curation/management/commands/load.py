"""`./manage.py load PROJECT PATH…`: import files and folders into a project, from the command line."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.actions.imports import (
    Arrived,
    ImportRefused,
    draft_import,
    fetch_files,
    find_or_create_source,
    keep_path,
    report,
    start_import,
)
from curation.actions.projects import ProjectError, create_project
from curation.actions.samples import holds_samples
from curation.jobs.run import drain
from curation.models import Import, Job, Project, RejectedRow, Source
from curation.recipe.ingest.fetch import is_address
from curation.recipe.ingest.folders import Found, files_of
from curation.recipe.ingest.found import BadRow
from curation.recipe.ingest.readers import kinds
from curation.studio.preparation import alone, migrate

SHOWN_REASONS = 1_000


class Command(BaseCommand):
    """Prints one JSON object: documents (or samples), duplicates, rejected, rejected_reasons, rows."""

    help = (
        f"Import files, folders and addresses ({kinds()}; plain, compressed, in ZIP or TAR) into a project. "
        " Works beside a running studio and without one. Prints JSON: "
        "rows = documents + duplicates + rejected."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's address, for example web-pages")
        parser.add_argument(
            "paths",
            nargs="+",
            help="files, folders, which are walked in sorted order, or addresses (https://, s3://)",
        )
        parser.add_argument("--create", action="store_true", help="create the project when there is none")
        parser.add_argument(
            "--source", default="", help="name of the source (default: the first path's name)"
        )
        parser.add_argument(
            "--kind", choices=Source.Kind.values, default=Source.Kind.WEB, help="kind of the source"
        )
        parser.add_argument("--licence", default="", help="SPDX identifier, for example CC-BY-4.0")
        parser.add_argument("--address", default="", help="where the source is found on the web")
        parser.add_argument(
            "--samples",
            action="store_true",
            help="read the rows as generated samples with their chain (docs/sample-schema.md), as they are in any "
            "case with --kind synthetic when the first row has messages, steps or verdicts",
        )
        parser.add_argument(
            "--map",
            nargs="+",
            action="extend",
            default=[],
            metavar="FIELD=COLUMN",
            help="fields text, markdown, html, title, address, licence; guessed from the names when not given",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with alone():
            migrate()
        given = list(map(str, options["paths"]))
        addresses = list(filter(is_address, given))
        paths = [Path(path) for path in given if not is_address(path)]
        found = list(files_of(paths))
        refused = [entry for entry in found if isinstance(entry, BadRow)]
        files = [entry for entry in found if isinstance(entry, Found)]
        if not files and not addresses:
            raise CommandError("There is no file to import: " + _listed(refused, given))
        try:
            project = self._project(options["project"], options["create"])
            name = options["source"] or (paths[0].resolve().name if paths else urlsplit(addresses[0]).netloc)
            address = options["address"] or (addresses[0] if len(addresses) == 1 and not paths else "")
            with tempfile.TemporaryDirectory(prefix="seedbed-load-") as folder:
                stored = fetch_files(addresses, Path(folder), by_operator=True)
            source = find_or_create_source(project, name, None, options["kind"], options["licence"], address)
            stored = [*[Arrived(file.name, keep_path(file.path)) for file in files], *stored]
            samples = options["samples"] or (
                options["kind"] == Source.Kind.SYNTHETIC and any(holds_samples(file.path) for file in files)
            )
            what = Import.What.SAMPLES if samples else Import.What.DOCUMENTS
            batch = draft_import(source, stored, None, options["map"], what)
            # Before it starts: a worker of a running studio may finish it, and count, at once.
            RejectedRow.objects.bulk_create(
                [RejectedRow(batch=batch, file=entry.file, reason=entry.reason) for entry in refused],
                ignore_conflicts=True,
            )
            job = start_import(batch, None)
        except (ImportRefused, ProjectError, OSError) as error:
            raise CommandError(str(error)) from error
        last = drain(job, self._progress)
        batch.refresh_from_db()
        outcome = _outcome(batch)
        self.stdout.write(json.dumps(outcome, ensure_ascii=False, indent=2))
        if last.state != Job.State.DONE:
            raise CommandError(f"The import did not finish. {last.reason}")
        if not outcome["rows"]:
            raise CommandError("Nothing was imported: the files hold no rows.")
        if not outcome[batch.what] and not outcome["duplicates"]:
            raise CommandError(f"Nothing was imported: all {outcome['rejected']:,} rows were rejected.")

    def _project(self, slug: str, create: bool) -> Project:
        project = Project.objects.filter(slug=slug).first()
        if project is None and create:
            return create_project(slug.replace("-", " ").capitalize(), None, slug=slug)
        if project is None:
            raise CommandError(f"There is no project {slug!r}. Add --create to make it.")
        return project

    def _progress(self, job: Job) -> None:
        progress = job.progress()
        if progress.total and sys.stderr.isatty():
            self.stderr.write(f"{progress.done:,} of {progress.total:,} kB read", ending="\r")


def _listed(refused: list[BadRow], paths: list[str]) -> str:
    if refused:
        return " ".join(entry.reason for entry in refused[:5])
    return f"{', '.join(paths[:5])} holds none."


def _outcome(batch: Import) -> dict[str, Any]:
    rejected = batch.rejected_rows.order_by("pk")[:SHOWN_REASONS]
    counts = report(batch)
    return {
        "import": str(batch.uuid),
        batch.what: counts["documents"],
        "duplicates": counts["duplicates"],
        "rejected": counts["rejected"],
        "rejected_reasons": [
            {
                "file": f"{row.file} › {row.member}" if row.member else row.file,
                "row": row.row,
                "reason": row.reason,
            }
            for row in rejected
        ],
        "rows": counts["rows"],
    }

"""`./manage.py extract PATH…`: make text of files and print it, without a project and without a database."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.actions.imports import fetching_rules
from curation.recipe.ingest.arrival import Arrival
from curation.recipe.ingest.fetch import FetchRefused, fetch, is_address
from curation.recipe.ingest.folders import Found, files_of
from curation.recipe.ingest.found import BadRow
from curation.recipe.ingest.mapping import MappingError, read_mapping
from curation.recipe.ingest.outcomes import outcomes
from curation.recipe.ingest.pool import Pool
from curation.recipe.reasons import REASONS

STDIN = "-"


class Command(BaseCommand):
    """Prints one JSON line per document, in the order of the files; ends with status 1 when none became text."""

    help = (
        "Make text of files, folders and archives as an import would, and print one JSON line per document: path, text, "
        "title, language, page type, extractor, what was cut and why; or the reason why there is no text. Needs no "
        "database and stores nothing. - reads standard input. Ends with status 1 when nothing became text."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "paths", nargs="+", metavar="PATH", help="files, folders or addresses; - is standard input"
        )
        parser.add_argument(
            "--name",
            default="stdin",
            help="the name that standard input goes by: its ending chooses the reader",
        )
        parser.add_argument(
            "--children", type=int, default=min(4, os.cpu_count() or 1), help="extracted at once"
        )
        parser.add_argument(
            "--map",
            nargs="+",
            action="extend",
            default=[],
            metavar="FIELD=COLUMN",
            help="which column of a table is what, as for load",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            mapping = read_mapping(options["map"])
        except MappingError as error:
            raise CommandError(str(error)) from error
        out = sys.stdout.buffer if self.stdout._out is sys.stdout else None  # type: ignore[attr-defined]
        counts: dict[str, int] = {}
        with (
            Pool(options["children"]) as pool,
            tempfile.TemporaryDirectory(prefix="seedbed-extract-") as folder,
        ):
            for outcome in outcomes(_files(options["paths"], options["name"], Path(folder)), pool, mapping):
                counts[outcome.left_out] = counts.get(outcome.left_out, 0) + 1
                line = orjson.dumps(outcome.as_dict(), option=orjson.OPT_APPEND_NEWLINE)
                if out is not None:
                    out.write(line)
                else:
                    self.stdout.write(line.decode(), ending="")
        if not counts.get(""):
            raise CommandError(_nothing(counts))


def _files(paths: list[str], name: str, folder: Path) -> Iterator[Found | BadRow]:
    """Standard input is kept in a file while it is read, as what is fetched is: archives and tables are read from their end."""
    for path in paths:
        if path == STDIN:
            kept = folder / "stdin"
            with open(kept, "wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
            yield Found(kept, name, STDIN)
        elif is_address(path):
            try:
                one = fetch(path, folder, fetching_rules(by_operator=True))
            except FetchRefused as error:
                yield BadRow(path, "", 0, str(error))
            else:
                yield Found(one.path, one.name, path, Arrival(one.address, one.charset))
        else:
            yield from files_of([Path(path)])


def _nothing(counts: dict[str, int]) -> str:
    if not counts:
        return "Nothing was extracted: there is no file."
    why = ", ".join(
        f"{count:,} {REASONS[key].title.lower() if key in REASONS else key}"
        for key, count in sorted(counts.items())
    )
    return f"Nothing became text: {why}."

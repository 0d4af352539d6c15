"""`./manage.py map PROJECT`: the picture of a project, drawn anew."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.actions import maps
from curation.jobs.run import drain, kind_of
from curation.management.commands.curate import Line, Workers
from curation.management.commands.scorers import project_at
from curation.models import Job, ProjectMap


class Command(BaseCommand):
    """Leaves the work to a running studio's workers; does it itself where there are none."""

    help = (
        "Draw the map of PROJECT anew, starting from the one before. Prints JSON: the map's id, passages on it, passages left aside "
        "because there are more than a map can show, names of its largest regions."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's address, for example web-pages")
        parser.add_argument(
            "--with-left-out",
            action="store_true",
            help="also show what was left out for its scores or as a near duplicate",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_at(options["project"])
        try:
            job = maps.draw(project, None, with_left_out=options["with_left_out"])
        except maps.MapError as error:
            raise CommandError(str(error)) from None
        job = drain(job, Line(), Workers())
        if job.state != Job.State.DONE:
            raise CommandError(f"{kind_of(job).title} was not finished. {job.reason}")
        drawn = ProjectMap.objects.light().get(project=project)
        named = [" ".join(region["words"]) for region in drawn.regions if not region["level"]]
        said = {"map": str(drawn.uuid), "passages": drawn.count, "left_aside": drawn.left_aside}
        self.stdout.write(json.dumps({**said, "regions": named}, ensure_ascii=False, indent=2))

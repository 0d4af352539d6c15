"""`./manage.py scorers PROJECT`: the versions of each rubric, and which speaks; `--activate` and `--roll-back` change that."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.actions import scorers
from curation.jobs.run import drain, kind_of
from curation.management.commands.curate import Line, Workers
from curation.models import Job, Project, Rubric, labelled


class Command(BaseCommand):
    help = (
        "Print the versions of each rubric's scorer in PROJECT as JSON: name, labels, figures on held-out labels, which one speaks. "
        "With --activate RUBRIC VERSION or --roll-back RUBRIC another one speaks first, once everything has its score."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's address, for example web-pages")
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--activate", nargs=2, metavar=("RUBRIC", "VERSION"), help="for example factual head-2"
        )
        what.add_argument("--roll-back", metavar="RUBRIC", help="to the version that spoke before")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_at(options["project"])
        try:
            if options["activate"]:
                key, version = options["activate"]
                self._finish(
                    scorers.activate(project, scorers.named(project, rubric_of(project, key), version), None)
                )
            elif options["roll_back"]:
                self._finish(scorers.roll_back(project, rubric_of(project, options["roll_back"]), None))
        except scorers.ScorerError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(json.dumps(scorers.listed(project), ensure_ascii=False, indent=2))

    def _finish(self, job: Job) -> None:
        last = drain(job, Line(), Workers())
        if last.state != Job.State.DONE:
            raise CommandError(f"{kind_of(last).title} was not finished. {last.reason}")


def project_at(slug: str) -> Project:
    """The project at an address. Raises CommandError naming those there are."""
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"No project has the address {slug!r}. There are: {known}.")
    return project


def rubric_of(project: Project, key: str) -> Rubric:
    """A rubric by its key, the project's own before ours. Raises CommandError naming those there are."""
    scorers.ensure_rubrics()
    known = labelled.rubrics(project)
    found = known.filter(key=key).order_by("project_id").first()
    if found is None:
        raise CommandError(
            f"There is no rubric {key!r}. There are: {', '.join(known.values_list('key', flat=True))}."
        )
    return found

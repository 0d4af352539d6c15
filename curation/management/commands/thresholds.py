"""`./manage.py thresholds PROJECT NAME=VALUE …`: what moving thresholds would do; `--apply` does it, `--undo` takes it back."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.actions import thresholds
from curation.jobs.run import drain, kind_of
from curation.management.commands.curate import Line, Workers
from curation.management.commands.scorers import project_at
from curation.models import Job, KnobChange, Project


class Command(BaseCommand):
    help = (
        "Without changes: print PROJECT's thresholds as JSON. With NAME=VALUE (min_factual=3, topic:arts=1.8, topic:arts=none): print "
        "what moving them would do, and write nothing; --apply moves them. --undo CHANGE takes an earlier change back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's address, for example web-pages")
        parser.add_argument("changes", nargs="*", metavar="NAME=VALUE")
        parser.add_argument("--apply", action="store_true", help="move them")
        parser.add_argument("--undo", metavar="CHANGE", help="the change's id, as --apply printed it")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_at(options["project"])
        try:
            said = self._said(project, options)
        except thresholds.ThresholdError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(json.dumps(said, ensure_ascii=False, indent=2))

    def _said(self, project: Project, options: dict[str, Any]) -> dict[str, Any]:
        if options["undo"]:
            return self._finish(thresholds.undo(_change(project, options["undo"]), None))
        changes = dict(map(_pair, options["changes"]))
        if not changes:
            return thresholds.values(project)
        if options["apply"]:
            return self._finish(thresholds.apply(project, changes, None))
        return thresholds.effect(project, changes).as_dict()

    def _finish(self, change: KnobChange) -> dict[str, Any]:
        assert change.job is not None
        last = drain(change.job, Line(), Workers())
        if last.state != Job.State.DONE:
            raise CommandError(f"{kind_of(last).title} was not finished. {last.reason}")
        change.refresh_from_db()
        return {
            "change": str(change.uuid),
            "before": change.before,
            "after": change.after,
            "counts": change.counts,
        }


def _pair(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals:
        raise CommandError(f"A change is written NAME=VALUE, for example min_factual=3; got {given!r}.")
    return name.strip(), None if value.strip().lower() == "none" else value.strip()


def _change(project: Project, uuid: str) -> KnobChange:
    try:
        found = KnobChange.objects.filter(project=project, uuid=uuid).first()
    except ValidationError:
        found = None
    if found is None:
        raise CommandError(f"The project has no change of thresholds {uuid!r}.")
    return found

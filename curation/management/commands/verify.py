"""`./manage.py verify PROJECT`: verdicts on samples, by checks that ask nobody and by a language model within a budget."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.actions import verifying
from curation.actions.asking import AskingError
from curation.actions.verifying import Chosen
from curation.jobs.run import drain, kind_of
from curation.management.commands.annotate import budget, endpoint_of
from curation.management.commands.curate import Line, Workers
from curation.management.commands.scorers import project_at
from curation.models import Job, Project, Run
from curation.recipe.verify.examine import CHECKS


class Command(BaseCommand):
    """Leaves the work to a running studio's workers; does it itself where there are none."""

    help = (
        "Verify the samples of PROJECT: run their code, compare their answers, check their instructions, and with --judge ask a language model. "
        "Prints JSON: verdicts by kind and outcome. Those that were verified so already are left out, unless --again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's address, for example web-pages")
        parser.add_argument(
            "--check", action="append", default=[], choices=list(CHECKS), help="may be repeated; all of them by default, unless --judge"
        )  # fmt: skip
        parser.add_argument("--judge", metavar="ENDPOINT", default="", help="name of a model that judges too")
        parser.add_argument(
            "--budget", default="", help="of the judge, at most so much: 200000 is tokens, 1.50m is money"
        )
        parser.add_argument("--estimate", action="store_true", help="only say what the judge would come to")
        parser.add_argument("--source", default="", help="only of the source of this name")
        parser.add_argument("--run", default="", help="only of the run of this name")
        parser.add_argument("--workflow", default="", help="only of this workflow")
        parser.add_argument(
            "--sample", action="append", default=[], type=UUID, help="a sample's id; may be repeated"
        )
        parser.add_argument("--again", action="store_true", help="also those that were verified so already")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_at(options["project"])
        endpoint = endpoint_of(project, options["judge"]) if options["judge"] else None
        chosen = _chosen(project, options)
        try:
            if options["estimate"]:
                if endpoint is None:
                    raise CommandError("Only a judge costs anything. Name one with --judge.")
                told = verifying.estimate(project, endpoint, chosen)
                names = ("texts", "tokens_in", "tokens_out", "money", "basis")
                self._say({name: getattr(told, name) for name in names})
                return
            tokens, money = budget(options["budget"]) if endpoint else (None, None)
            jobs = verifying.start(
                project,
                None,
                chosen,
                checks=options["check"] or ([] if endpoint else list(CHECKS)),
                endpoint=endpoint,
                budget_tokens=tokens,
                budget_money=money,
            )
        except AskingError as error:
            raise CommandError(str(error)) from None
        self._say([self._ended(job) for job in jobs])

    def _ended(self, job: Job) -> dict[str, Any]:
        job = drain(job, Line(), Workers())
        if job.state != Job.State.DONE:
            raise CommandError(f"{kind_of(job).title} was not finished. {job.reason}")
        result: dict[str, Any] = job.result
        return result

    def _say(self, said: Any) -> None:
        self.stdout.write(json.dumps(said, ensure_ascii=False, indent=2))


def _chosen(project: Project, options: dict[str, Any]) -> Chosen:
    source = project.sources.filter(name=options["source"]).first() if options["source"] else None
    run = Run.objects.filter(project=project, name=options["run"]).first() if options["run"] else None
    for what, found in (("source", source), ("run", run)):
        if options[what] and found is None:
            raise CommandError(f"{project} has no {what} called {options[what]!r}.")
    return Chosen(
        sources=(source.pk,) if source else (),
        run=run.pk if run else None,
        workflow=options["workflow"],
        samples=tuple(str(one) for one in options["sample"]),
        again=options["again"],
    )

"""`./manage.py train PROJECT RUBRIC`: a new version of a rubric's scorer, and everything that follows from it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.actions import scorers
from curation.jobs.run import drain, kind_of
from curation.management.commands.curate import Line, Workers
from curation.management.commands.scorers import project_at, rubric_of
from curation.models import Job, Scorer


class Command(BaseCommand):
    """Leaves the work to a running studio's workers; does it itself where there are none."""

    help = (
        "Train a new version of RUBRIC's scorer on what people settled, and activate it if it is not worse than the present one on "
        "labels that neither has learnt from. Prints JSON: scorer, labels, figures, activated, why."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's address, for example web-pages")
        parser.add_argument("rubric", help="the rubric's key, for example factual")
        parser.add_argument(
            "--annotators",
            nargs="+",
            default=[],
            metavar="NAME",
            help="also learn from the labels of these annotators, where people said nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_at(options["project"])
        rubric = rubric_of(project, options["rubric"])
        try:
            job = scorers.train(project, rubric, None, annotators=options["annotators"])
        except scorers.ScorerError as error:
            raise CommandError(str(error)) from None
        job = drain(job, Line(), Workers())
        if job.state != Job.State.DONE:
            raise CommandError(f"{kind_of(job).title} was not finished. {job.reason}")
        if activation := scorers.pending(project, rubric):
            last = drain(activation, Line(), Workers())
            if last.state != Job.State.DONE:
                raise CommandError(f"{kind_of(last).title} was not finished. {last.reason}")
        scorer = Scorer.objects.get(job=job)
        figures = {name: scorer.figures[name] for name in ("n", "auc", "spearman", "f1", "mae", "caution")}
        said = {"scorer": str(scorer), "labels": scorer.training["labels"], "figures": figures}
        said |= {name: job.result[name] for name in ("activated", "why")}
        self.stdout.write(json.dumps(said, ensure_ascii=False, indent=2))

"""`./manage.py generate PROJECT WORKFLOW`: a run from the command line, within a budget."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.actions import runs
from curation.actions.prompts import PromptOutdated
from curation.jobs.kinds.generate import result_of
from curation.jobs.run import drain
from curation.management.commands.annotate import budget, endpoint_of
from curation.management.commands.curate import Line, Workers
from curation.management.commands.scorers import project_at
from curation.models import Job, Run, run_progress
from curation.recipe.generate.workflows import WORKFLOWS


class Command(BaseCommand):
    """Leaves the work to a running studio's workers; does it itself where there are none."""

    help = (
        "Let a language model make samples of PROJECT's seeds by WORKFLOW, exactly as many as wanted. Prints JSON: accepted, candidates, "
        "calls, tokens, cost, and where candidates were lost. With --pilot it tries some seeds and prints what the whole would come to."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's address, for example web-pages")
        parser.add_argument("workflow", choices=list(WORKFLOWS))
        parser.add_argument("--target", type=int, default=100, help="samples to accept; 100 by default")
        parser.add_argument("--name", default="", help="the next free one when it is left out")
        parser.add_argument(
            "--endpoint", default="", help="its name; may be left out where there is only one"
        )
        parser.add_argument("--judge", default="", help="name of the endpoint that judges; none by default")
        parser.add_argument("--any-seed", action="store_true", help="seeds that nobody has reviewed too")
        parser.add_argument("--take", type=int, default=0, help="seeds, drawn at random; all by default")
        parser.add_argument("--pilot", type=int, default=0, help="only try so many seeds, and say what the whole would come to")  # fmt: skip
        parser.add_argument("--require", action="append", default=[], choices=list(runs.VERDICTS), help="a verdict that has to pass; may be given several times")  # fmt: skip
        parser.add_argument("--by-people", action="store_true", help="people decide; without it the required verdicts do")  # fmt: skip
        parser.add_argument("--draw", type=int, default=1, help="seed of chance")
        parser.add_argument(
            "--budget",
            default="",
            help="at most so much: 200000 is tokens, 1.50m is money in the endpoint's currency",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_at(options["project"])
        tokens, money = budget(options["budget"])
        try:
            run = runs.create(
                project,
                None,
                runs.Wanted(
                    name=options["name"] or runs.free_name(project),
                    workflow=options["workflow"],
                    endpoint=endpoint_of(project, options["endpoint"]),
                    target=options["target"],
                    budget_tokens=tokens,
                    budget_money=money,
                    choice=runs.Choice(state="" if options["any_seed"] else "approved", take=options["take"]),
                    pilot=options["pilot"],
                    accepting=Run.Accepting.PEOPLE if options["by_people"] else Run.Accepting.VERDICTS,
                    required=tuple(options["require"]),
                    judge=endpoint_of(project, options["judge"]) if options["judge"] else None,
                    draw=options["draw"],
                ),
            )
        except (runs.RunError, PromptOutdated) as error:
            raise CommandError(str(error)) from None
        job = drain(run.job, Line(), Workers())
        run.refresh_from_db()
        if job.state != Job.State.DONE:
            raise CommandError(f"The run was not finished. {job.reason}")
        self.stdout.write(json.dumps(_said(run), ensure_ascii=False, indent=2))


def _said(run: Run) -> dict[str, Any]:
    said = {"run": str(run.uuid), "state": run.standing, **result_of(run), "lost": run_progress.lost(run)}
    if run.phase == Run.Phase.PILOT and (told := run_progress.estimate(run)):
        said["whole"] = {
            "samples_per_candidate": [round(one, 3) for one in told.each],
            "candidates": told.candidates,
            "calls": told.calls,
            "tokens": told.tokens,
            "money": told.money and [None if one is None else round(float(one), 4) for one in told.money],
        }
    return said

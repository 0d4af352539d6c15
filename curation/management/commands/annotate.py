"""`./manage.py annotate PROJECT RUBRIC`: let a language model rate texts by a rubric, within a budget."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.actions import annotating, asking, endpoints
from curation.jobs.run import drain, kind_of
from curation.management.commands.curate import Line, Workers
from curation.management.commands.scorers import project_at, rubric_of
from curation.models import Endpoint, Job, Project


class Command(BaseCommand):
    """Leaves the work to a running studio's workers; does it itself where there are none."""

    help = (
        "Let a language model rate texts of PROJECT by RUBRIC. Its labels are kept apart from people's. Prints JSON: who "
        "answered, labels, failures by name, calls, tokens, cost. With --estimate it asks nothing and prints what it would cost."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's address, for example web-pages")
        parser.add_argument("rubric", help="the rubric's key, for example factual")
        parser.add_argument(
            "--endpoint", default="", help="its name; may be left out where there is only one"
        )
        parser.add_argument(
            "--which", choices=list(annotating.WHICH), default="rated", help="which texts; rated by default"
        )
        parser.add_argument("--take", type=int, default=100, help="how many texts; 100 by default")
        parser.add_argument(
            "--budget",
            default="",
            help="at most so much: 200000 is tokens, 1.50m is money in the endpoint's currency",
        )
        parser.add_argument("--estimate", action="store_true", help="only say what it would come to")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_at(options["project"])
        rubric = rubric_of(project, options["rubric"])
        endpoint = endpoint_of(project, options["endpoint"])
        try:
            told = annotating.estimate(project, rubric, endpoint, options["which"], options["take"])
            if options["estimate"]:
                names = ("texts", "tokens_in", "tokens_out", "money", "basis")
                self._say({name: getattr(told, name) for name in names})
                return
            tokens, money = budget(options["budget"])
            job = annotating.start(
                project,
                rubric,
                endpoint,
                None,
                which=options["which"],
                take=options["take"],
                budget_tokens=tokens,
                budget_money=money,
            )
        except asking.AskingError as error:
            raise CommandError(str(error)) from None
        job = drain(job, Line(), Workers())
        if job.state != Job.State.DONE:
            raise CommandError(f"{kind_of(job).title} was not finished. {job.reason}")
        self._say(job.result)

    def _say(self, said: Any) -> None:
        self.stdout.write(json.dumps(said, ensure_ascii=False, indent=2))


def budget(said: str) -> tuple[int | None, Decimal | None]:
    """(tokens, money) of `200000` or `1.50m`. Raises CommandError."""
    if not said:
        raise CommandError("Say with --budget what may be spent at most: 200000 is tokens, 1.50m is money.")
    try:
        return (None, Decimal(said[:-1])) if said.endswith("m") else (int(said), None)
    except (InvalidOperation, ValueError):
        raise CommandError(f"--budget {said} is neither tokens (200000) nor money (1.50m).") from None


def endpoint_of(project: Project, name: str) -> Endpoint:
    """An endpoint that the project may ask, by its name. Raises CommandError naming those there are."""
    offered = list(endpoints.offered(project))
    if not offered:
        raise CommandError(
            "No language model is connected. Set LLM_BASE_URL and LLM_MODEL, or set up an endpoint in the admin panel."
        )
    if not name and len(offered) == 1:
        return offered[0]
    for one in offered:
        if one.name == name:
            return one
    raise CommandError(f"There is no endpoint {name!r}. There are: {', '.join(map(str, offered))}.")

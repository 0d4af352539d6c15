"""`./manage.py member PROJECT EMAIL --role annotator|reviewer|manager`: a member, and a link to sign in with."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from curation import env
from curation.actions import people
from curation.models import Membership, Project, Role


class Command(BaseCommand):
    help = "Make somebody a member of a project, with an account if they have none, and print a sign-in link."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="the project's address, as in /projects/ADDRESS/")
        parser.add_argument("email")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--name", default="", help="the person's name, when the account is new")
        parser.add_argument("--base", default="", help="where the studio is reached; STUDIO_URL by default")

    def handle(self, *args: Any, **options: Any) -> None:
        """The link goes to stdout, what was done to stderr."""
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            known = ", ".join(Project.objects.values_list("slug", flat=True)[:20]) or "none yet"
            raise CommandError(f"There is no project {options['project']}. Projects: {known}.")
        try:
            secret = self._member(project, options)
        except people.PeopleError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(self._base(options["base"]) + reverse("accounts:link", kwargs={"secret": secret}))

    def _member(self, project: Project, options: dict[str, Any]) -> str:
        """Make the membership, or change its role when there is one; the secret of a fresh link."""
        role, email = Role(options["role"]), options["email"].strip().lower()
        known = Membership.objects.select_related("user").filter(project=project, user__email=email).first()
        if known:
            people.set_role(project, known.user, role, None)
            user, secret = known.user, ""
        else:
            invitation = people.invite(project, email, role, None, options["name"])
            user, secret = invitation.user, invitation.secret
        secret = secret or people.hand_out_link(user, None)
        self.stderr.write(
            f"{email} is {role.label.lower()} of {project}. The link works once, and sets a password:"
        )
        return secret

    def _base(self, given: str) -> str:
        """The start of the address, without a slash at its end."""
        if not given:
            return settings.STUDIO_URL
        try:
            return env.origin("--base", given if "://" in given else f"http://{given}")
        except env.Malformed as error:
            raise CommandError(str(error)) from None

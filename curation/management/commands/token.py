"""`./manage.py token EMAIL`: a token for the REST API."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.actions import people
from curation.models import User


class Command(BaseCommand):
    help = "Make a token with which a script may do what the person may do. It is printed this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="Command line", help="what will use it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Only the token goes to stdout."""
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"There is no account {options['email']}. `member` makes one.")
        if not user.is_active:
            raise CommandError(f"{user.email} is deactivated. A site admin can reactivate the account.")
        try:
            _, secret = people.issue_token(user, options["name"])
        except people.PeopleError as error:
            raise CommandError(str(error)) from None
        self.stderr.write(
            f"A token of {user.email}. It is shown this once; it can be revoked on their account page."
        )
        self.stdout.write(secret)

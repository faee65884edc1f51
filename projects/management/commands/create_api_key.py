"""`manage.py create_api_key NAME`: creates an API key and prints it once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from projects.models import ApiKey


class Command(BaseCommand):
    """Prints only the key on standard output, so that it can be piped; the rest goes to standard error."""

    help = "Creates an API key and prints it. Only its hash is stored, so it cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A name, and the days until the key expires."""
        parser.add_argument("name", help="Whose key it is, at most 50 characters; shown in the admin.")
        parser.add_argument("--expires-days", type=int, help="Days until the key expires; default: never.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Creates the key."""
        name, days = options["name"].strip(), options["expires_days"]
        if not 1 <= len(name) <= 50:
            raise CommandError(f"The name has {len(name)} characters; give 1 to 50.")
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError(f"--expires-days={days}: must be 1 to 36500.")
        ends = None if days is None else timezone.now() + timedelta(days=days)
        made, key = ApiKey.objects.create_key(name=name, expiry_date=ends)
        until = f"until {ends:%Y-%m-%d %H:%M} UTC" if ends else "until it is revoked"
        self.stderr.write(
            f"Key {made.prefix} for {name}, valid {until}. Send it as X-Api-Key; it is not shown again:"
        )
        self.stdout.write(key)

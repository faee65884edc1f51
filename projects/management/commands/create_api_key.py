"""`manage.py create_api_key NAME`: makes an API key and prints it, once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from projects.models import ApiKey


class Command(BaseCommand):
    """Prints the key alone on standard output, so that it can be piped; the rest goes to standard error."""

    help = "Makes an API key and prints it. It is kept hashed and cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A name, and after how many days it ends."""
        parser.add_argument("name", help="Whose key it is, at most 50 characters; shown in the admin.")
        parser.add_argument("--expires-days", type=int, help="Days until it ends; without: never.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Makes the key."""
        name, days = options["name"].strip(), options["expires_days"]
        if not 1 <= len(name) <= 50:
            raise CommandError(f"A name has 1 to 50 characters, this one has {len(name)}.")
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError(f"--expires-days={days}: must be 1 to 36500.")
        ends = None if days is None else timezone.now() + timedelta(days=days)
        made, key = ApiKey.objects.create_key(name=name, expiry_date=ends)
        until = f"until {ends:%Y-%m-%d %H:%M} UTC" if ends else "until it is revoked"
        self.stderr.write(
            f"Key {made.prefix} for {name}, valid {until}. Send it as X-Api-Key; it is not shown again:"
        )
        self.stdout.write(key)

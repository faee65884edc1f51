"""Agrees to the licence of a Llama model on Workers AI. This is a legal act, so only an operator may do it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dali.lib.clock import Deadline
from progressions.vendors.cloudflare import api
from progressions.vendors.cloudflare.api import CloudflareError
from progressions.vendors.cloudflare.failures import LICENCE

GATED = "@cf/meta/llama-3.2-11b-vision-instruct"
MEANING = """\
Workers AI requires each account to agree to the licence of {model} once before using it.
By agreeing you accept, for the Cloudflare account {account} and on behalf of its owner,
Meta's community licence and acceptable use policy:
  https://github.com/meta-llama/llama-models/blob/main/models/llama3_2/LICENSE
  https://github.com/meta-llama/llama-models/blob/main/models/llama3_2/USE_POLICY.md
It does not grant rights for multimodal models to people who live, or companies with their principal place of business,
in the European Union. Agreeing is a legal act; Dali never does it by itself. The judge works without it:
DEFAULT_MODEL_VISION may name a model that does not require it.
"""
# The answer to agreeing is also an error, 403 with code 5016: only its text differs.
THANKS = "Thank you for agreeing"
WAIT_S = 60.0


class Command(BaseCommand):
    """`manage.py agree_llama_licence`."""

    help = (
        "Agrees to the licence that Workers AI requires before the first use of a Llama vision model: explains it, "
        "asks for confirmation, and sends the agreement once."
    )
    needs_database = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", default=GATED, help=f"the model; default: {GATED}")
        parser.add_argument(
            "--yes",
            action="store_true",
            help="do not ask for confirmation: you have read the licence and agree",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if missing := [name for name in api.REQUIRED if not getattr(settings, name)]:
            raise CommandError(f"Workers AI is not configured: set {', '.join(missing)}")
        model = options["model"]
        self.stdout.write(MEANING.format(model=model, account=settings.CLOUDFLARE_ACCOUNT_ID))
        if not options["yes"] and not self._is_agreed():
            raise CommandError("Nothing was sent.")
        self.stdout.write(_agree(model))

    def _is_agreed(self) -> bool:
        self.stdout.write("Type 'agree' to agree: ", ending="")
        self.stdout.flush()
        try:
            return input().strip().lower() == "agree"
        except EOFError:
            return False


def _agree(model: str) -> str:
    """Sends the agreement and returns a message with the result. Raises CommandError if it fails."""
    try:
        api.api("text").run(model, Deadline.after(WAIT_S), json={"prompt": "agree"})
    except CloudflareError as error:
        if error.code == LICENCE and THANKS in str(error):
            return f"Agreed: {model} may now be used."
        if error.code == LICENCE:
            raise CommandError(f"Cloudflare did not accept the agreement: {error}") from error
        raise CommandError(str(error)) from error
    return f"{model} answers: its licence was accepted before, or it requires none."

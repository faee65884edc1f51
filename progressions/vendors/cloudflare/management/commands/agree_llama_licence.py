"""Agrees to the licence of a Llama model on Workers AI: a legal act, so never done without an operator."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dali.lib.clock import Deadline
from progressions.vendors.cloudflare import api
from progressions.vendors.cloudflare.api import CloudflareError
from progressions.vendors.cloudflare.failures import LICENCE

GATED = "@cf/meta/llama-3.2-11b-vision-instruct"
MEANING = """\
Workers AI asks each account once to agree to the licence of {model} before it may be used.
By agreeing you accept, for the Cloudflare account {account}, on behalf of whoever owns it,
Meta's community licence and acceptable use policy:
  https://github.com/meta-llama/llama-models/blob/main/models/llama3_2/LICENSE
  https://github.com/meta-llama/llama-models/blob/main/models/llama3_2/USE_POLICY.md
Its rights for multimodal models are not granted to those who live, or have their principal place of business, in the
European Union. Agreeing is a legal act; Dali never does it by itself. The judge works without:
DEFAULT_MODEL_VISION may name a model without such a gate.
"""
# The call that agrees is answered as a refusal too, 403 with code 5016: only its words tell them apart.
THANKS = "Thank you for agreeing"
WAIT_S = 60.0


class Command(BaseCommand):
    """`manage.py agree_llama_licence`."""

    help = (
        "Agrees to the licence that Workers AI asks for before the first use of a Llama vision model: says what "
        "that means, asks, and sends the agreement once."
    )
    needs_database = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", default=GATED, help=f"whose licence: {GATED} unless named")
        parser.add_argument("--yes", action="store_true", help="do not ask: you have read and agree")

    def handle(self, *args: Any, **options: Any) -> None:
        if missing := [name for name in api.REQUIRED if not getattr(settings, name)]:
            raise CommandError(f"Workers AI is not configured: set {', '.join(missing)}")
        model = options["model"]
        self.stdout.write(MEANING.format(model=model, account=api.account()))
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
    """Sends the agreement and says what became of it."""
    try:
        api.api("text").run(model, Deadline.after(WAIT_S), json={"prompt": "agree"})
    except CloudflareError as error:
        if error.code == LICENCE and THANKS in str(error):
            return f"Agreed: {model} may now be used."
        if error.code == LICENCE:
            raise CommandError(f"Cloudflare did not take the agreement: {error}") from error
        raise CommandError(str(error)) from error
    return f"{model} answers: its licence was agreed to before, or it asks for none."

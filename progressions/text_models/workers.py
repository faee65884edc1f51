"""Workers AI's text models."""

import json
from typing import ClassVar

from dali.lib.vendors import cloudflare_api, workers_text
from dali.lib.vendors.failures import VendorError
from progressions.text_model import TextAnswer, TextModel, TextRequest


class WorkersTextModel(TextModel):
    """Text models of Workers AI."""

    name = "workers"
    prefixes: ClassVar[tuple[str, ...]] = ("@cf/", "@hf/")

    def missing(self) -> list[str]:
        """Account and token."""
        return cloudflare_api.missing()

    def answer(self, request: TextRequest) -> TextAnswer:
        """See TextModel."""
        text, usage = workers_text.ask(
            workers_text.Asked(
                model=request.model,
                instructions=request.instructions,
                text=request.text,
                schema=request.schema,
                name=request.name,
                deadline=request.deadline,
                max_tokens=request.max_tokens,
            )
        )
        try:
            data = json.loads(_inner(text))
        except ValueError:
            data = None
        if not isinstance(data, dict):
            message = f"Workers AI's {request.model} did not answer with a JSON object."
            raise VendorError("provider_error", message, usage=usage, excerpt=text)
        return TextAnswer(data, usage)


def _inner(text: str) -> str:
    """The outermost braces: models without JSON mode put a fence or a sentence around them."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text

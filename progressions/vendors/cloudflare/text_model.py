"""Workers AI's text models."""

from typing import ClassVar

from dali.lib.calls.answers.json_reading import object_in
from dali.lib.calls.failures import VendorError
from progressions.text_model import TextAnswer, TextModel, TextRequest
from progressions.vendors.cloudflare import api
from progressions.vendors.cloudflare import text as workers_text


class WorkersTextModel(TextModel):
    """Text models of Workers AI."""

    name = "workers"
    prefixes: ClassVar[tuple[str, ...]] = ("@cf/", "@hf/")

    def missing(self) -> list[str]:
        """Account and token."""
        return api.missing()

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
        data = object_in(text)
        if data is None:
            message = f"Workers AI's {request.model} did not answer with a JSON object."
            raise VendorError("provider_error", message, usage=usage, excerpt=text)
        return TextAnswer(data, usage)

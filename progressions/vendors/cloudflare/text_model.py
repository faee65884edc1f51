"""The text models of Workers AI."""

from typing import ClassVar

from dali.lib.calls.answers.json_reading import object_in
from dali.lib.calls.failures import VendorError
from progressions.text_model import TextAnswer, TextModel, TextRequest
from progressions.vendors.cloudflare import api
from progressions.vendors.cloudflare import text as workers_text


class WorkersTextModel(TextModel):
    """Models that Cloudflare hosts."""

    name = "workers"
    required_settings = api.REQUIRED
    prefixes: ClassVar[tuple[str, ...]] = ("@cf/", "@hf/")

    def answer(self, request: TextRequest) -> TextAnswer:
        """See TextModel."""
        text, usage = workers_text.ask(request)
        data = object_in(text)
        if data is None:
            message = f"Workers AI's {request.model} did not answer with a JSON object."
            raise VendorError("provider_error", message, usage=usage, excerpt=text)
        return TextAnswer(data, usage)

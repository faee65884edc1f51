"""The text models `openai`, asked by the Responses API with a JSON Schema."""

from dataclasses import replace

from dali.lib.calls.answers.json_reading import object_in
from dali.lib.calls.failures import VendorError
from progressions.text_model import TextAnswer, TextModel, TextRequest
from progressions.vendors.openai import api

# Reasoning tokens count as output; without room for them the answer is cut off.
_REASONING_TOKENS = 4000


class OpenAITextModel(TextModel):
    """GPT and o models."""

    name = "openai"
    required_settings = ("OPENAI_API_KEY",)
    prefixes = ("gpt-", "chatgpt-", "o1", "o3", "o4")

    def answer(self, request: TextRequest) -> TextAnswer:
        """See TextModel."""
        text, usage = api.answer_in_json(replace(request, max_tokens=request.max_tokens + _REASONING_TOKENS))
        data = object_in(text)
        if data is None:
            message = f"{request.model} did not answer with a complete JSON object."
            raise VendorError.unusable(message, usage=usage, excerpt=text)
        return TextAnswer(data, usage)

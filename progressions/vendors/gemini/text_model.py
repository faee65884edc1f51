"""The text models `gemini` of the Gemini Developer API."""

from dataclasses import replace

from dali.lib.calls.answers.json_reading import object_in
from progressions.text_model import TextAnswer, TextModel, TextRequest
from progressions.vendors.gemini import api
from progressions.vendors.gemini.failures import empty

# Thoughts count towards `maxOutputTokens`; without room for them the answer is cut off or empty.
_THOUGHT_TOKENS = 4000


class GeminiTextModel(TextModel):
    """Models whose answers follow a JSON Schema."""

    name = "gemini"
    required_settings = ("GEMINI_API_KEY",)
    prefixes = ("gemini-",)

    def answer(self, request: TextRequest) -> TextAnswer:
        """See TextModel."""
        allowed = replace(request, max_tokens=request.max_tokens + _THOUGHT_TOKENS)
        body, text, usage = api.answer_in_json(allowed)
        data = object_in(text)
        if data is None:
            raise empty(body, "no JSON object", usage, text)
        return TextAnswer(data, usage or api.unknown_usage(request.model))

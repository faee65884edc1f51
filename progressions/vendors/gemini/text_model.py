"""The text models `gemini`: Google's by the Gemini Developer API."""

from google.genai import types

from dali.lib.calls.answers.json_reading import object_in
from progressions.text_model import TextAnswer, TextModel, TextRequest
from progressions.vendors.gemini import api
from progressions.vendors.gemini.failures import empty

# A thinking model's thoughts count among `maxOutputTokens`; without room for them its answer is cut off or empty.
_THOUGHT_TOKENS = 4000


class GeminiTextModel(TextModel):
    """Models whose answers keep to a JSON Schema."""

    name = "gemini"
    prefixes = ("gemini-",)

    def missing(self) -> list[str]:
        """See TextModel."""
        return api.missing()

    def answer(self, request: TextRequest) -> TextAnswer:
        """See TextModel."""
        config = api.json_config(
            request.schema,
            instructions=request.instructions,
            most_tokens=request.max_tokens + _THOUGHT_TOKENS,
        )
        parts = [types.Part(text=request.text)]
        response = api.generate(api.MOST_ASIDE, request.model, parts, config, request.deadline)
        usage = api.usage_of(request.model, response)
        text = api.text_of(response)
        data = object_in(text)
        if data is None:
            raise empty(response, "no JSON object", usage, text)
        return TextAnswer(data, api.known(usage, request.model))

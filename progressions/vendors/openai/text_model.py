"""The text models `openai`: by the Responses API, their answers held to a schema."""

from dali.lib.calls.answers.json_reading import object_in
from progressions.text_model import TextAnswer, TextModel, TextRequest
from progressions.vendors.openai import api
from progressions.vendors.openai.failures import unusable

# What a model thinks before it answers counts among its output; without room for that the answer is cut off.
_THOUGHT_TOKENS = 4000


class OpenAITextModel(TextModel):
    """GPT and o models."""

    name = "openai"
    prefixes = ("gpt-", "chatgpt-", "o1", "o3", "o4")

    def missing(self) -> list[str]:
        """See TextModel."""
        return api.missing()

    def answer(self, request: TextRequest) -> TextAnswer:
        """See TextModel."""
        text, usage = api.answer_in_json(
            api.JsonQuestion(
                model=request.model,
                instructions=request.instructions,
                text=request.text,
                name=request.name,
                schema=request.schema,
                deadline=request.deadline,
                max_tokens=request.max_tokens + _THOUGHT_TOKENS,
            )
        )
        data = object_in(text)
        if data is None:
            message = f"{request.model} answered with no JSON object, or with one that is cut off."
            raise unusable(message, usage=usage, excerpt=text)
        return TextAnswer(data, usage)

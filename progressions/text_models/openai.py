"""The text models `openai`: by the Responses API, their answers held to a schema."""

from dali.lib.vendors import openai_api
from dali.lib.vendors.answers import object_in
from dali.lib.vendors.openai_failures import unusable
from progressions.text_model import TextAnswer, TextModel, TextRequest

# What a model thinks before it answers counts among its output; without room for that the answer is cut off.
_THOUGHT_TOKENS = 4000


class OpenAITextModel(TextModel):
    """GPT and o models."""

    name = "openai"
    prefixes = ("gpt-", "chatgpt-", "o1", "o3", "o4")

    def missing(self) -> list[str]:
        """See TextModel."""
        return openai_api.missing()

    def answer(self, request: TextRequest) -> TextAnswer:
        """See TextModel."""
        text, usage = openai_api.answer_in_json(
            openai_api.JsonQuestion(
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

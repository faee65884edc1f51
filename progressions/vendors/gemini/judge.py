"""The judge `gemini`: a vision model of Google's by the Gemini Developer API."""

from django.conf import settings
from google.genai import types

from progressions.vendors.gemini import api
from progressions.vendors.gemini.failures import empty
from progressions.verdicts.rubric import Question, Reply, VisionJudge


class GeminiJudge(VisionJudge):
    """Asks DALI_GEMINI_JUDGE_MODEL, whose answers keep to a JSON Schema."""

    name = "gemini"
    preference = 10

    def missing(self) -> list[str]:
        """See Judge."""
        return api.missing()

    def model(self) -> str:
        """See VisionJudge."""
        return str(settings.GEMINI_JUDGE_MODEL)

    def ask(self, question: Question) -> Reply:
        """See VisionJudge."""
        model = settings.GEMINI_JUDGE_MODEL
        parts = [types.Part(text=question.text)]
        parts += [types.Part.from_bytes(data=image, mime_type="image/jpeg") for image in question.images]
        config = api.json_config(question.schema, temperature=0)
        response = api.generate(api.MOST_ASIDE, model, parts, config, question.deadline)
        usage = api.usage_of(model, response)
        text = api.text_of(response)
        if not text.strip():
            raise empty(response, "no text", usage)
        return Reply(text, api.known(usage, model))

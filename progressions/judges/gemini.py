"""The judge `gemini`: a vision model of Google's by the Gemini Developer API."""

from django.conf import settings
from google.genai import types

from dali.lib.vendors import gemini_api
from dali.lib.vendors.gemini_failures import empty
from progressions.rubric import Question, Reply, VisionJudge


class GeminiJudge(VisionJudge):
    """Asks DALI_GEMINI_JUDGE_MODEL, whose answers keep to a JSON Schema."""

    name = "gemini"

    def missing(self) -> list[str]:
        """See Judge."""
        return gemini_api.missing()

    def model(self) -> str:
        """See VisionJudge."""
        return str(settings.GEMINI_JUDGE_MODEL)

    def ask(self, question: Question) -> Reply:
        """See VisionJudge."""
        model = settings.GEMINI_JUDGE_MODEL
        parts = [types.Part(text=question.text)]
        parts += [types.Part.from_bytes(data=image, mime_type="image/jpeg") for image in question.images]
        config = gemini_api.json_config(question.schema, temperature=0)
        response = gemini_api.generate(gemini_api.MOST_ASIDE, model, parts, config, question.deadline)
        usage = gemini_api.usage_of(model, response)
        text = gemini_api.text_of(response)
        if not text.strip():
            raise empty(response, "no text", usage)
        return Reply(text, gemini_api.known(usage, model))

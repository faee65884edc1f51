"""The judge `gemini`: a vision model of the Gemini Developer API."""

from django.conf import settings

from progressions.vendors.gemini import api
from progressions.vendors.gemini.failures import empty
from progressions.verdicts.rubric import Question, Reply, VisionJudge


class GeminiJudge(VisionJudge):
    """Asks DALI_GEMINI_JUDGE_MODEL, whose answers follow a JSON Schema."""

    name = "gemini"
    preference = 10
    required_settings = ("GEMINI_API_KEY",)

    def model(self) -> str:
        """See VisionJudge."""
        return str(settings.GEMINI_JUDGE_MODEL)

    def ask(self, question: Question) -> Reply:
        """See VisionJudge."""
        body, text, usage = api.answer_in_json(question.request(self.model()), temperature=0)
        if not text.strip():
            raise empty(body, "no text", usage)
        return Reply(text, usage or api.unknown_usage(self.model()))

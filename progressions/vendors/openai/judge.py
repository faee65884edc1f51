"""The judge `openai`: a vision model, asked by the Responses API with a JSON Schema."""

from django.conf import settings

from progressions.vendors.openai import api
from progressions.verdicts.rubric import Question, Reply, VisionJudge

# A verdict has about 300 tokens; reasoning tokens count too.
_MAX_TOKENS = 4000


class OpenAIJudge(VisionJudge):
    """Asks DALI_OPENAI_JUDGE_MODEL."""

    name = "openai"
    preference = 20
    required_settings = ("OPENAI_API_KEY",)

    def model(self) -> str:
        """See VisionJudge."""
        return str(settings.OPENAI_JUDGE_MODEL)

    def ask(self, question: Question) -> Reply:
        """See VisionJudge."""
        return Reply(*api.answer_in_json(question.request(self.model(), _MAX_TOKENS)))

"""The judge `openai`: a vision model by the Responses API, its answer held to a schema."""

import base64

from django.conf import settings

from progressions.vendors.openai import api
from progressions.verdicts.rubric import Question, Reply, VisionJudge

# A verdict has some 300 tokens; what a model thinks before it counts as well.
_MOST_TOKENS = 4000


class OpenAIJudge(VisionJudge):
    """Asks DALI_OPENAI_JUDGE_MODEL."""

    name = "openai"
    preference = 20

    def missing(self) -> list[str]:
        """See Judge."""
        return api.missing()

    def model(self) -> str:
        """See VisionJudge."""
        return str(settings.OPENAI_JUDGE_MODEL)

    def ask(self, question: Question) -> Reply:
        """See VisionJudge."""
        urls = [f"data:image/jpeg;base64,{base64.b64encode(image).decode()}" for image in question.images]
        text, usage = api.answer_in_json(
            api.JsonQuestion(
                model=settings.OPENAI_JUDGE_MODEL,
                text=question.text,
                name="verdict",
                schema=question.schema,
                deadline=question.deadline,
                max_tokens=_MOST_TOKENS,
                images=tuple(urls),
            )
        )
        return Reply(text, usage)

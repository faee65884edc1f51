"""Workers AI as a judge: the vision model that DEFAULT_MODEL_VISION names."""

from django.conf import settings

from progressions.vendors.cloudflare import api
from progressions.vendors.cloudflare import text as workers_text
from progressions.verdicts.rubric import Question, Reply, VisionJudge


class WorkersJudge(VisionJudge):
    """A vision model of Workers AI."""

    name = "workers"
    preference = 30

    def missing(self) -> list[str]:
        """Account and token."""
        return api.missing()

    def model(self) -> str:
        """See VisionJudge."""
        return str(settings.DEFAULT_MODEL_VISION)

    def ask(self, question: Question) -> Reply:
        """See VisionJudge."""
        text, usage = workers_text.ask(
            workers_text.Asked(
                model=settings.DEFAULT_MODEL_VISION,
                text=question.text,
                images=question.images,
                schema=question.schema,
                name="verdict",
                deadline=question.deadline,
            )
        )
        return Reply(text, usage)

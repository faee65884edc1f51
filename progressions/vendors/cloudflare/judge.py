"""The judge `workers`: a vision model of Workers AI."""

from django.conf import settings

from progressions.vendors.cloudflare import api
from progressions.vendors.cloudflare import text as workers_text
from progressions.verdicts.rubric import Question, Reply, VisionJudge

_MAX_TOKENS = 1000


class WorkersJudge(VisionJudge):
    """Asks DEFAULT_MODEL_VISION."""

    name = "workers"
    preference = 30
    required_settings = api.REQUIRED

    def model(self) -> str:
        """See VisionJudge."""
        return str(settings.DEFAULT_MODEL_VISION)

    def ask(self, question: Question) -> Reply:
        """See VisionJudge."""
        return Reply(*workers_text.ask(question.request(self.model(), _MAX_TOKENS)))

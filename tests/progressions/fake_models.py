"""Fake model services: a vision judge and a text model that give scripted answers."""

import threading
from collections.abc import Callable

from dali.lib.calls.answers.usage import Unit, Usage
from progressions.text_model import TextAnswer, TextModel, TextRequest
from progressions.verdicts.rubric import Question, Reply, VisionJudge

SEEN = Usage("fake", "fake-eye-1", {Unit.TEXT_INPUT: 700, Unit.TEXT_OUTPUT: 60})
WRITTEN = Usage("fake", "writer-1", {Unit.TEXT_INPUT: 300, Unit.TEXT_OUTPUT: 40})
PASS = '{"notes": ["A lighthouse."], "judgment": "pass", "tags": ["lighthouse"], "retry_suggestion": ""}'


class ScriptedJudge(VisionJudge):
    """Answers with scripted texts and errors; after the last one, with a pass."""

    name = "scripted"

    def __init__(self, *script: str | Exception) -> None:
        self.script = list(script)
        self.questions: list[Question] = []
        self.before_answer: Callable[[], object] = lambda: None

    def ask(self, question: Question) -> Reply:
        """The next answer of the script."""
        self.questions.append(question)
        self.before_answer()
        answer = self.script.pop(0) if self.script else PASS
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, SEEN)


class FakeTextModel(TextModel):
    """Answers with scripted objects and errors; after the last one, with the user's text paraphrased."""

    name = "fake"
    prefixes = ("writer-",)

    def __init__(self, *script: dict[str, object] | Exception) -> None:
        self.script = list(script)
        self.requests: list[TextRequest] = []
        self.before_answer: Callable[[TextRequest], object] = lambda request: None
        self._lock = threading.Lock()

    def answer(self, request: TextRequest) -> TextAnswer:
        """The next answer of the script."""
        with self._lock:
            self.requests.append(request)
            answer = self.script.pop(0) if self.script else {"prompt": "A lighthouse at dusk, in soft light."}
        self.before_answer(request)
        if isinstance(answer, Exception):
            raise answer
        return TextAnswer(dict(answer), WRITTEN)

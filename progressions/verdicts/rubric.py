"""The base of judges that ask a vision model: the question about an image, and how the answer becomes a verdict."""

import hashlib
import io
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog
from django.template.loader import render_to_string
from PIL import Image

from dali.lib.calls.answers.usage import Usage
from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from dali.lib.pictures.images import CPU_GATE
from progressions.enums import Kind
from progressions.errors import JudgeError
from progressions.judge import Judge, JudgeRequest, Verdict
from progressions.text_model import TextRequest
from progressions.verdicts.parsing import clean, parse_verdict

__all__ = ["SCHEMA", "Question", "Reply", "VisionJudge", "parse_verdict", "question_about"]

log = structlog.get_logger(__name__)

# The longest side of an image sent to a model. All services charge it as one or two tiles, their cheapest size.
LOOK_PX = 512
JPEG_QUALITY = 85
# A client's prompt may have 32,000 characters; the main request is usually at its beginning.
PROMPT_CHARACTERS = 12_000
# With less time left, a paid call is not worth starting.
LEAST_S = 0.5
# Typical length of the question without the prompt, and of a verdict; for estimates.
_RUBRIC_CHARACTERS = 2500
_VERDICT_TOKENS = 300

SCHEMA: Mapping[str, object] = {
    "type": "object",
    "properties": {
        # Notes first: a model that describes the image before it decides judges better.
        "notes": {"type": "array", "items": {"type": "string"}},
        "judgment": {"type": "string", "enum": ["pass", "fail"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "retry_suggestion": {"type": "string"},
    },
    "required": ["notes", "judgment", "tags", "retry_suggestion"],
    "additionalProperties": False,
}
REMINDER = (
    "\nYour last answer could not be read. Answer with that one JSON object alone, with nothing around it."
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question about an image.

    `images`: JPEG files of at most LOOK_PX a side, in the order in which the text mentions them. `schema`: JSON Schema
    of the answer, which requires every property and allows no others.
    """

    text: str
    images: tuple[bytes, ...]
    schema: Mapping[str, object]
    deadline: Deadline

    def request(self, model: str, max_tokens: int = 0) -> TextRequest:
        """The question as a request to a model; `max_tokens` 0: the service's own limit."""
        return TextRequest(
            model, "", self.text, "verdict", self.schema, self.deadline, max_tokens, self.images
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer. `text`: JSON, or prose with JSON in it, complete or cut off; may be empty."""

    text: str
    usage: Usage


class VisionJudge(Judge):
    """A judge that asks a vision model. A plug-in implements only the call to the model."""

    def model(self) -> str:
        """The model's name, as in the price table; empty if unknown."""
        return ""

    def estimate(self, request: JudgeRequest) -> Usage:
        """See Judge."""
        characters = _RUBRIC_CHARACTERS + min(len(request.prompt), PROMPT_CHARACTERS)
        images = sum(
            shown is not None for shown in (request.generated_image, request.start_image, request.mask)
        )
        return Usage.estimated(
            self.name, self.model(), characters=characters, images=images, answer_tokens=_VERDICT_TOKENS
        )

    @abstractmethod
    def ask(self, question: Question) -> Reply:
        """One call to the model, within `question.deadline`. Raises VendorError; `refused` if the model declines."""

    def judge(self, request: JudgeRequest) -> Verdict:
        """Asks the model, and once more if its answer is unreadable. Null if it refuses or stays unreadable.

        Raises JudgeError, with the usage of what was paid, if the service fails or no time is left.
        """
        _check_time(request.deadline)
        question = question_about(request)
        paid: list[Usage] = []
        for text in (question.text, question.text + REMINDER):
            if paid and request.deadline.left_s() < LEAST_S:
                break
            _check_time(request.deadline)
            try:
                reply = self.ask(replace(question, text=text))
            except VendorError as error:
                return self._after_failure(error, paid, request)
            paid.append(reply.usage)
            verdict = parse_verdict(reply.text)
            if verdict is not None:
                return replace(verdict, model=reply.usage.model, usage=tuple(paid))
            log.warning("verdict_unreadable", judge=self.name, excerpt=clean(reply.text[:200]))
        note = f"The judge {self.name} gave no readable verdict."
        return Verdict(None, [note], model=paid[-1].model, usage=tuple(paid))

    def _after_failure(self, error: VendorError, paid: list[Usage], request: JudgeRequest) -> Verdict:
        unseen: tuple[Usage, ...] = ()
        if error.usage is not None:
            paid.append(error.usage)
        elif error.is_possibly_billed:
            unseen = (self.estimate(request),)
        said = _ended(str(error))
        if error.outcome == "refused":
            note = f"The judge {self.name} refused to judge: {said}"
            model = paid[-1].model if paid else ""
            return Verdict(None, [note], model=model, usage=tuple(paid), unseen=unseen)
        raise JudgeError(said, usage=tuple(paid), unseen=unseen) from error


def question_about(request: JudgeRequest) -> Question:
    """The question about one image: the rubric and the images it mentions."""
    prompt = request.prompt.strip()
    shown = prompt[:PROMPT_CHARACTERS]
    picture, start, mask = request.generated_image, request.start_image, request.mask
    has_mask = start is not None and mask is not None and request.kind == Kind.INPAINT
    ground = picture.common_ground(start)
    context = {
        "kind": Kind(request.kind).value,
        "size": request.size,
        "width": picture.width,
        "height": picture.height,
        "most_px": LOOK_PX,
        "has_start": start is not None,
        "ground": ground.name.lower() if picture.has_alpha else "",
        "start_ground": ground.name.lower() if start is not None and start.has_alpha else "",
        "has_mask": has_mask,
        # A hash of the prompt marks its end: a prompt cannot contain its own hash, and so cannot end itself early.
        "mark": hashlib.sha256(prompt.encode()).hexdigest()[:16],
        "prompt": shown,
        "is_cut": len(shown) < len(prompt),
    }
    with CPU_GATE:
        images = [picture.jpeg(LOOK_PX, JPEG_QUALITY, ground)]
        if start is not None:
            images.append(start.jpeg(LOOK_PX, JPEG_QUALITY, ground))
        if has_mask and mask is not None:
            images.append(_small_mask(mask))
    text = render_to_string("judging/rubric.txt", context).strip() + "\n"
    return Question(text, tuple(images), SCHEMA, request.deadline)


def _small_mask(mask: Image.Image) -> bytes:
    small = mask.copy()
    small.thumbnail((LOOK_PX, LOOK_PX))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _check_time(deadline: Deadline) -> None:
    if deadline.has_passed:
        raise JudgeError("No time was left to ask the judge.")


def _ended(message: str) -> str:
    """The message as a sentence in one line."""
    text = clean(message)
    return text if text.endswith((".", "!", "?")) else f"{text}."

"""Prompts rewritten by a text model that follows the tips that fit; if it fails, the tips alone refine the prompt."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from weakref import WeakValueDictionary

import structlog
from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string

from dali.lib.calls.answers.usage import Usage
from dali.lib.calls.deadlines import call_within
from dali.lib.calls.failures import VendorError
from dali.lib.cleaning import REPLACED, clean_text
from dali.lib.clock import Deadline
from dali.lib.db import connections
from dali.lib.db.connections import release_db_connection
from dali.lib.errors import DaliError
from dali.lib.logs import mask_secrets
from knowledgebase.refine import MAX_CHARACTERS, TipText, fitting, refine
from progressions.enums import Purpose
from progressions.models import Rewrite, Variant
from progressions.money import ledger
from progressions.text_model import TextAnswer, TextModel, TextRequest, text_model_in_use
from progressions.work import leases

log = structlog.get_logger(__name__)

# Longer prompts are left to the tips: a model would shorten them, or its answer would be cut off.
MOST_REWRITTEN = 6_000
# An answer longer than this, and longer than twice the client's prompt, is not a prompt.
LONGEST_NEW = 2_500
# After a failure the model is not asked for the same text again for this long.
FAILED_S = 60.0
# How often a process checks whether another has stored the text.
_LOOK_S = 0.2
# How long after the call's deadline its result is written at the latest.
_SPARE_S = 5.0
_STILL_WAITING = "Another variant was still waiting for the same text."
# Part of every digest: raise it when the wording of the instructions changes.
_EDITION = 1

_SCHEMA: Mapping[str, object] = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}},
    "required": ["prompt"],
    "additionalProperties": False,
}
# How models begin when they talk about the task instead of doing it.
_ABOUT = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|ok)[,!.]"
    r"|here(?:'s| is| are)\b.{0,60}\b(?:prompt|version|rewrit\w+)"
    r"|(?:i'm sorry|i am sorry|sorry,|i apologi[sz]e|i can(?:'t|not)|i'm unable|i am unable|as an ai\b)"
    r"|(?:the |your )?(?:re-?written|revised|improved|refined|new|updated|final) prompt\b"
    r"|prompt:",
    re.IGNORECASE,
)
# A lock for each text that threads of this process want, for as long as one of them does.
_locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
_guard = threading.Lock()
_QUOTED = re.compile(r"[\"\u201c\u201e]([^\"\u201c\u201d\u201e\n]{1,200})[\"\u201d\u201c]")


class _NotRewrittenError(DaliError):
    """The model gave no text that can be used; the message says why, as a sentence.

    `usage`: what was paid all the same; `unseen`: an estimate if the call was sent and never answered.
    """

    def __init__(self, reason: str, usage: Usage | None = None, unseen: Usage | None = None) -> None:
        super().__init__(mask_secrets(reason)[:300])
        self.usage = usage
        self.unseen = unseen


@dataclass(frozen=True, slots=True)
class Refinement:
    """A prompt as a provider gets it. `model`: what wrote it, as service:model; empty if the tips' own words were
    added; `reason`: why the model did not write it."""

    prompt: str
    tips: tuple[TipText, ...]
    model: str = ""
    reason: str = ""

    def record(self) -> dict[str, object]:
        """What the step's journal keeps."""
        how = {"model": self.model, "reason": self.reason}
        return {"tips": [tip.key for tip in self.tips], **{name: text for name, text in how.items() if text}}


def refine_prompt(variant: Variant, prompt: str, tips: Sequence[TipText]) -> Refinement:
    """The prompt refined as DALI_REFINER says; by the tips alone if the text model fails or takes too long.

    `tips` has no side effects. `model` holds no database connection while it waits, at most DALI_REFINER_TIMEOUT_S,
    and charges the call to the variant that made it; other variants that want the same text wait for that one call.
    """
    reason = ""
    if settings.REFINER == "model":
        try:
            return _rewritten(variant, prompt, tips)
        except _NotRewrittenError as error:
            reason = str(error)
            log.info("prompt_not_rewritten", reason=reason)
    plain = refine(prompt, variant.kind, tips)
    return Refinement(plain.prompt, plain.tips, reason=reason)


def _rewritten(variant: Variant, prompt: str, tips: Sequence[TipText]) -> Refinement:
    fit = fitting(prompt, variant.kind, tips)
    if not fit:
        raise _NotRewrittenError("No tip fits this prompt.")
    if len(prompt) > MOST_REWRITTEN:
        raise _NotRewrittenError(f"The prompt has more than {MOST_REWRITTEN} characters.")
    try:
        found = text_model_in_use()
    except DaliError as error:
        raise _NotRewrittenError(f"{error}.") from error
    if found is None:
        raise _NotRewrittenError("No text model is set.")
    service, model = found
    name = f"{service.name}:{model}"
    told = [[tip.key, tip.guidance, tip.addition] for tip in fit]
    digest = hashlib.sha256(json.dumps([_EDITION, name, prompt, variant.kind, told]).encode()).hexdigest()
    text = _find(digest) or _obtain(digest, variant, service, _request(model, prompt, variant.kind, fit))
    return Refinement(text, tuple(fit), model=name)


def _request(model: str, prompt: str, kind: str, tips: Sequence[TipText]) -> TextRequest:
    context = {"kind": kind, "tips": tips, "most_characters": max(1_500, len(prompt))}
    return TextRequest(
        model=model,
        instructions=render_to_string("refining/rewrite.txt", context).strip(),
        text=prompt.strip(),
        name="refined_prompt",
        schema=_SCHEMA,
        deadline=Deadline.after(settings.REFINER_TIMEOUT_S),
    )


def _find(digest: str) -> str | None:
    return Rewrite.objects.filter(digest=digest).exclude(text="").values_list("text", flat=True).first()


def _obtain(digest: str, variant: Variant, service: TextModel, request: TextRequest) -> str:
    """The text, asked for here or in another thread or process; stored for all variants that want the same."""
    release_db_connection()
    with _turn(digest, request.deadline):
        while (found := _claim(digest, variant, service, request)) is None:
            release_db_connection()
            if request.deadline.left_s() < _LOOK_S:
                raise _NotRewrittenError(_STILL_WAITING)
            time.sleep(_LOOK_S)
        if isinstance(found, str):
            return found
        release_db_connection()
        try:
            return _write(found, variant, service, request)
        finally:
            leases.forget(found)


def _claim(
    digest: str, variant: Variant, service: TextModel, request: TextRequest
) -> str | leases.Lease | None:
    """The text if it is stored, or the right to ask for it; None while another process asks.

    Raises if the model has just failed at this text. A process that died while it asked may have been billed: that is
    booked here.
    """
    row, _ = Rewrite.objects.get_or_create(digest=digest)
    if row.text:
        return row.text
    if row.not_before is not None and row.not_before > connections.now():
        raise _NotRewrittenError(row.fault)
    due = Rewrite.objects.filter(id=row.id, text="", lease_token=row.lease_token)
    with transaction.atomic():
        lease = leases.claim(due, request.deadline.left_s() + _SPARE_S, fault="")
        if lease is not None and lease.token > 1 and not row.fault:
            _charge(variant, unseen=request.estimate(service.name))
    return lease


def _write(lease: leases.Lease, variant: Variant, service: TextModel, request: TextRequest) -> str:
    try:
        answer = _ask(service, request)
        text = checked(answer.data, request.text, answer.usage)
    except _NotRewrittenError as error:
        _note_failure(lease, variant, error)
        raise
    with transaction.atomic():
        # Not fenced: the text is paid for, so it is stored and booked even if the lease was lost. The first text stays.
        Rewrite.objects.filter(id=lease.id, text="").update(
            text=text, usage=answer.usage.as_json(), lease_until=None, fault=""
        )
        _charge(variant, answer.usage)
    return Rewrite.objects.filter(id=lease.id).values_list("text", flat=True).first() or text


def _note_failure(lease: leases.Lease, variant: Variant, error: _NotRewrittenError) -> None:
    """Keeps the model from being asked for this text for a minute, and books what the failure cost."""
    again = connections.now() + timedelta(seconds=FAILED_S)
    with transaction.atomic():
        leases.write(lease, lease_until=None, not_before=again, fault=str(error))
        _charge(variant, error.usage, unseen=error.unseen)


def _ask(service: TextModel, request: TextRequest) -> TextAnswer:
    try:
        return call_within(request.deadline.left_s(), lambda: service.answer(request))
    except VendorError as error:
        unseen = request.estimate(service.name) if error.is_possibly_billed else None
        raise _NotRewrittenError(str(error), error.usage, unseen) from error
    except TimeoutError as error:
        limit_s = settings.REFINER_TIMEOUT_S
        reason = f"{service.name} gave no answer within {limit_s:g} s."
        raise _NotRewrittenError(reason, unseen=request.estimate(service.name)) from error
    except Exception as error:  # noqa: BLE001 - a plug-in's mistake costs the model's words, not the image
        log.exception("text_model_broke", service=service.name)
        raise _NotRewrittenError(f"{service.name} broke ({type(error).__name__}).") from error


def _charge(variant: Variant, usage: Usage | None = None, *, unseen: Usage | None = None) -> None:
    """Books a call: its usage, or the estimate if its answer was lost."""
    ledger.charge_usages(
        [] if usage is None else [usage],
        unseen=[] if unseen is None or usage is not None else [unseen],
        purpose=Purpose.REFINE,
        project_id=variant.project_id,
        job_id=variant.job_id,
        variant_id=variant.id,
    )


def checked(data: Mapping[str, object], prompt: str, usage: Usage | None = None) -> str:
    """The prompt in a model's answer: complete, about this task, and with all words that the client put in quotes.

    Raises _NotRewrittenError with the reason, and with `usage`, which was paid all the same.
    """
    said = data.get("prompt")
    if not isinstance(said, str):
        raise _NotRewrittenError("The model's answer holds no prompt.", usage)
    text = _bare(said, prompt)
    reason = _fault_of(text, prompt)
    if reason:
        raise _NotRewrittenError(f"The model's prompt {reason}.", usage)
    return text


def _fault_of(text: str, prompt: str) -> str:
    """Why the text cannot be used; empty if it can."""
    if not any(char.isalnum() for char in text):
        return "is empty"
    if clean_text(text, len(text)) != text or REPLACED in text:
        return "holds control characters"
    if len(text) > min(MAX_CHARACTERS, max(LONGEST_NEW, 2 * len(prompt))):
        return f"is too long ({len(text)} characters)"
    if _ABOUT.match(text) and not _ABOUT.match(prompt.strip()):
        return "speaks about the task"
    lost = next((words for words in _QUOTED.findall(prompt) if words.strip() not in text), None)
    return "" if lost is None else f"has lost the words '{lost[:60]}'"


def _bare(said: str, prompt: str) -> str:
    """Without a code fence, and without quotation marks around the whole text that the client did not set."""
    text = said.replace("\r\n", "\n").replace("\r", "\n").strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text.partition("\n")[2].removesuffix("```").strip()
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1] and '"' not in prompt:
        text = text[1:-1].strip()
    return text


@contextmanager
def _turn(digest: str, deadline: Deadline) -> Iterator[None]:
    """Lets one thread of this process at a time ask for a text, so that few threads read its row.

    Raises _NotRewrittenError if this thread's turn does not come in time.
    """
    with _guard:
        lock = _locks.setdefault(digest, threading.Lock())
    if not lock.acquire(timeout=deadline.left_s()):
        raise _NotRewrittenError(_STILL_WAITING)
    try:
        yield
    finally:
        lock.release()

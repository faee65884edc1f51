"""The turns of a chat: each message is a row that waits for the earlier ones and is answered once."""

import time

import structlog
from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from artifacts.agent import agent
from artifacts.agent.agent import AnswerJson, TurnOutcome
from artifacts.agent.tools import Tools
from artifacts.agent.understanding.understanding import Understanding
from artifacts.filling.placeholders import TemplatePage
from artifacts.models import Artifact, Chat, ChatTurn
from dali.lib.clock import Deadline, ms_since
from dali.lib.db.connections import release_db_connection
from dali.lib.errors import DaliError, MissingError, UnavailableError
from progressions.errors import LeaseLostError
from progressions.work import leases
from progressions.work.steps import Journal, StepRecord, Success

log = structlog.get_logger(__name__)

# How many messages of a chat may wait besides the one that is being answered, and how long.
MOST_WAITING = 3
WAIT_S = 35.0
POLL_S = 0.05
_UNFINISHED = (ChatTurn.Status.QUEUED, ChatTurn.Status.RUNNING)
_ENTRIES = 20


class BusyError(DaliError):
    """Too many messages of the chat wait; answered with 429."""

    retry_after_s = 2


def take_turn(*, artifact: Artifact, page: TemplatePage, session_id: str, message: str) -> AnswerJson:
    """Answers a message of a chat, after the earlier ones; creates the chat with its first message.

    A message whose process died, and that the client sends again, continues where it stopped. Raises BusyError, and
    UnavailableError if its turn does not come in time.
    """
    chat = _chat_of(artifact, session_id)
    lease = _enter(chat, message)
    leases.hold(lease, WAIT_S + leases.LEASE_S)
    try:
        with structlog.contextvars.bound_contextvars(artifactId=str(artifact.pk), sessionId=session_id):
            _wait(chat, lease)
            return _answer(chat, lease, artifact, page, message)
    except LeaseLostError as error:
        if not Artifact.objects.filter(pk=artifact.pk).exists():
            raise MissingError(f"There is no artifact {artifact.pk}.") from error
        raise UnavailableError("The answer was interrupted; send the message again.", 1) from error
    except (UnavailableError, OperationalError, InterfaceError):
        _leave(lease)
        raise
    except Exception as error:  # noqa: BLE001 - the chat must not wait for a turn that failed
        _fail(lease, f"{type(error).__name__}: {error}")
        raise
    finally:
        leases.forget(lease)


def _chat_of(artifact: Artifact, session_id: str) -> Chat:
    try:
        return Chat.objects.get_or_create(artifact=artifact, session_id=session_id)[0]
    except IntegrityError as error:
        raise MissingError(f"There is no artifact {artifact.pk}.") from error  # it was deleted just now


def _enter(chat: Chat, message: str) -> leases.Lease:
    """A row for the message, held by this process; the earlier row if the process of the same message died."""
    for _ in range(_ENTRIES):
        last = ChatTurn.objects.filter(chat=chat).order_by("-number").first()
        if (
            last is not None
            and last.input == message
            and (lease := leases.claim(_unfinished(last))) is not None
        ):
            log.info("turn_taken_up", turn=str(last.pk))
            return lease
        alive = ChatTurn.objects.filter(chat=chat, status__in=_UNFINISHED).exclude(leases.unheld())
        if alive.count() > MOST_WAITING:
            raise BusyError(f"{MOST_WAITING} messages of this chat wait already; send this one later.")
        number = 1 if last is None else last.number + 1
        try:
            with transaction.atomic():
                turn = ChatTurn.objects.create(chat=chat, number=number, input=message, **leases.new_lease())
        except IntegrityError:
            continue  # another message was faster, or the chat is gone
        return leases.hold(leases.Lease(ChatTurn, turn.pk, turn.lease_token), leases.STEP_LIMIT_S)
    if not Chat.objects.filter(pk=chat.pk).exists():
        raise MissingError("The artifact is gone.")
    raise BusyError("Many messages of this chat come at once; send this one later.")


def _wait(chat: Chat, lease: leases.Lease) -> None:
    """Returns when all earlier turns have ended; closes those whose process died."""
    deadline = Deadline.after(WAIT_S)
    while True:
        first = ChatTurn.objects.filter(chat=chat, status__in=_UNFINISHED).order_by("number").first()
        if first is None:
            raise LeaseLostError(f"turn {lease.id} has ended")
        if first.pk == lease.id:
            return
        if not leases.is_held(first):
            _close_dead(first)
            continue
        if deadline.has_passed:
            _fail(lease, "Its turn did not come in time.")
            raise UnavailableError(
                "Another message of this chat is still being answered; send this one later."
            )
        release_db_connection()
        time.sleep(POLL_S)


def _answer(
    chat: Chat, lease: leases.Lease, artifact: Artifact, page: TemplatePage, message: str
) -> AnswerJson:
    started_at, started = timezone.now(), time.perf_counter()
    leases.hold(lease, settings.AGENT_TIMEOUT_S + leases.STEP_LIMIT_S)
    with leases.fenced(lease, status=ChatTurn.Status.RUNNING):
        chat.refresh_from_db()
        artifact.refresh_from_db()
    journal = Journal(lease, chat.session_id)
    outcome = agent.answer(
        artifact=artifact,
        page=page,
        session_id=chat.session_id,
        state=chat.state,
        message=message,
        tools=Tools(artifact, journal, lease, chat.session_id, [slot.name for slot in page.placeholders]),
        understanding=Understanding(chat, journal),
    )
    journal.record(Success("answer#1", _kept(chat, outcome), started_at, ms_since(started)))
    return outcome.answer


def _kept(chat: Chat, outcome: TurnOutcome) -> StepRecord:
    """The turn's end: its answer and the new state of the chat, in one transaction."""

    def save() -> None:
        chat.state = outcome.state
        chat.save(update_fields=["state", "updated_at"])

    fields = {
        "status": ChatTurn.Status.DONE,
        "understood": outcome.understood,
        "reply": outcome.answer["reply"],
        "answer": outcome.answer,
        "ended_at": timezone.now(),
        "lease_until": None,
    }
    return StepRecord({}, fields, save)


def _leave(lease: leases.Lease) -> None:
    """Lets the client send the same message again at once; if the database is away, after the lease has ended."""
    try:
        leases.give_back(lease)
    except (OperationalError, InterfaceError) as error:
        log.warning("turn_not_left", error=type(error).__name__)


def _fail(lease: leases.Lease, error: str) -> None:
    try:
        with leases.fenced(
            lease,
            status=ChatTurn.Status.FAILED,
            error=error[:2000],
            ended_at=timezone.now(),
            lease_until=None,
        ):
            pass
    except (LeaseLostError, OperationalError, InterfaceError) as failure:
        log.warning("turn_not_closed", error=type(failure).__name__)


def _close_dead(turn: ChatTurn) -> None:
    if (lease := leases.claim(_unfinished(turn))) is not None:
        _fail(lease, "The process that answered it ended.")
        leases.forget(lease)


def _unfinished(turn: ChatTurn) -> QuerySet[ChatTurn]:
    return ChatTurn.objects.filter(pk=turn.pk, status__in=_UNFINISHED)

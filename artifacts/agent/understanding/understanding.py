"""Reads a message: by rules, and if they are not certain, with the text model, through the journal."""

import time
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import structlog

from artifacts.agent.understanding import llm
from artifacts.agent.understanding.intent import Intent, ProjectName, Situation
from artifacts.agent.understanding.rules import understand
from artifacts.models import Chat, ChatTurn
from dali.lib.calls.answers.usage import Usage
from dali.lib.clock import ms_since
from dali.lib.db.connections import release_db_connection
from progressions.enums import Purpose
from progressions.money import ledger
from progressions.work.steps import Journal, StepRecord

log = structlog.get_logger(__name__)

RULES = "rules"
STEP = "understand#1"
NOTHING_FOUND = "not_understood"
MOST_TURNS = 6


@dataclass(frozen=True, slots=True)
class Understanding:
    """Reads the message of one turn. A call to the model is recorded before it is sent, and charged once."""

    chat: Chat
    journal: Journal

    def of(
        self, message: str, situation: Situation, projects: tuple[ProjectName, ...]
    ) -> tuple[list[Intent], str]:
        """The intents and what read them (`rules` or a model); none if neither is certain."""
        intents = understand(message, situation)
        # A call is charged to a project; without a project its cost would not be recorded.
        if intents is not None or not projects or not llm.name_in_use():
            return intents or [], RULES
        kept = self.journal.result_of(STEP)
        if kept is None:
            kept = self._ask(message, situation, UUID(projects[0].id))
        return [Intent(**intent) for intent in kept.get("wishes", ())], kept.get("model", RULES)

    def _ask(self, message: str, situation: Situation, project_id: UUID) -> dict[str, Any]:
        """The result of the model's step; empty if the model did not help."""
        if self.journal.failures(STEP, NOTHING_FOUND):
            return {}
        said_before = self._said_before()
        unseen = llm.estimate(message, situation, said_before)
        if self.journal.unanswered(STEP):
            self.journal.give_up_unanswered(STEP, StepRecord(also=lambda: _charge(project_id, unseen=unseen)))
        attempt, started = self.journal.send(STEP, StepRecord()), time.perf_counter()
        release_db_connection()
        try:
            understood = llm.ask(message, situation, said_before)
        except llm.NotUnderstoodError as error:
            failure, ms = error, ms_since(started)
            kept = StepRecord(
                {"code": NOTHING_FOUND},
                also=lambda: _charge(
                    project_id, failure.usage, unseen=unseen if failure.is_possibly_billed else None
                ),
            )
            self.journal.fail(STEP, attempt, kept, error=str(error), ms=ms)
            return {}
        result = {
            "wishes": [asdict(intent) for intent in understood.intents],
            "model": understood.model,
            "dropped": list(understood.dropped),
        }
        charge = StepRecord(result, also=lambda: _charge(project_id, understood.usage))
        self.journal.answer(STEP, attempt, charge, ms=ms_since(started))
        return result

    def _said_before(self) -> list[tuple[str, str]]:
        turns = self.chat.turns.filter(status=ChatTurn.Status.DONE).order_by("-number")
        return list(turns.values_list("input", "reply")[:MOST_TURNS])[::-1]


def _charge(project_id: UUID, usage: Usage | None = None, *, unseen: Usage | None = None) -> None:
    """Books a call: its usage, or the estimate if its answer was lost."""
    ledger.charge_usages(
        [] if usage is None else [usage],
        unseen=[] if unseen is None or usage is not None else [unseen],
        purpose=Purpose.AGENT,
        project_id=project_id,
        job_id=None,
    )

"""Judges images of a period again, with a chosen judge."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Literal
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import QuerySet

from dali.lib.calls.answers.usage import Usage
from progressions.enums import Judgment
from progressions.errors import JudgeError
from progressions.judge import Judge, Verdict
from progressions.models import ImageProgression
from progressions.money import ledger
from progressions.pipeline import late_judging, writes
from progressions.work import leases

log = structlog.get_logger(__name__)

Only = Literal["all", "none", "pass", "fail"]
THREADS = 8
_CHUNK = 64


@dataclass(frozen=True, slots=True)
class JudgingScope:
    """Which images: made from `since` on and before `until` (None: now), with which verdict, whose, by whom."""

    since: datetime
    until: datetime | None = None
    only: Only = "all"
    project_id: UUID | None = None
    provider: str = ""

    def rows(self) -> QuerySet[ImageProgression]:
        """The images; rollbacks have no job, show what another row shows, and are never judged."""
        rows = ImageProgression.objects.filter(job__isnull=False, created_at__gte=self.since).order_by("id")
        if self.until is not None:
            rows = rows.filter(created_at__lt=self.until)
        if self.only == "none":
            rows = rows.filter(judgment__isnull=True)
        elif self.only != "all":
            rows = rows.filter(judgment=self.only)
        if self.project_id is not None:
            rows = rows.filter(project_id=self.project_id)
        return rows.filter(ai_provider=self.provider) if self.provider else rows


@dataclass(slots=True)
class JudgingTally:
    """How many images got which verdict. `unsaid`: the judge gave none; `failed`: the judge failed, see the log.

    `usd`: what is known to have been paid; `unpriced`: calls of unknown price.
    """

    passed: int = 0
    not_passed: int = 0
    unsaid: int = 0
    failed: int = 0
    usd: Decimal = Decimal(0)
    unpriced: int = 0

    @property
    def done(self) -> int:
        """Images looked at."""
        return self.passed + self.not_passed + self.unsaid + self.failed

    def add_usage(self, usage: tuple[Usage, ...]) -> None:
        """Adds up what calls cost."""
        for used in usage:
            cost = ledger.cost_of_usages([used])
            if cost is None:
                self.unpriced += 1
            else:
                self.usd += cost


def rejudge(
    choice: JudgingScope, judge: Judge, tell: Callable[[JudgingTally], None], is_stopping: Callable[[], bool]
) -> JudgingTally:
    """Has the judge look at each image, a few at once, and writes and tells what it says as a late verdict.

    The threads only look; this one writes. `tell` is called after every image. Once `is_stopping`, no further image is
    begun, and those under way are ended. A judge that fails or cannot say takes no verdict back.
    """
    tally = JudgingTally()
    rows = _by_id(choice.rows())
    pending: dict[Future[Verdict], tuple[ImageProgression, leases.Lease | None]] = {}
    with ThreadPoolExecutor(THREADS, thread_name_prefix="judge") as pool:
        while True:
            room = 0 if is_stopping() else THREADS - len(pending)
            for row in islice(rows, room):
                # So that no server judges it meanwhile; where one does already, both verdicts count.
                lease = late_judging.claim(ImageProgression.objects.filter(id=row.id))
                pending[pool.submit(late_judging.look, row, judge)] = row, lease
            if not pending:
                return tally
            done, _ = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                row, lease = pending.pop(future)
                _write(row, future, tally)
                if lease is not None:
                    leases.give_back(lease)
                tell(tally)


def _by_id(rows: QuerySet[ImageProgression]) -> Iterator[ImageProgression]:
    """The rows, piece by piece: an open cursor would hold back SQLite's log for as long as the judge takes."""
    rows = rows.select_related("job")
    chunk = list(rows[:_CHUNK])
    while chunk:
        yield from chunk
        chunk = list(rows.filter(id__gt=chunk[-1].id)[:_CHUNK])


def _write(row: ImageProgression, future: Future[Verdict], tally: JudgingTally) -> None:
    try:
        verdict = future.result()
    except JudgeError as error:
        log.warning("judge_failed", error=str(error), progressionId=str(row.id))
        with transaction.atomic():
            writes.charge_verdict(row, error.usage, error.unseen)
        tally.failed += 1
        tally.add_usage(error.usage)
        return
    if row.job is not None:
        with transaction.atomic():
            late_judging.write_late(row, row.job, verdict)
    tally.add_usage(verdict.usage)
    if verdict.judgment is None:
        tally.unsaid += 1
    elif verdict.judgment == Judgment.PASS:
        tally.passed += 1
    else:
        tally.not_passed += 1

"""Has images judged again, for instance by another judge."""

import signal
from argparse import ArgumentTypeError
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dali.lib.errors import DaliError
from progressions.judge import Judge, judge_in_use, judges
from progressions.management.progress import add_project, bar_over, find_project
from progressions.upkeep.rejudging import JudgingScope, JudgingTally, rejudge


def start_of(value: str) -> datetime:
    """`2026-11-01`, its first moment in UTC, or `2026-11-01T12:30[+01:00]`."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ArgumentTypeError(
            f"'{value}' is not a date or time such as 2026-11-01 or 2026-11-01T12:30"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def end_of(value: str) -> datetime:
    """As `start_of`, but a day without a time ends with its last moment, so that the day is included."""
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return start_of(value)
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


class Command(BaseCommand):
    """`manage.py judge`. Runs in this process, with or without a server; Ctrl-C ends it after the current images."""

    help = (
        "Judges the images of a period again, with the current judge or another one, and prints the cost. It can run "
        "beside a server: verdicts are stored and sent to the streams as late ones."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=start_of, required=True, help="the first day, or moment, in UTC")
        parser.add_argument("--until", type=end_of, help="the last day, or the moment before which")
        parser.add_argument("--judge", help="name of the judge; default: the judge in use")
        parser.add_argument(
            "--only", choices=("all", "none", "pass", "fail"), default="all",
            help="those with this verdict; none: without any",
        )  # fmt: skip
        parser.add_argument("--provider", default="", help="only images that this provider made")
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")
        add_project(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        judge = find_judge(options["judge"])
        choice = JudgingScope(
            since=options["since"], until=options["until"], only=options["only"],
            project_id=find_project(options["project"]), provider=options["provider"],
        )  # fmt: skip
        total = choice.rows().count()
        if options["dry_run"]:
            self.stdout.write(f"{total} images would be judged by {judge.name}; none was.")
            return
        tally, was_stopped = self._run(choice, judge, total)
        self.stdout.write(report(tally, judge.name, total))
        if was_stopped:
            raise SystemExit(130)
        if tally.failed:
            raise CommandError(f"{tally.failed} could not be judged; the log names each and why")

    def _run(self, choice: JudgingScope, judge: Judge, total: int) -> tuple[JudgingTally, bool]:
        stops: list[int] = []

        def stop(number: int, _frame: object) -> None:
            if stops:
                raise KeyboardInterrupt
            stops.append(number)
            self.stderr.write(
                f"Stopping once what is under way has ended, within {settings.JUDGE_TIMEOUT_S:g} s; "
                "again to stop at once."
            )

        before = signal.signal(signal.SIGINT, stop)
        try:
            with bar_over(total) as move:
                tally = rejudge(choice, judge, lambda tally: move(tally.done), lambda: bool(stops))
        finally:
            signal.signal(signal.SIGINT, before)
        return tally, bool(stops)


def find_judge(name: str | None) -> Judge:
    """The named judge, or the one in use. Raises CommandError if there is none or a setting is missing."""
    try:
        judge = judges.get(name) if name else judge_in_use()
    except DaliError as error:
        raise CommandError(str(error)) from None
    if missing := judge.missing():
        raise CommandError(f"the judge {judge.name} is not configured: set {', '.join(missing)}")
    return judge


def report(tally: JudgingTally, judge: str, total: int) -> str:
    """The result in one line."""
    line = (
        f"{tally.done} of {total} judged by {judge}: {tally.passed} pass, {tally.not_passed} fail, "
        f"{tally.unsaid} could not be said, {tally.failed} failed. Cost: {tally.usd:.6f} USD"
    )
    return f"{line}, and {tally.unpriced} calls of unknown price." if tally.unpriced else f"{line}."

"""What the commands of upkeep share: the project they are limited to, a progress bar, the report."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from progressions.upkeep.rebuild import RebuildCounts
from projects.models import Project


def add_project(parser: CommandParser) -> None:
    """Adds `--project`."""
    parser.add_argument("--project", help="id of the only project to work on")


def find_project(value: str | None) -> uuid.UUID | None:
    """The id of the named project; None without a name. Raises CommandError if the project does not exist."""
    if value is None:
        return None
    try:
        id_ = uuid.UUID(value)
    except ValueError:
        raise CommandError(f"'{value}' is not a project id") from None
    if not Project.objects.filter(id=id_).exists():
        raise CommandError(f"there is no project {value}")
    return id_


@contextmanager
def bar_over(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal; yields the function that sets how many are done."""
    console = Console(stderr=True)
    bar = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not (console.is_terminal and total),
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


def run_with_bar(
    command: BaseCommand, total: int, work: Callable[[Callable[[RebuildCounts], None]], RebuildCounts]
) -> None:
    """Runs `work` under a progress bar and prints how many rows were written, kept and failed.

    Raises CommandError (exit code 1) if some failed.
    """
    with bar_over(total) as move:
        counts = work(lambda counts: move(counts.done))
    gone = f", {counts.gone} skipped because their originals are gone" if counts.gone else ""
    command.stdout.write(
        f"{counts.done} looked at: {counts.changed} written, {counts.kept} right already, {counts.failed} failed{gone}."
    )
    if counts.failed:
        raise CommandError(f"{counts.failed} could not be made; the log names each and why")

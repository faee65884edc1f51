"""Shows a job on a terminal: a progress bar for each variant, driven by the session's events, then the verdicts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

COLOURS = {"pass": "green", "fail": "red", "failed": "red", "skipped": "yellow", "cancelled": "yellow"}


@dataclass(slots=True)
class VariantLine:
    """The state of one variant's line."""

    name: str
    task: TaskID
    state: str = "queued"
    address: str = ""
    judgment: str | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        """The verdict if there is an image, otherwise how the variant ended."""
        if self.state == "complete":
            return self.judgment or "not judged"
        return self.state


class JobScreen:
    """Shows one job: bars on a terminal, otherwise a line for each event."""

    def __init__(self, job_id: str, console: Console | None = None) -> None:
        self.job_id = job_id
        self.lines: dict[str, VariantLine] = {}
        self._console = console or Console()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            TaskProgressColumn(),
            TextColumn("{task.fields[step]}", markup=False),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def follow(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Shows events as they arrive; returns after the job's `complete`, or when they end."""
        with self._progress:
            for event in events:
                if event.get("jobId") != self.job_id:
                    continue
                if event["type"] == "complete" and event.get("scope") == "job":
                    return
                self._take(event)

    def report(self) -> None:
        """Prints each variant's verdict, image URL and remarks."""
        for line in self.lines.values():
            text = Text(f"{line.name}  ", style="bold")
            text.append(line.word, style=COLOURS.get(line.word, "cyan"))
            if line.address:
                text.append(f"  {line.address}", style="not bold")
            self._console.print(text, soft_wrap=True)
            for remark in line.remarks:
                self._console.print(Text(f"    {remark}"), soft_wrap=True)

    @property
    def is_all_complete(self) -> bool:
        """Whether every variant ended with an image."""
        return bool(self.lines) and all(line.state == "complete" for line in self.lines.values())

    def _take(self, event: Mapping[str, Any]) -> None:
        variant_id = event.get("variantId")
        if variant_id is None:
            return
        line = self.lines.get(variant_id)
        if line is None:
            name = f"{event['provider']} {event['variantIndex']}"
            line = self.lines[variant_id] = VariantLine(
                name, self._progress.add_task(name, total=1, step="queued")
            )
        line.address = event.get("generatedImageUrl") or line.address
        step = self._react(line, event)
        self._progress.update(line.task, step=step)
        if not self._console.is_terminal:
            self._console.print(Text(f"{line.name}  {self._percent(line):3} %  {step}"), soft_wrap=True)

    def _percent(self, line: VariantLine) -> int:
        return next(round(task.percentage) for task in self._progress.tasks if task.id == line.task)

    def _react(self, line: VariantLine, event: Mapping[str, Any]) -> str:
        """Applies one event; returns the text to show behind the bar."""
        match event["type"]:
            case "progress":
                self._progress.update(line.task, completed=event.get("progress", 0))
                if event.get("retryInMs") is not None:
                    return f"again in {event['retryInMs'] / 1000:.0f} s: {event.get('error', '')}"
                return str(event.get("step", ""))
            case "judge":
                line.judgment, line.remarks = event["judgment"], list(event.get("notes") or [])
                if event.get("retrySuggestion"):
                    line.remarks.append(f"To try: {event['retrySuggestion']}")
                return (
                    f"judged: {line.word if line.state == 'complete' else line.judgment or 'could not say'}"
                )
            case "fail":
                line.state = "cancelled" if event.get("code") == "cancelled" else "failed"
                line.remarks = [f"{event.get('code', '')}: {event.get('error', '')}"]
                return line.state
            case "complete":
                return self._end(line, event)
            case "running":
                line.state = "running"
        return str(event["type"])

    def _end(self, line: VariantLine, event: Mapping[str, Any]) -> str:
        self._progress.update(line.task, completed=1)
        line.state = "complete"
        if event.get("skipped"):
            line.state = "skipped"
            kept = f"POST /api/variants/{event['variantId']}/keep keeps it anyway"
            line.remarks = [
                f"near-duplicate of {event.get('duplicateOf')}, distance {event.get('distance')};",
                kept,
            ]
        return line.word

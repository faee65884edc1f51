"""The end of .ci/run: the outcome of each stage, and whether a test ran in none of the suites.

`python -m tests.house.verdict STAGES REPORT...`: lines of outcome, seconds and name, and pytest's JUnit reports.
"""

import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

# Tests that call a provider's live service run by hand, with its key.
BY_HAND = "live:"


@dataclass(slots=True)
class Outcomes:
    """The outcomes of the tests of one or more reports, by test name."""

    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    def ran_nowhere(self) -> dict[str, str]:
        """Tests that were skipped in every report, with the reason; without those that run by hand."""
        return {
            name: reason
            for name, reason in self.skipped.items()
            if name not in self.passed and name not in self.failed and not reason.startswith(BY_HAND)
        }


def read(reports: list[Path]) -> Outcomes:
    """The outcomes in pytest's reports; a missing report counts as one failure."""
    outcomes = Outcomes()
    for report in reports:
        if not report.is_file():
            outcomes.failed.add(f"{report.name} was not written")
            continue
        for case in ET.parse(report).getroot().iter("testcase"):
            name = f"{case.get('classname')}::{case.get('name')}"
            outcomes.runs += 1
            skipped = case.find("skipped")
            if skipped is not None:
                outcomes.skipped[name] = skipped.get("message", "")
            elif case.find("failure") is not None or case.find("error") is not None:
                outcomes.failed.add(name)
            else:
                outcomes.passed.add(name)
    return outcomes


def main(stages: Path, reports: list[Path]) -> int:
    """Prints the stages, failed and left-out tests, and the last line; returns the exit code."""
    rows = [line.split("\t") for line in stages.read_text().splitlines()]
    for outcome, seconds, name in rows:
        print(f"{outcome}  {int(seconds):5d} s  {name}")
    outcomes = read(reports)
    for name in sorted(outcomes.failed):
        print(f"FAILED   {name}")
    left_out = outcomes.ran_nowhere()
    for name, reason in sorted(left_out.items()):
        print(f"LEFT OUT {name}: {reason}")
    failed_stages = sum(outcome == "failed" for outcome, _, _ in rows)
    failed = len(outcomes.failed) + len(left_out)
    print(f"{len(rows) - failed_stages} stages passed, {failed_stages} failed")
    print(f"{len(outcomes.passed)} passed, {failed or failed_stages} failed")
    return 1 if failed or failed_stages else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))

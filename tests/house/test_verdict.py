"""The end of .ci/run: what it counts, and what it treats as a failure."""

from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.house.verdict import BY_HAND, main

PASSED = '<testcase classname="a" name="runs"/>'
FAILED = '<testcase classname="a" name="fails"><failure message="no"/></testcase>'
SKIPPED = '<testcase classname="a" name="runs"><skipped message="needs Redis"/></testcase>'
LIVE = '<testcase classname="a" name="asks"><skipped message="live: needs a key"/></testcase>'


def verdict(folder: Path, stages: str, *reports: str) -> int:
    """The exit code for these stages and the test cases of each report."""
    (folder / "stages").write_text(stages)
    paths = []
    for number, cases in enumerate(reports):
        paths.append(folder / f"{number}.xml")
        paths[-1].write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    return main(folder / "stages", paths)


STAGE = "passed\t3\tmake check\n"


@pytest.mark.parametrize(
    ("stages", "reports", "code", "closing"),
    [
        (STAGE, [PASSED], 0, "1 passed, 0 failed"),
        (STAGE, [PASSED + LIVE], 0, "1 passed, 0 failed"),
        (STAGE, [SKIPPED, PASSED], 0, "1 passed, 0 failed"),
        (STAGE, [SKIPPED, SKIPPED], 1, "0 passed, 1 failed"),
        (STAGE, [PASSED + FAILED], 1, "1 passed, 1 failed"),
        ("failed\t3\tmake demo\n", [PASSED], 1, "1 passed, 1 failed"),
    ],
)
def test_the_last_line_counts_passed_and_failed_tests(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    stages: str,
    reports: list[str],
    code: int,
    closing: str,
) -> None:
    assert verdict(tmp_path, stages, *reports) == code
    assert capsys.readouterr().out.splitlines()[-1] == closing


def test_a_report_that_was_not_written_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stages").write_text(STAGE)
    assert main(tmp_path / "stages", [tmp_path / "none.xml"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 1 failed"


def test_every_manual_test_says_so_when_it_is_skipped() -> None:
    files = [
        path for path in (ROOT / "tests").rglob("test_*.py") if "    pytest.mark.live,\n" in path.read_text()
    ]
    assert len(files) == 4
    for path in files:
        assert f'reason="{BY_HAND} needs ' in path.read_text(), path

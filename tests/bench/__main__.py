"""`make bench`: every measurement of this folder, one after another, each in its own process."""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def measurements() -> list[str]:
    """The modules of this folder that have a `main`."""
    return sorted(path.stem for path in HERE.glob("[a-z]*.py") if "\ndef main(" in path.read_text())


def main(chosen: list[str]) -> int:
    """Runs the chosen measurements, or all; returns how many failed."""
    known = measurements()
    unknown = [name for name in chosen if name not in known]
    if unknown:
        print(f"not known: {', '.join(unknown)}; known: {', '.join(known)}")
        return 2
    failed = []
    for name in chosen or known:
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        if subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode:
            failed.append(name)
        print(f"({time.monotonic() - began:.0f} s)", flush=True)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

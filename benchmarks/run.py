"""`make bench`: runs every benchmarks/bench_*.py, one after the other, and says which met its goals.

A benchmark is a script: it prints what it measured, as ratios to something of the same run wherever that is possible (machines
differ, ratios less so), and ends with code 0 when its goals were met. Absolute numbers are for the machine at hand.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIMEOUT_S = 1200


def main() -> int:
    """0 when every benchmark met its goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks to run, such as `capture`; all of them by default")
    names = parser.parse_args().names or sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    results: dict[str, str] = {}
    for name in names:
        print(f"== {name}", flush=True)
        begun = time.monotonic()
        try:
            done = subprocess.run(
                [sys.executable, "-m", f"benchmarks.bench_{name}"], cwd=HERE.parent, timeout=TIMEOUT_S, check=False
            )
            outcome = "goals met" if done.returncode == 0 else f"goals missed (exit code {done.returncode})"
        except subprocess.TimeoutExpired:
            outcome = f"not finished after {TIMEOUT_S} s"
        results[name] = f"{outcome}, {time.monotonic() - begun:.0f} s"
    print("==")
    for name, outcome in results.items():
        print(f"{name:<12} {outcome}")
    return 0 if all(outcome.startswith("goals met") for outcome in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Run whole processes one after the other, and show what they cost in a small table.

Every number is of a whole process as its operating system saw it (``wait4``), so interpreter
start, imports and reports are inside. Peak memory is of the largest process of a tree, and at
least that of the script which started it: scripts that read it import nothing large.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parent.parent
"""The checkout."""

PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
"""How every script runs pytest; what is measured comes after it."""

ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Environment in which no installed plugin loads itself, so that none of them is measured too."""

EVAL = ("-p", "pytest_modeleval.plugin.hooks", "--model-eval")
"""How evals are run in that environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process cost.

    Attributes:
        wall_s: Seconds from start to end.
        cpu_s: Seconds of CPU, user and system, with children that it waited for.
        peak_mib: Largest resident size, in MiB.
        output: What it wrote to standard output.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    output: str


def run(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end.

    Raises:
        SystemExit: It didn't end with status 0; what it wrote is shown.
    """
    # Nothing of the caller's own pytest or provider may change what is measured, nor may an
    # environment that keeps Python from caching what it compiles.
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "OPENAI_", "PYTHONDONTWRITEBYTECODE"))
    }
    # What is measured is the checkout that the scripts stand in, whatever else is installed.
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    fixed = {"PYTHONPATH": path, "OPENAI_API_KEY": "none", "NO_PROXY": "127.0.0.1"}
    environment = {**inherited, **fixed, **(env or {})}
    with tempfile.TemporaryFile() as out:
        start_s = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=out, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start_s
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        output = out.read().decode(errors="replace")
    if process.returncode != 0:
        shown = " ".join(map(str, command))
        sys.exit(f"{shown}\nended with status {process.returncode}:\n{output[-4000:]}")
    return Cost(
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
        output=output,
    )


def interleave(rows: Mapping[str, Callable[[], Cost]], runs: int) -> dict[str, list[Cost]]:
    """Each row's costs; the rows take turns, so that a busy minute of the machine hits them all."""
    costs: dict[str, list[Cost]] = {name: [] for name in rows}
    for index in range(runs):
        # The order turns round every time, so that no row always follows the same one.
        names = list(rows) if index % 2 == 0 else list(reversed(rows))
        for name in names:
            costs[name].append(rows[name]())
    return costs


def median(costs: Sequence[Cost], name: str) -> float:
    """The median of one attribute of these costs."""
    return statistics.median(getattr(cost, name) for cost in costs)


def ratio(costs: Sequence[Cost], reference: Sequence[Cost], name: str) -> float:
    """The median over turns of how often one attribute holds the reference's."""
    return statistics.median(
        getattr(cost, name) / getattr(other, name)
        for cost, other in zip(costs, reference, strict=True)
    )


def show(costs: Mapping[str, Sequence[Cost]], *, reference: str) -> None:
    """Print a line per row: medians, and in brackets the ratios to the reference row."""
    print(f"{'median of ' + str(len(costs[reference])):<28}{'wall s':>16}{'CPU s':>16}{'MiB':>16}")
    for row, values in costs.items():
        cells = ""
        for name, form in (("wall_s", "7.2f"), ("cpu_s", "7.2f"), ("peak_mib", "7.0f")):
            times = ratio(values, costs[reference], name)
            cells += f"{median(values, name):{form}} ({times:4.2f}x)".rjust(16)
        print(f"{row:<28}{cells}")


class Bars:
    """The bars of one script: printed with what was measured, and its exit status.

    A quick run is too small to judge, so it only shows them.
    """

    def __init__(self, *, quick: bool) -> None:
        self._quick = quick
        self._is_missed = False

    def check(self, what: str, value: float, bar: float, unit: str = "") -> None:
        """Print one measured value beside the bar that it may not be over."""
        self._judge(what, value, f"bar {bar:g}{unit}", unit, is_met=value <= bar)

    def check_least(self, what: str, value: float, bar: float, unit: str = "") -> None:
        """Print one measured value beside the bar that it may not be under."""
        self._judge(what, value, f"bar at least {bar:g}{unit}", unit, is_met=value >= bar)

    def _judge(self, what: str, value: float, bar: str, unit: str, *, is_met: bool) -> None:
        verdict = "met" if is_met else "NOT MET"
        if self._quick:
            verdict = "not judged: quick run"
        elif not is_met:
            self._is_missed = True
        print(f"{what}: {value:.2f}{unit}, {bar}: {verdict}")

    def exit(self) -> None:
        """End the script, with status 1 where a bar was not met."""
        sys.exit(int(self._is_missed))


def make_parser(doc: str, *, runs: int = 5) -> argparse.ArgumentParser:
    """A parser with what every script understands; its help is the script's docstring."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=runs, help=f"turns (default {runs})")
    parser.add_argument("--quick", action="store_true", help="one small run that judges no bar")
    return parser


@contextlib.contextmanager
def project(files: Mapping[str, str]) -> Iterator[Path]:
    """A temporary folder with these files, by name."""
    with tempfile.TemporaryDirectory(prefix="modeleval-benchmark-") as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
        yield folder


def records(folder: Path) -> list[dict]:
    """The records of the only run of this project."""
    (journal,) = folder.glob(".modeleval/runs/*/records.jsonl")
    lines = journal.read_text(encoding="utf-8").split("\n")
    found = [json.loads(line) for line in lines if line]
    return [record for record in found if "outcome" in record]


def outcomes(folder: Path) -> Counter[str]:
    """How often each outcome stands in these records."""
    return Counter(record["outcome"] for record in records(folder))


def accuracy(counts: Mapping[str, int]) -> float:
    """Passed among passed, missed and errored; see the product's definition of accuracy."""
    judged = sum(counts.get(outcome, 0) for outcome in ("passed", "missed", "errored"))
    return counts.get("passed", 0) / judged

"""Reports of 10,000 cases: size, time and memory of writing them, and time to open the HTML one.

Questions and answers are texts of some hundred characters; one case in ten is missed, each has a
score with a reason, and all are compared with a baseline. Measured is a process that makes the run
and writes a report of each format, against one that makes the run alone. Where Chromium is installed the file is
opened in it as well.

Bars: HTML of at most 15 MB, 3 s of CPU for the writing of each, 200 MiB more than making the run takes, 2 s of CPU to open.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import measure

SUFFIXES = (".html", ".md", ".json", ".csv")
MAX_MB, MAX_S, MAX_MIB, MAX_OPEN_S = 15.0, 3.0, 200.0, 2.0
SENTENCE = "the cook asks whether her shift of Sunday was swapped and who is told about it"

MAKE = """
import sys
from pathlib import Path
sys.path.insert(0, {benchmarks!r})
from html_report import make_report
report = make_report({n_cases})
if {writes}:
    from pytest_modeleval.reports.files import write_report
    import time
    for suffix in {suffixes!r}:
        start_s = time.process_time()
        write_report(report, Path("report" + suffix))
        print("SECONDS", time.process_time() - start_s)
"""


def make_report(n_cases: int):
    """A report of so many cases, compared with a baseline."""
    from dataclasses import replace

    from pytest_modeleval.core.comparisons import compare, numbers_of
    from pytest_modeleval.core.gates import judge
    from pytest_modeleval.core.judgements import Coverage
    from pytest_modeleval.core.records import Record
    from pytest_modeleval.core.thresholds import parse_threshold
    from pytest_modeleval.reports.base import Report

    words = SENTENCE.split()

    def text(index: int, n_words: int) -> str:
        return " ".join(words[(index * 7 + i * i) % len(words)] for i in range(n_words))

    records = [
        Record(
            suite="tickets",
            case_id=f"case-{index}",
            model="app:answer",
            nodeid=f"test_it.py::test_ticket[case-{index}]",
            outcome="missed" if index % 10 == 0 else "passed",
            input=f"{index} <b>{text(index, 60)}</b>",
            expected=text(index + 1, 40),
            output=text(index + 1 + (index % 10 == 0), 40),
            reason="assert 'a' == 'b'" if index % 10 == 0 else None,
            latency_s=0.2 + (index * 37 % 1000) / 1000,
            cost_usd=0.001 + index % 7 * 1e-4,
            scores={"tone": {"value": index % 5 / 4, "reason": text(index, 12)}},
            tags=(f"tag-{index % 20}",),
            content_hash=str(index),
        )
        for index in range(n_cases)
    ]
    before = [replace(item, outcome="passed") for item in records]
    comparisons = compare(numbers_of(records), numbers_of(before))
    verdict = judge(
        records,
        [Coverage(suite="tickets", n_total=n_cases, n_selected=n_cases)],
        [parse_threshold("accuracy >= 85%"), parse_threshold("p95_latency <= 1s")],
        comparisons=comparisons,
    )
    return Report(
        run_id="20260101-000000-abcd",
        verdict=verdict,
        records=records,
        baseline="evals/baseline.jsonl",
        comparisons=comparisons,
        folder=".modeleval/runs/20260101-000000-abcd",
    )


def run(n_cases: int, *, writes: bool, folder: Path) -> measure.Cost:
    benchmarks = str(Path(__file__).parent)
    script = MAKE.format(benchmarks=benchmarks, n_cases=n_cases, writes=writes, suffixes=SUFFIXES)
    return measure.run([sys.executable, "-c", script], cwd=folder)


def open_s(path: Path) -> float | None:
    """Seconds of CPU that Chromium's page takes until its table is there; None without Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright

    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as api:
        browser = api.chromium.launch(executable_path=chromium, args=options)
        page = browser.new_page()
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(path.as_uri())
        page.wait_for_selector("tr.row")
        metrics = session.send("Performance.getMetrics")["metrics"]
        browser.close()
    return next(item["value"] for item in metrics if item["name"] == "TaskDuration")


def main() -> None:
    parser = measure.make_parser(__doc__, runs=3)
    parser.add_argument("--cases", type=int, default=10_000)
    given = parser.parse_args()
    n_cases, runs = (500, 1) if given.quick else (given.cases, given.runs)
    with tempfile.TemporaryDirectory(prefix="modeleval-benchmark-") as name:
        folder = Path(name)
        rows = {
            "the run alone": lambda: run(n_cases, writes=False, folder=folder),
            "with the reports": lambda: run(n_cases, writes=True, folder=folder),
        }
        costs = measure.interleave(rows, runs)
        size_mb = os.path.getsize(folder / "report.html") / 1e6
        opened = [open_s(folder / "report.html") for _ in range(runs)]

    print(f"{n_cases} cases")
    measure.show(costs, reference="the run alone")
    more_mib = [
        one.peak_mib - other.peak_mib
        for one, other in zip(costs["with the reports"], costs["the run alone"], strict=True)
    ]
    bars = measure.Bars(quick=given.quick)
    bars.check("size", size_mb, MAX_MB, " MB")
    for index, suffix in enumerate(SUFFIXES, start=1):
        seconds = [float(cost.output.split("SECONDS")[index]) for cost in costs["with the reports"]]
        bars.check(f"writing {suffix}", statistics.median(seconds), MAX_S, " s of CPU")
    bars.check("memory of writing", statistics.median(more_mib), MAX_MIB, " MiB")
    if None in opened:
        print("opening: not measured, since no chromium is installed")
    else:
        bars.check("opening", statistics.median(opened), MAX_OPEN_S, " s of CPU")
    bars.exit()


if __name__ == "__main__":
    main()

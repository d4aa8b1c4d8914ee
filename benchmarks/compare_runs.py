"""Comparing runs: ``modeleval compare`` of two runs of 10,000 cases, and ``combine`` of 8 shards.

The store is generated: two runs of the same cases, of which the second misses others and is
slower; and the first once more in eight shards, which are compared with the second. Measured are
whole processes.

Bars: at most 2 s to compare, at most 3 s to combine.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING

import measure

sys.path.insert(0, str(measure.ROOT))

from pytest_modeleval.core.cases import Case
from pytest_modeleval.core.predictions import Prediction, Usage
from pytest_modeleval.core.records import make_record

if TYPE_CHECKING:
    from pathlib import Path

COMPARE_BAR_S = 2.0
COMBINE_BAR_S = 3.0
N_SHARDS = 8
COMMAND = [sys.executable, "-m", "pytest_modeleval.cli"]
QUESTION = "I want shift leaders to approve swaps, but they must not see anyone's wages. " * 4


def make_line(index: int, *, missed_every: int, slower: float) -> str:
    """The record of one case as it stands in a journal."""
    case = Case(
        id=f"ticket-{index}",
        input=f"{QUESTION} {index}",
        expected="account",
        tags=("angry",) if index % 3 else (),
        metadata={"customer": f"customer {index % 100}"},
        source=f"tickets.csv:{index + 2}",
    )
    is_missed = index % missed_every == 0
    answer = Prediction(
        output="bug" if is_missed else "account",
        latency_s=0.1 + (index % 977) / 5000 * slower,
        total_s=0.4,
        queue_s=0.01,
        n_attempts=1,
        cost_usd=0.0001 + index % 7 / 1e5,
        cost_source="model_eval_prices",
        usage=Usage(input_tokens=100 + index % 50, output_tokens=1),
    )
    record = make_record(
        case,
        suite="test_ticket",
        model="openai:gpt-5-mini",
        nodeid=f"evals/test_tickets.py::test_ticket[{case.id}]",
        outcome="missed" if is_missed else "passed",
        answer=answer,
        reason="assert 'bug' == 'account'" if is_missed else None,
    )
    return json.dumps(record.to_dict())


def write_run(folder: Path, name: str, lines: list[str], left_out: list[str]) -> None:
    """The folder of one run of these lines."""
    n_total = len(lines) + len(left_out)
    coverage = {
        "suite": "test_ticket",
        "variant": "",
        "n_total": n_total,
        "n_selected": len(lines),
        "n_models": 1,
        "n_repeats": 1,
        "tags": {},
        "thresholds": [],
    }
    manifest = {
        "format_version": 1,
        "run_id": name,
        "started": "2026-03-01T12:00:00+00:00",
        "thresholds": ["accuracy >= 60%", "p95_latency <= 5s", "accuracy regression <= 90%"],
        "coverages": [coverage],
        "left_out": {"test_ticket": left_out},
    }
    summary = {
        "format_version": 1,
        "started": manifest["started"],
        "seconds": 60.0,
        "n_records": len(lines),
        "verdict": {"status": "met", "reason": None, "thresholds": []},
    }
    run = folder / ".modeleval" / "runs" / name
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps(manifest, indent=2))
    (run / "records.jsonl").write_text("\n".join(lines) + "\n")
    (run / "summary.json").write_text(json.dumps(summary))


def make_store(folder: Path, n_cases: int) -> list[str]:
    """The runs ``before`` and ``after``, and ``before`` in shards, whose names it gives."""
    before = [make_line(index, missed_every=10, slower=1.0) for index in range(n_cases)]
    after = [make_line(index, missed_every=9, slower=1.2) for index in range(n_cases)]
    write_run(folder, "before", before, [])
    write_run(folder, "after", after, [])
    names = [f"ticket-{index}" for index in range(n_cases)]
    shards = []
    for shard in range(N_SHARDS):
        left_out = [name for index, name in enumerate(names) if index % N_SHARDS != shard]
        shards.append(f"shard-{shard}")
        write_run(folder, shards[-1], before[shard::N_SHARDS], left_out)
    return shards


def run_checked(folder: Path, wanted: str, *arguments: str) -> measure.Cost:
    """One command's cost; exits where it does not print what it should."""
    cost = measure.run([*COMMAND, *arguments], cwd=folder)
    if wanted not in cost.output:
        sys.exit(f"{wanted!r} is not in what was printed:\n{cost.output}")
    return cost


def main() -> None:
    parser = measure.make_parser(__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    given = parser.parse_args()
    n_cases, runs = (1_000, 1) if given.quick else (given.cases, given.runs)
    with measure.project({}) as folder:
        shards = make_store(folder, n_cases)
        rows = {
            "compare": partial(
                run_checked, folder, f"{n_cases} cases", "compare", "before", "after"
            ),
            "combine": partial(
                run_checked, folder, "gate: met", "combine", "--baseline=after", *shards
            ),
        }

        costs = measure.interleave(rows, runs)

    print(f"{n_cases} cases, {N_SHARDS} shards")
    measure.show(costs, reference="compare")
    bars = measure.Bars(quick=given.quick)
    bars.check("compare: median", measure.median(costs["compare"], "wall_s"), COMPARE_BAR_S, " s")
    bars.check("combine: median", measure.median(costs["combine"], "wall_s"), COMBINE_BAR_S, " s")
    bars.exit()


if __name__ == "__main__":
    main()

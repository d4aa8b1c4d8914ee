"""Throughput: 1,000 cases of an OpenAI-compatible model that takes 100 ms, 64 at a time.

Measured is the whole process ``pytest --model-eval``, from start to exit, against the same cases
asked by a bare ``AsyncOpenAI`` loop (bare_loop.py), also a whole process. Each run has a fake
server of its own, which checks that every case was asked exactly once.

Bar: at most 1.5 times the wall time of the bare loop.
"""

from __future__ import annotations

import measure
from served import Contest

BAR = 1.5


def main() -> None:
    parser = measure.make_parser(__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds of one answer")
    given = parser.parse_args()
    n_cases, runs = (100, 1) if given.quick else (given.cases, given.runs)
    contest = Contest(n_cases, given.concurrency, {"latency_s": given.latency})
    rows = {"bare loop": contest.run_bare_loop, "pytest --model-eval": contest.run_plugin}

    costs = measure.interleave(rows, runs)

    print(f"{n_cases} cases, {given.latency} s each, concurrency {given.concurrency}")
    measure.show(costs, reference="bare loop")
    for name, stats in contest.stats.items():
        in_flight = max(seen["max_in_flight"] for seen in stats)
        server_ms = max(seen["cpu_s"] for seen in stats) / n_cases * 1000
        print(f"{name}: up to {in_flight} in flight; server {server_ms:.2f} ms CPU a request")
    print("every case was asked exactly once, and both accuracies are right")
    bars = measure.Bars(quick=given.quick)
    times = measure.ratio(costs["pytest --model-eval"], costs["bare loop"], "wall_s")
    bars.check("wall time", times, BAR, "x")
    bars.exit()


if __name__ == "__main__":
    main()

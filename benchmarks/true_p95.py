"""True p95: what the run reports of a model whose latencies are known.

The server draws 1,000 latencies from a lognormal (median 300 ms, sigma 0.5, so that the p95 of
the distribution is 683 ms) and tells which it drew. The run finds out by itself how many calls at
once are good, over each transport.

Bar: the p95 of summary.json is within 10 % of the p95 of the latencies that the server meant.
The p95 of the distribution is shown beside it; 1,000 draws are off it by some percent.
"""

from __future__ import annotations

import math
import statistics
from functools import partial

import measure
from served import TRANSPORTS, Contest

BAR_PERCENT = 10.0


def p95(values: list[float]) -> float:
    """As numpy's linear method has it."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def main() -> None:
    parser = measure.make_parser(__doc__, runs=3)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--median", type=float, default=0.3, help="seconds")
    parser.add_argument("--sigma", type=float, default=0.5)
    given = parser.parse_args()
    n_cases, runs = (200, 1) if given.quick else (given.cases, given.runs)
    server = {"lognormal_median_s": given.median, "lognormal_sigma": given.sigma}
    contest = Contest(n_cases=n_cases, server=server)
    rows = {name: partial(contest.run_plugin, name, transport=name) for name in TRANSPORTS}

    costs = measure.interleave(rows, runs)

    at_95 = statistics.NormalDist().inv_cdf(0.95)
    true_s = given.median * math.exp(given.sigma * at_95)
    print(f"{n_cases} cases, lognormal, median {given.median} s, sigma {given.sigma}, adaptive")
    measure.show(costs, reference=TRANSPORTS[0])
    off = {}
    for row, found in contest.runs.items():
        reported_s = [run.metric_s("p95_latency") for run in found]
        meant_s = [p95(run.stats["latencies"]) for run in found]
        off[row] = statistics.median(
            (one / other - 1) * 100 for one, other in zip(reported_s, meant_s, strict=True)
        )
        reached = ", ".join(f"{run.asked['concurrency']}" for run in found)
        most = max(run.asked["max_in_flight"] for run in found)
        lag_ms = statistics.median(run.asked["event_loop_lag_s"] for run in found) * 1000
        print(
            f"{row}: p95 {statistics.median(reported_s) * 1000:.0f} ms, "
            f"meant {statistics.median(meant_s) * 1000:.0f} ms, "
            f"distribution {true_s * 1000:.0f} ms; "
            f"concurrency {reached}, most {most}; lag {lag_ms:.1f} ms"
        )
    bars = measure.Bars(quick=given.quick)
    for row, percent in off.items():
        bars.check(
            f"{row}: p95 off what was meant ({percent:+.1f} %)", abs(percent), BAR_PERCENT, " %"
        )
    bars.exit()


if __name__ == "__main__":
    main()

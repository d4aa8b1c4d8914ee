"""Few workers: a server that works on 4 requests at once, 100 ms each, and lets the others wait.

More calls at once bring nothing there but a longer wait, which would be in the latencies: the run
has to see that it doesn't help, and stay small.

Bars: at most 16 calls were ever in flight, at most 12 were allowed at the end, and the median
latency is at most 3 times the server's own.
"""

from __future__ import annotations

import statistics
from functools import partial

import measure
from served import TRANSPORTS, Contest

N_WORKERS = 4
LATENCY_S = 0.1
MOST_BAR, SIZE_BAR, LATENCY_BAR = 16, 12, 3.0


def main() -> None:
    parser = measure.make_parser(__doc__, runs=3)
    parser.add_argument("--cases", type=int, default=500)
    given = parser.parse_args()
    n_cases, runs = (100, 1) if given.quick else (given.cases, given.runs)
    contest = Contest(n_cases=n_cases, server={"latency_s": LATENCY_S, "workers": N_WORKERS})
    rows = {name: partial(contest.run_plugin, name, transport=name) for name in TRANSPORTS}

    costs = measure.interleave(rows, runs)

    print(f"{n_cases} cases, {LATENCY_S} s each, {N_WORKERS} workers, adaptive")
    measure.show(costs, reference=TRANSPORTS[0])
    bars = measure.Bars(quick=given.quick)
    ideal_s = n_cases * LATENCY_S / N_WORKERS
    for row, found in contest.runs.items():
        span_s = statistics.median(run.span_s for run in found)
        print(f"{row}: span {span_s:.2f} s, ideal {ideal_s:.2f} s")
        most = max(run.asked["max_in_flight"] for run in found)
        bars.check(f"{row}: most calls in flight", most, MOST_BAR)
        size = max(run.asked["concurrency"] for run in found)
        bars.check(f"{row}: calls allowed at the end", size, SIZE_BAR)
        times = statistics.median(run.metric_s("p50_latency") for run in found) / LATENCY_S
        bars.check(f"{row}: p50 latency, times the server's", times, LATENCY_BAR, "x")
    bars.exit()


if __name__ == "__main__":
    main()

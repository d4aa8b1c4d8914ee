"""A limited server: it answers 429 to every request above 16 in flight, 100 ms each, 2,000 cases.

The run that finds out by itself how many calls at once are good is measured against runs with a
fixed number of them, of which one is the best there can be. It is measured with a server that
sends no retry-after header, and with one that asks for a second.

Bars, for both servers:
    No case is lost, and none is answered twice (the script ends where it is otherwise).
    At most 1.3 times the wall time of the best fixed concurrency.
    Fewer than 5 % of the requests are rejected.
"""

from __future__ import annotations

import statistics
from functools import partial

import measure
from served import Contest

BAR = 1.3
REJECTED_BAR_PERCENT = 5.0
MAX_IN_FLIGHT = 16
FIXED = (12, 14, 16)


def main() -> None:
    parser = measure.make_parser(__doc__, runs=3)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds of one answer")
    parser.add_argument("--transport", default="auto")
    given = parser.parse_args()
    n_cases, runs = (300, 1) if given.quick else (given.cases, given.runs)
    server = {"latency_s": given.latency, "max_in_flight": MAX_IN_FLIGHT}
    plain = Contest(n_cases=n_cases, server=server)
    asking = Contest(n_cases=n_cases, server={**server, "retry_after_s": 1.0})
    usual = {"transport": given.transport}
    rows = {
        f"fixed {size}": partial(plain.run_plugin, f"fixed {size}", concurrency=size, **usual)
        for size in FIXED
    }
    adaptive = {"adaptive": plain, "adaptive, retry-after": asking}
    for row, contest in adaptive.items():
        rows[row] = partial(contest.run_plugin, row, **usual)

    costs = measure.interleave(rows, runs)

    best = min(
        (f"fixed {size}" for size in FIXED), key=lambda row: measure.median(costs[row], "wall_s")
    )
    print(f"{n_cases} cases, {given.latency} s each, at most {MAX_IN_FLIGHT} at once")
    measure.show(costs, reference=best)
    rejected = {}
    for row, contest in adaptive.items():
        found = contest.runs[row]
        rejected[row] = [run.stats["n_refused"] / run.stats["n_requests"] * 100 for run in found]
        sizes = ", ".join(f"{run.asked['concurrency']}" for run in found)
        print(f"{row}: concurrency at the end {sizes}; span {found[-1].span_s:.2f} s")
    print("no case was lost, and none was answered twice")
    bars = measure.Bars(quick=given.quick)
    for row in adaptive:
        times = measure.ratio(costs[row], costs[best], "wall_s")
        bars.check(f"{row}: wall time, times the best fixed", times, BAR, "x")
        percent = statistics.median(rejected[row])
        bars.check(f"{row}: rejected requests", percent, REJECTED_BAR_PERCENT, " %")
    bars.exit()


if __name__ == "__main__":
    main()

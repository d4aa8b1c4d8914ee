"""Cost per case of a YAML suite: 10,000 cases of a model that answers at once.

Measured is the whole process ``pytest --model-eval`` on a ``*.eval.yaml`` with an accuracy
threshold and an async model, its cases in a CSV file or in the suite itself, against plain pytest
running 10,000 parametrized tests of one trivial assertion with the plugin disabled. All have the
same options otherwise.

Bar: at most 1.1 times the wall time of plain pytest, with the cases in a file.
"""

from __future__ import annotations

import sys
from functools import partial

import measure
from per_item import make_csv, run_plain

BAR = 1.1

SUITE = """\
model: models:later
thresholds: ["accuracy >= 80%"]
scorers: [exact]
cases: {cases}
"""

MODELS = """
async def later(text):
    return text.rpartition("=")[2]
"""


def make_inline(n_cases: int) -> str:
    """The cases of ``make_csv`` as they stand in a suite."""
    rows = (row.split(",") for row in make_csv(n_cases).splitlines()[1:])
    return "\n" + "\n".join(
        f"  - id: {case_id}\n    input: {question}\n    expected: {expected}"
        for case_id, question, expected in rows
    )


def run_eval(n_cases: int, *, is_inline: bool, n_missed: int) -> measure.Cost:
    files = {
        "it.eval.yaml": SUITE.format(cases=make_inline(n_cases) if is_inline else "cases.csv"),
        "models.py": MODELS,
        "pytest.ini": "[pytest]\n",
        "cases.csv": make_csv(n_cases),
    }
    with measure.project(files) as folder:
        cost = measure.run([*measure.PYTEST, *measure.EVAL], cwd=folder, env=measure.ALONE)
        counts = measure.outcomes(folder)
    if counts != {"passed": n_cases - n_missed, "missed": n_missed}:
        sys.exit(f"{n_missed} of {n_cases} cases should be missed: {dict(counts)}")
    return cost


def main() -> None:
    parser = measure.make_parser(__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    given = parser.parse_args()
    n_cases, runs = (500, 1) if given.quick else (given.cases, given.runs)
    run = partial(run_eval, n_cases, n_missed=len(range(0, n_cases, 10)))
    rows = {
        "plain parametrize": partial(run_plain, n_cases),
        "YAML suite, cases in a file": partial(run, is_inline=False),
        "YAML suite, inline cases": partial(run, is_inline=True),
    }

    costs = measure.interleave(rows, runs)

    print(f"{n_cases} cases, of which every tenth is missed")
    measure.show(costs, reference="plain parametrize")
    bars = measure.Bars(quick=given.quick)
    row = "YAML suite, cases in a file"
    bars.check(
        f"{row}: wall time",
        measure.ratio(costs[row], costs["plain parametrize"], "wall_s"),
        BAR,
        "x",
    )
    bars.exit()


if __name__ == "__main__":
    main()

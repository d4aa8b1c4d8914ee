"""Cost per item: 10,000 cases of a model that answers at once, one in ten of them missed.

Measured is the whole process ``pytest --model-eval`` with an accuracy threshold, with an async
model and with a sync one, against plain pytest running 10,000 parametrized tests of one trivial
assertion with the plugin disabled. All have the same options otherwise.

Bars: at most 1.7 times the wall time and 1.7 times the peak memory of plain pytest.
"""

from __future__ import annotations

import sys
from functools import partial

import measure

BAR = 1.7

PLAIN = """
import pytest

@pytest.mark.parametrize("n", range({n_cases}))
def test(n):
    assert n >= 0
"""

EVAL = """
import pytest

@pytest.mark.model_eval("cases.csv")
def test(case, prediction):
    assert prediction == case.expected
"""

MODELS = """
async def later(text):
    return text.rpartition("=")[2]

def at_once(text):
    return text.rpartition("=")[2]
"""

INI = """
[pytest]
model_eval_model = models:{name}
model_eval_thresholds =
    accuracy >= 80%
"""


def make_csv(n_cases: int) -> str:
    """Cases of which every tenth is missed."""
    rows = (f"c{n},question {n} answer={n},{n if n % 10 else -1}" for n in range(n_cases))
    return "\n".join(["id,input,expected", *rows]) + "\n"


def run_plain(n_cases: int) -> measure.Cost:
    files = {"test_it.py": PLAIN.format(n_cases=n_cases), "pytest.ini": "[pytest]\n"}
    with measure.project(files) as folder:
        return measure.run(measure.PYTEST, cwd=folder, env=measure.ALONE)


def run_eval(n_cases: int, model: str) -> measure.Cost:
    files = {
        "test_it.py": EVAL,
        "models.py": MODELS,
        "pytest.ini": INI.format(name=model),
        "cases.csv": make_csv(n_cases),
    }
    with measure.project(files) as folder:
        cost = measure.run([*measure.PYTEST, *measure.EVAL], cwd=folder, env=measure.ALONE)
        counts = measure.outcomes(folder)
    n_missed = len(range(0, n_cases, 10))
    if counts != {"passed": n_cases - n_missed, "missed": n_missed}:
        sys.exit(f"{model}: {n_missed} of {n_cases} cases should be missed: {dict(counts)}")
    return cost


def main() -> None:
    parser = measure.make_parser(__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    given = parser.parse_args()
    n_cases, runs = (500, 1) if given.quick else (given.cases, given.runs)
    rows = {
        "plain parametrize": partial(run_plain, n_cases),
        "eval, async model": partial(run_eval, n_cases, "later"),
        "eval, sync model": partial(run_eval, n_cases, "at_once"),
    }

    costs = measure.interleave(rows, runs)

    print(f"{n_cases} cases, of which every tenth is missed")
    measure.show(costs, reference="plain parametrize")
    bars = measure.Bars(quick=given.quick)
    for row in ("eval, async model", "eval, sync model"):
        plain = costs["plain parametrize"]
        bars.check(f"{row}: wall time", measure.ratio(costs[row], plain, "wall_s"), BAR, "x")
        bars.check(f"{row}: peak memory", measure.ratio(costs[row], plain, "peak_mib"), BAR, "x")
    bars.exit()


if __name__ == "__main__":
    main()

"""Real data: 3,080 bank customers' questions, 77 intents, and naive Bayes trained on 10,003 more.

Measured is the whole process ``pytest --model-eval`` over test.csv, alone and with ``-n 2``,
against the same model scoring the same file directly in numpy. The accuracy must be equal to the
last digit; the times are for information, and have no bar.

The data (BANKING77, Casanueva et al. 2020, CC-BY-4.0) is not part of this project: ``--data``
names a folder with its train.csv and test.csv, columns text and category.
"""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import measure

if TYPE_CHECKING:
    from collections import Counter

HERE = Path(__file__).parent

TEST = """
import pytest

@pytest.mark.model_eval("test.csv", input="text", expected="category")
def test_intent(case, prediction):
    assert prediction == case.expected
"""

INI = """
[pytest]
model_eval_model = naive_bayes:predict
model_eval_thresholds =
    accuracy >= 50%
"""


class Banking:
    """One project per run, all with the same data.

    Attributes:
        direct: What numpy found: ``n``, ``n_right`` and ``accuracy``.
        counts: The outcomes of every run of the plugin, by row.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self.direct: dict[str, float] = {}
        self.counts: dict[str, Counter[str]] = {}

    def run_directly(self) -> measure.Cost:
        with measure.project({}) as folder:
            self._copy_into(folder)
            cost = measure.run([sys.executable, "naive_bayes.py"], cwd=folder)
            self.direct = json.loads(cost.output)
        return cost

    def run_plugin(self, row: str, *options: str) -> measure.Cost:
        with measure.project({"test_it.py": TEST, "pytest.ini": INI}) as folder:
            self._copy_into(folder)
            cost = measure.run([*measure.PYTEST, "--model-eval", *options], cwd=folder)
            counts = measure.outcomes(folder)
        if self.counts.setdefault(row, counts) != counts:
            sys.exit(f"{row}: two runs differ: {self.counts[row]} and {counts}")
        return cost

    def _copy_into(self, folder: Path) -> None:
        shutil.copy(HERE / "naive_bayes.py", folder)
        for name in ("train.csv", "test.csv"):
            shutil.copyfile(self._data / name, folder / name)


def main() -> None:
    parser = measure.make_parser(__doc__)
    default = HERE.parent.parent / "shared" / "data" / "banking77"
    parser.add_argument("--data", type=Path, default=default, metavar="FOLDER")
    given = parser.parse_args()
    if not (given.data / "test.csv").exists():
        print(f"Skipped: {given.data} holds no test.csv; --data names a folder that does.")
        return
    banking = Banking(given.data)
    rows = {
        "numpy": banking.run_directly,
        "pytest --model-eval": partial(banking.run_plugin, "pytest --model-eval"),
        "pytest --model-eval -n 2": partial(banking.run_plugin, "pytest --model-eval -n 2", "-n2"),
    }

    costs = measure.interleave(rows, 1 if given.quick else given.runs)

    measure.show(costs, reference="numpy")
    direct = banking.direct["accuracy"]
    print(f"accuracy, numpy: {direct!r} of {banking.direct['n']}")
    for row, counts in banking.counts.items():
        found = measure.accuracy(counts)
        print(f"accuracy, {row}: {found!r} of {counts.total()}")
        if found != direct or counts.total() != banking.direct["n"]:
            sys.exit(f"{row} differs from numpy: {dict(counts)}")
    print("equal to the last digit")


if __name__ == "__main__":
    main()

"""The two contestants of the scripts that need a server: our plugin, and a bare client loop.

Both read the same CSV, ask the same fake server, and must come to the same accuracy; one case in
ten is expected to be answered differently from how the server answers it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import measure

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import fake_server

TEST = """
import pytest

@pytest.mark.model_eval("cases.csv")
def test_answers(case, prediction):
    assert prediction == case.expected
"""

INI = """
[pytest]
model_eval_model = openai:fake
model_eval_base_url = {base_url}
model_eval_concurrency = {concurrency}
model_eval_thresholds =
    accuracy >= 80%
"""


def make_csv(n_cases: int) -> str:
    """Cases of which every tenth is missed."""
    lines = ["id,input,expected"]
    for index in range(n_cases):
        said = f"team {index % 7}"
        expected = said if index % 10 else "another team"
        lines.append(f"c{index},Which team handles ticket {index}? answer={said},{expected}")
    return "\n".join(lines) + "\n"


@dataclass
class Contest:
    """Runs one contestant at a time, each against a server of its own.

    Attributes:
        n_cases: Cases in the CSV.
        concurrency: Calls in flight, of both.
        server: Options of ``fake_server.running``.
        stats: What the server saw, a value per run and by contestant.
    """

    n_cases: int
    concurrency: int
    server: dict[str, float]
    stats: dict[str, list[dict]] = field(default_factory=dict)

    def run_plugin(self) -> measure.Cost:
        with (
            fake_server.running(**self.server) as server,
            measure.project({"cases.csv": make_csv(self.n_cases), "test_it.py": TEST}) as folder,
        ):
            ini = INI.format(base_url=server.base_url, concurrency=self.concurrency)
            (folder / "pytest.ini").write_text(ini)
            cost = measure.run([*measure.PYTEST, *measure.EVAL], cwd=folder, env=measure.ALONE)
            self._check("pytest --model-eval", server, measure.accuracy(measure.outcomes(folder)))
        return cost

    def run_bare_loop(self) -> measure.Cost:
        with (
            fake_server.running(**self.server) as server,
            measure.project({"cases.csv": make_csv(self.n_cases)}) as folder,
        ):
            script = Path(__file__).with_name("bare_loop.py")
            where = ["--base-url", server.base_url, "--concurrency", str(self.concurrency)]
            cost = measure.run([sys.executable, script, "cases.csv", *where], cwd=folder)
            self._check("bare loop", server, json.loads(cost.output)["accuracy"])
        return cost

    def _check(self, name: str, server: fake_server.RunningServer, accuracy: float) -> None:
        """Keep what the server saw; a benchmark of wrong work is worth nothing."""
        stats = server.stats()
        self.stats.setdefault(name, []).append(stats)
        asked = stats["prompts"].values()
        if len(asked) != self.n_cases or set(asked) != {1}:
            sys.exit(f"{name}: {len(asked)} of {self.n_cases} cases were asked, {sum(asked)} times")
        expected = sum(index % 10 != 0 for index in range(self.n_cases)) / self.n_cases
        if accuracy != expected:
            sys.exit(f"{name}: the accuracy is {accuracy}, and {expected} is right")

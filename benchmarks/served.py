"""The two contestants of the scripts that need a server: our plugin, and a bare client loop.

Both read the same CSV, ask the same fake server, and must come to the same accuracy; one case in
ten is expected to be answered differently from how the server answers it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
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
model_eval_max_error_rate = 1%
model_eval_thresholds =
    accuracy >= 80%
"""

TRANSPORTS = ("sdk", "aiohttp")
"""Both HTTP clients that the plugin may use, by their name in its settings."""


def make_csv(n_cases: int, *more: str) -> str:
    """Cases of which every tenth is missed; and more of these inputs, of which every one is."""
    lines = ["id,input,expected"]
    for index in range(n_cases):
        said = f"team {index % 7}"
        expected = said if index % 10 != 9 else "another team"
        lines.append(f"c{index},Which team handles ticket {index}? answer={said},{expected}")
    lines += [f"more{index},{text},another team" for index, text in enumerate(more)]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run came to.

    Attributes:
        stats: What the server saw; its Stats by name.
        summary: The plugin's summary.json; empty for a bare loop.
        records: The plugin's records, in order; empty for a bare loop.
    """

    stats: dict
    summary: dict = field(default_factory=dict)
    records: list[dict] = field(default_factory=list)

    @property
    def span_s(self) -> float:
        """Seconds from the first request to the last answer, as the server saw them."""
        return self.stats["last_answer_at"] - self.stats["first_request_at"]

    @property
    def asked(self) -> dict:
        """How the plugin asked the model."""
        return self.summary["asked"][0]

    def metric_s(self, name: str) -> float:
        """One of the plugin's metrics."""
        return self.summary["suites"][0]["metrics"][name]["value"]


@dataclass(kw_only=True)
class Contest:
    """Runs one contestant at a time, each against a server of its own.

    Attributes:
        n_cases: Cases in the CSV.
        server: Options of ``fake_server.running``.
        more: Inputs of more cases, which need not be answered.
        runs: What the runs came to, by row.
    """

    n_cases: int
    server: dict[str, float]
    more: tuple[str, ...] = ()
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def run_plugin(self, row: str, **settings: str | float) -> measure.Cost:
        """One run of ``pytest --model-eval`` with these settings, named without their prefix."""
        files = {"cases.csv": make_csv(self.n_cases, *self.more), "test_it.py": TEST}
        with fake_server.running(**self.server) as server, measure.project(files) as folder:
            ini = INI.format(base_url=server.base_url)
            ini += "".join(f"model_eval_{name} = {value}\n" for name, value in settings.items())
            (folder / "pytest.ini").write_text(ini)
            cost = measure.run([*measure.PYTEST, *measure.EVAL], cwd=folder, env=measure.ALONE)
            (summary,) = folder.glob(".modeleval/runs/*/summary.json")
            records = measure.records(folder)
            run = Run(
                stats=server.stats(), summary=json.loads(summary.read_text()), records=records
            )
        counts = Counter(record["outcome"] for record in records[: self.n_cases])
        self._keep(row, run, measure.accuracy(counts))
        return cost

    def run_bare_loop(self, row: str, *, client: str, concurrency: int) -> measure.Cost:
        """One run of bare_loop.py."""
        files = {"cases.csv": make_csv(self.n_cases)}
        with fake_server.running(**self.server) as server, measure.project(files) as folder:
            script = Path(__file__).with_name("bare_loop.py")
            options = ["--client", client, "--concurrency", str(concurrency)]
            where = ["cases.csv", "--base-url", server.base_url]
            cost = measure.run([sys.executable, script, *where, *options], cwd=folder)
            run = Run(stats=server.stats())
        self._keep(row, run, json.loads(cost.output)["accuracy"])
        return cost

    def _keep(self, row: str, run: Run, accuracy: float) -> None:
        """Keep what a run came to; a benchmark of wrong work is worth nothing."""
        self.runs.setdefault(row, []).append(run)
        answered = run.stats["prompts_answered"].values()
        if len(answered) != self.n_cases or set(answered) != {1}:
            sys.exit(
                f"{row}: {len(answered)} of {self.n_cases} cases were answered, "
                f"{sum(answered)} times"
            )
        n_taken = run.stats["n_requests"] - run.stats["n_refused"] - len(self.more)
        if n_taken != self.n_cases and not any(name.startswith("rate_") for name in self.server):
            sys.exit(f"{row}: {self.n_cases} cases were asked {n_taken} times")
        expected = sum(index % 10 != 9 for index in range(self.n_cases)) / self.n_cases
        if accuracy != expected:
            sys.exit(f"{row}: the accuracy is {accuracy}, and {expected} is right")

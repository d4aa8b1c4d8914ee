"""Cold start: what the installed plugin costs a session that runs no eval.

Measured is the CPU of ``pytest`` on one trivial test, with the plugin and with ``-p no:modeleval``
in turns, whole processes. A conftest writes down which modules were imported: the plugin may add
none of numpy, yaml and openai, and the folder must hold no file of ours afterwards.

Bar: at most 30 ms of CPU, as the median over turns of the difference.
"""

from __future__ import annotations

import statistics
import sys

import measure

BAR_MS = 30.0
HEAVY = {"numpy", "yaml", "openai"}

FILES = {
    "pytest.ini": "[pytest]\n",
    "test_it.py": "def test_it():\n    pass\n",
    "conftest.py": """
import pathlib, sys

def pytest_sessionfinish():
    pathlib.Path("modules.txt").write_text("\\n".join(sys.modules))
""",
}


def run_and_list(*options: str) -> tuple[measure.Cost, set[str]]:
    """One session's cost, and the modules it had imported at its end."""
    with measure.project(FILES) as folder:
        cost = measure.run([*measure.PYTEST, *options], cwd=folder)
        modules = set((folder / "modules.txt").read_text().split())
        if (folder / ".modeleval").exists():
            sys.exit("a session without --model-eval made the folder .modeleval")
    return cost, modules


def check_imports() -> None:
    """Exit where the plugin isn't there, or brings what a session without evals can't use."""
    without = run_and_list("-p", "no:modeleval")[1]
    added = run_and_list()[1] - without
    if not any(name.startswith("pytest_modeleval.") for name in added):
        sys.exit("the plugin isn't loaded: is pytest-modeleval installed?")
    if heavy := added & HEAVY:
        sys.exit(f"the plugin imports {', '.join(sorted(heavy))}")
    print(f"the plugin adds {len(added)} modules, and none of {', '.join(sorted(HEAVY))}")


def main() -> None:
    parser = measure.make_parser(__doc__, runs=20)
    given = parser.parse_args()
    check_imports()
    rows = {
        "pytest -p no:modeleval": lambda: run_and_list("-p", "no:modeleval")[0],
        "pytest": lambda: run_and_list()[0],
    }

    costs = measure.interleave(rows, 1 if given.quick else given.runs)

    measure.show(costs, reference="pytest -p no:modeleval")
    with_plugin, without = ([cost.cpu_s * 1000 for cost in costs[row]] for row in reversed(rows))
    least_ms = min(with_plugin) - min(without)
    print(f"difference of the least of each: {least_ms:.1f} ms of CPU")
    differences = [one - other for one, other in zip(with_plugin, without, strict=True)]
    bars = measure.Bars(quick=given.quick)
    bars.check("median difference", statistics.median(differences), BAR_MS, " ms of CPU")
    bars.exit()


if __name__ == "__main__":
    main()

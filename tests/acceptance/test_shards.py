"""Shards: parts of a run, each with a store of its own, put together by ``modeleval combine``."""

import json
import subprocess
import sys

import pytest

TIMES = ("run_id", "started", "seconds", "combined_at")

SUITES = """
    import pytest
    from pytest_modeleval import Unscored

    @pytest.mark.model_eval("tickets.jsonl", repeats=2)
    def test_ticket(case, prediction, model_eval):
        if case.id.startswith("unsure"):
            raise Unscored("the judge was away")
        if case.id.startswith("skip"):
            pytest.skip("not today")
        model_eval.score("tone", 0.5)
        assert prediction == case.expected

    CASES = [{"id": f"bug-{n}", "input": f"bug-{n}", "expected": f"BUG-{n}"} for n in range(6)]

    @pytest.mark.model_eval(CASES, name="bugs", thresholds=["accuracy >= 50%"])
    @pytest.mark.parametrize("tone", ["kind", "rude"])
    def test_bug(case, prediction, tone):
        assert prediction == case.expected
"""

MODELS = """
    import time
    from pytest_modeleval import Prediction

    def answer(text, wrong="wrong"):
        word, number = text.split("-")
        if word == "boom":
            raise RuntimeError("the model is down")
        output = "?" if word == wrong else text.upper()
        return Prediction(output=output, latency_s=0.1 + int(number) / 100, cost_usd=0.001)

    def other(text):
        return answer(text, wrong="good")

    def slow(text):
        time.sleep(0.1)
        return answer(text)
"""

WORDS = ("right", "wrong", "good", "boom", "unsure", "skip")
SHARDS = ("right or kind", "wrong or good", "boom or unsure or skip or rude")
THRESHOLDS = (
    "accuracy >= 40%",
    "p95_latency <= 1s",
    "test_ticket[odd]: accuracy >= 30%",
    "test_ticket: score(tone) >= 20%",
    "all: error_rate <= 50%",
    "accuracy regression <= 50%",
)


def sharded(project, *, models=("robot:answer", "robot:other")):
    """A project with two suites, whose cases come to every outcome, and a baseline."""
    rows = [
        {
            "id": f"{word}-{n}",
            "input": f"{word}-{n}",
            "expected": f"{word}-{n}".upper(),
            "tags": ["odd", "even"][n % 2],
            "cluster": f"group {n}",
        }
        for n in range(4)
        for word in WORDS
    ]
    project.write("tickets.jsonl", "\n".join(map(json.dumps, rows)) + "\n")
    project.write("test_evals.py", SUITES)
    project.write("robot.py", MODELS)
    more = ["model_eval_max_error_rate = 60%", "model_eval_max_unscored_rate = 60%"]
    project.ini(*THRESHOLDS, model="\n    ".join(models), more=more)
    return project


def shard(project, name, *args):
    """One part of the run, kept as a machine of its own would keep it; gives its folder."""
    project.run(f"--model-eval-store=machines/{name}", *args)
    (folder,) = (project.path / "machines" / name / "runs").iterdir()
    return folder


def command(project, *args):
    """``modeleval`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest_modeleval.cli", *map(str, args)],
        cwd=project.path,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def timeless(summary):
    """A summary without its times and without how many calls there were at once."""
    kept = {name: value for name, value in summary.items() if name not in TIMES}
    kept["asked"] = [
        {name: part[name] for name in ("model", "n_attempts", "n_rejected")}
        for part in summary["asked"]
    ]
    return kept


@pytest.fixture(scope="module")
def parts(make_project):
    """A whole run, and its shards."""
    project = sharded(make_project("shards"))
    assert "baseline saved" in project.run("--model-eval-save-baseline").text
    project.write("robot.py", MODELS.replace('wrong="wrong"', 'wrong="right"'))
    whole = project.run()
    return project, whole, [shard(project, str(n), "-k", words) for n, words in enumerate(SHARDS)]


def test_shards_give_the_very_summary_of_the_whole(parts):
    """Every number, interval, judgement and comparison with the baseline, and the exit status."""
    project, whole, shards = parts
    expected = project.summary

    combined = command(project, "--store=together", "combine", *shards)

    (folder,) = (project.path / "together" / "runs").iterdir()
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert timeless(summary) == timeless(expected)
    assert summary["comparisons"]
    assert len(summary["verdict"]["thresholds"]) > 20
    assert combined.returncode == whole.status == 0, combined.stdout + combined.stderr
    assert f"run {folder.name}, " in combined.stdout
    assert "3 runs combined" in combined.stdout


def test_the_combined_run_is_a_run_like_any_other(parts):
    """It has a line in the history, can be shown, and compared."""
    project, _, shards = parts
    command(project, "--store=kept", "combine", *shards)
    (folder,) = (project.path / "kept" / "runs").iterdir()

    assert command(project, "--store=kept", "show").returncode == 0
    history = command(project, "--store=kept", "history").stdout
    assert history.count("met") == 6, history  # a line of each suite and model
    compared = command(project, "compare", "evals/baseline.jsonl", folder)
    assert "broke: 4 cases" in compared.stdout


def test_a_shard_that_is_missing_is_named_by_its_cases(parts):
    """And nothing is judged as if it were whole: exit 2."""
    project, _, shards = parts

    combined = command(project, "combine", *shards[:2])

    said = combined.stdout.replace("\n  ", " ")
    assert combined.returncode == 2
    assert "48 of 96 cases of test_ticket are in none of the runs: boom-0-" in said
    assert "12 of 24 cases of bugs are in none of the runs: bug-0-" in said
    assert "gate: invalid" in said


def test_a_shard_that_was_killed_is_named(make_project, wait_until):
    """What it had asked counts, what it had not is missing."""
    project = sharded(make_project("killed"), models=["robot:slow"])
    first = shard(project, "first", "-k", "not good")
    store = project.path / "machines" / "second"
    running = project.start(
        f"--model-eval-store={store}", "-k", "good", "--model-eval-concurrency=1"
    )
    wait_until(lambda: [*store.glob("runs/*/records.jsonl")])
    running.process.kill()
    running.wait(20)
    (second,) = store.glob("runs/*")

    combined = command(project, "combine", first, second)

    assert combined.returncode == 2
    said = combined.stdout.replace("\n  ", " ")
    assert f"warning: {second.name} was cut off: " in said
    assert "of test_ticket are in none of the runs: " in said
    assert "incomplete: " in said


def test_a_test_that_failed_in_a_shard_fails_the_whole(make_project):
    """As it would have failed the run, whatever the gate says."""
    project = sharded(make_project("failed"), models=["robot:answer"])
    project.write("test_plain.py", "def test_plain():\n    assert 1 == 2\n")
    shards = [
        shard(project, str(n), "-k", words)
        for n, words in enumerate(("bug or plain", "test_ticket"))
    ]

    combined = command(project, "combine", *shards)

    assert combined.returncode == 1
    assert "gate: not judged (thresholds: 11 met, 1 not judged)" in combined.stdout
    assert "warning: 1 test failed in these runs" in combined.stdout


def test_pytest_split_makes_shards(make_project):
    """Each of equal size, by --splits and --group."""
    pytest.importorskip("pytest_split", reason="needs pytest-split, of the extra 'test'")
    project = sharded(make_project("split"))
    project.run()
    expected = project.summary
    shards = [shard(project, str(n), "--splits=4", f"--group={n}") for n in range(1, 5)]

    combined = command(project, "--store=together", "combine", *shards)

    (folder,) = (project.path / "together" / "runs").iterdir()
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert timeless(summary) == timeless(expected)
    assert combined.returncode == 0, combined.stdout

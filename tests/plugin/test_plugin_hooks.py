"""Hooks: another package, or a conftest, brings models, datasets and scorers, and hears of the run."""

import json

import pytest

PACKAGE = """
    '''A package that knows a provider, a dataset format, and wants to hear of everything.'''
    import json
    from pathlib import Path

    def shout(text):
        return text.upper()

    def pytest_modeleval_make_model(spec):
        if spec.text.startswith("shout:"):
            return shout

    def pytest_modeleval_load_dataset(spec):
        if spec.text.endswith(".words"):
            words = spec.path.read_text().split()
            return [{"id": word, "input": word, "expected": word.upper()} for word in words]

    def pytest_modeleval_make_scorer(spec):
        if spec.text == "loud:letters":
            return lambda case, prediction: len(prediction.output) / (spec.parameters or 10)

    def pytest_modeleval_record(record):
        with Path("heard.jsonl").open("a") as file:
            file.write(json.dumps([record.case_id, record.outcome]) + "\\n")

    def pytest_modeleval_run_finished(run, verdict):
        heard = [run.run_id, len(run.records), verdict.status, run.exit_status]
        heard += [run.summary["verdict"]["status"], (run.folder / "summary.json").exists()]
        Path("finished.json").write_text(json.dumps(heard))
"""

SUITE = """
    import pytest

    @pytest.mark.model_eval("few.words", model="shout:loud")
    def test_shouts(case, prediction):
        assert prediction == case.expected
"""


@pytest.fixture
def package(project, monkeypatch):
    """The package, installed: on the path, with an entry point of its own."""
    site = project.path / "site"
    info = site / "loud-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pytest11]\nloud = loud\n")
    project.pytester.makepyfile(loud=PACKAGE).rename(site / "loud.py")
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")
    (project.path / "few.words").write_text("one two three")
    project.ini("model_eval_thresholds = accuracy >= 100%")
    return project


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["single", "xdist"])
def test_a_package_with_an_entry_point(package, workers):
    """Its model answers, its dataset is asked, and it hears of each record and of the verdict."""
    package.pytester.makepyfile(SUITE)

    result = package.run_apart(*workers, is_cold=True)

    assert result.ret == 0
    result.assert_outcomes(passed=3)
    heard = [json.loads(line) for line in (package.path / "heard.jsonl").read_text().splitlines()]
    assert sorted(heard) == [["one", "passed"], ["three", "passed"], ["two", "passed"]]
    finished = json.loads((package.path / "finished.json").read_text())
    assert finished == [package.runs[-1].name, 3, "met", 0, "met", True]


SCORERS = [{"loud:letters": 5}, {"loud:letters": {"name": "many", "min_score": 0.4}}]


@pytest.mark.parametrize("form", ["marker", "yaml"])
def test_its_scorers(package, form):
    """Score as those of this package do, with a name, a pass mark and a weight of the user's."""
    if form == "marker":
        suite = SUITE.replace('"shout:loud"', f'"shout:loud", scorers={SCORERS!r}')
        package.pytester.makepyfile(suite)
    else:
        text = f"model: shout:loud\ncases: few.words\nscorers: {json.dumps(SCORERS)}\n"
        (package.path / "test_shouts.eval.yaml").write_text(text)
    package.ini("model_eval_thresholds = accuracy >= 10%")

    result = package.run_apart(is_cold=True)

    assert result.ret == 0
    assert {
        case_id: {name: score["value"] for name, score in record["scores"].items()}
        for case_id, record in package.records.items()
    } == {
        "one": {"loud:letters": 0.6, "many": 0.3},
        "two": {"loud:letters": 0.6, "many": 0.3},
        "three": {"loud:letters": 1.0, "many": 0.5},
    }
    assert set(package.outcomes.values()) == {"missed", "passed"}


def test_what_a_package_does_not_know(package):
    """Goes the usual way: its hooks say None."""
    package.robot()
    package.cases("right-1")
    package.pytester.makepyfile(SUITE.replace("few.words", "tickets.csv").replace("shout:", "x:"))

    result = package.run_apart(is_cold=True)

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*'x:loud': there is no module 'x' on the path*"])


@pytest.mark.parametrize("hook", ["make_model(spec)", "load_dataset(spec)", "make_scorer(spec)"])
def test_a_hook_that_fails_where_it_is_needed(project, hook):
    """Is a usage error of one sentence, that names it."""
    own = SUITE.replace('"few.words", model="shout:loud"', '"tickets.csv", scorers=["exact"]')
    project.suite("right-1", source=own)
    project.ini()
    project.pytester.makeconftest(f"def pytest_modeleval_{hook}: raise KeyError('no account')")

    result = project.run()

    assert result.ret in (2, 4)
    output = result.stdout.str() + result.stderr.str()
    assert f"pytest_modeleval_{hook[:10]}" in output
    assert "failed: KeyError: 'no account'" in output
    assert "Traceback" not in output
    assert project.asked == []


@pytest.mark.parametrize("hook", ["record(record)", "run_finished(run, verdict)"])
def test_a_hook_that_fails_while_it_listens(project, section, hook):
    """Is one warning, and changes no verdict."""
    project.suite("right-1", "right-2", "right-3")
    project.thresholds("accuracy >= 100%")
    project.pytester.makeconftest(f"def pytest_modeleval_{hook}: raise KeyError('disk')")

    result = project.run()

    assert result.ret == 0
    shown = [line for line in section(result) if "failed" in line]
    assert len(shown) == 1
    assert f"pytest_modeleval_{hook[:6]}" in shown[0]
    assert project.status == "met"
    assert len(project.records) == 3


def test_a_hook_with_a_wrong_argument(project):
    """pytest itself refuses it, as it refuses a hook of a name that there is not."""
    project.suite("right-1")
    project.pytester.makeconftest("def pytest_modeleval_record(recrod): pass")

    result = project.run_apart()

    assert result.ret != 0
    output = result.stdout.str() + result.stderr.str()
    assert "recrod" in output


def test_no_secret_is_told(project, monkeypatch):
    """What a hook sees is what is written down."""
    monkeypatch.setenv("MY_KEY", "top-secret-value")
    project.suite("right-top-secret-value")
    project.ini()
    project.pytester.makeconftest(
        """
        def pytest_modeleval_record(record): print("HEARD", record)
        def pytest_modeleval_run_finished(run): print("HEARD", run.records, run.summary)
        """
    )

    result = project.run("-s")

    heard = [line for line in result.outlines if "HEARD" in line]
    assert len(heard) == 2
    assert not any("input='right-top-secret-value'" in line for line in heard)

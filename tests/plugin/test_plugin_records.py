"""What a run leaves on disk: its manifest, answers, records, outcomes and numbers."""

import hashlib
import json

import pytest

FILES = ["outcomes.json", "predictions.jsonl", "records.jsonl", "run.json", "summary.json"]


def test_a_run_has_a_folder_of_five_files(project):
    """And nothing beside them."""
    project.suite("right-1")
    project.thresholds("accuracy >= 1%")

    project.run()

    assert len(project.runs) == 1
    assert sorted(file.name for file in project.runs[0].iterdir()) == FILES


def test_each_run_has_a_folder_of_its_own(project):
    """Nothing is overwritten."""
    project.suite("right-1")
    project.ini()

    project.run()
    project.run()

    assert len(project.runs) == 2


@pytest.mark.parametrize("name", FILES)
def test_every_file_says_its_format(project, name):
    """So that a later version can refuse or read it."""
    project.suite("right-1")
    project.ini()
    project.run()

    data = project.lines(name) if name.endswith("l") else [project.file(name)]

    assert [item["format_version"] for item in data] == [1]


def test_a_record_says_what_was_asked_and_what_came_of_it(project):
    """Question, expectation, answer, outcome, clocks, source."""
    project.suite("wrong-1")
    project.thresholds("accuracy >= 0%")

    project.run()

    record = project.records["wrong-1"]
    assert record["suite"] == "test_ticket"
    assert record["nodeid"] == "test_evals.py::test_ticket[wrong-1]"
    assert record["model"] == "robot:answer"
    assert record["input"] == "wrong-1"
    assert record["expected"] == "WRONG-1"
    assert record["output"] == "?"
    assert record["outcome"] == "missed"
    assert record["reason"] == "assert '?' == 'WRONG-1'"
    assert record["source"] == "tickets.csv:2"
    assert record["latency_s"] > 0
    assert record["total_s"] >= record["latency_s"]
    assert record["queue_s"] >= 0
    assert record["n_attempts"] == 1


def test_tags_cluster_and_other_columns_are_kept(project):
    """Whatever the dataset said of a case."""
    project.suite(
        "right-1",
        source="""
        import pytest

        CASES = [{"id": "a", "input": "x", "tags": ["vip"], "cluster": "c1", "team": "billing"}]

        @pytest.mark.model_eval(CASES)
        def test_ticket(case, prediction):
            assert case["team"] == "billing"
        """,
    )
    project.ini()

    project.run()

    record = project.records["a"]
    assert record["tags"] == ["vip"]
    assert record["cluster"] == "c1"
    assert record["metadata"] == {"team": "billing"}


def test_each_record_is_on_disk_before_the_next_case_runs(project):
    """A crash loses what was running, and no more."""
    project.suite(
        "right-1",
        "right-2",
        "right-3",
        source="""
        import pathlib
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, request):
            files = list(pathlib.Path(request.config.rootpath).glob(".modeleval/runs/*/records.jsonl"))
            n = len(files[0].read_text().splitlines()) if files else 0
            assert n == int(case.id[-1]) - 1
        """,
    )
    project.ini()

    assert project.run().ret == 0


def test_each_prediction_is_on_disk_before_its_test_runs(project):
    """It has been paid for."""
    project.suite(
        "right-1",
        "right-2",
        source="""
        import json
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, pytestconfig):
            (file,) = pytestconfig.rootpath.glob(".modeleval/runs/*/predictions.jsonl")
            ids = [json.loads(line)["case_id"] for line in file.read_text().splitlines()]
            assert case.id in ids
        """,
    )
    project.ini()

    assert project.run().ret == 0


def test_a_prediction_holds_the_answer_or_the_failure(project):
    """By what was asked: the case, its question, the model."""
    project.suite("right-1", "boom-1")
    project.ini()

    project.run()

    lines = {line["case_id"]: line for line in project.lines("predictions.jsonl")}
    right = lines["right-1"]
    assert right["suite"] == "test_ticket"
    assert len(right["input_hash"]) == 12
    assert right["failed"] is False
    assert right["output"] == "RIGHT-1"
    assert right["asked_model"] == "robot:answer"
    boom = lines["boom-1"]
    assert boom["failed"] is True
    assert boom["kind"] == "raised"
    assert boom["message"].startswith("RuntimeError: the model is down (robot.py:")


def test_the_manifest_says_what_was_run(project):
    """Run id, command, settings and versions."""
    project.suite("right-1")
    project.thresholds("accuracy >= 1%")

    project.run("--model-eval-timeout=5s", "--model-eval-retries=1", "--model-eval-concurrency=2")

    manifest = project.file("run.json")
    assert manifest["run_id"] == project.runs[0].name
    assert "--model-eval-timeout=5s" in manifest["command"]
    assert manifest["models"] == ["robot:answer"]
    assert manifest["thresholds"] == ["accuracy >= 1%"]
    assert manifest["timeout_s"] == 5
    assert manifest["retries"] == 1
    assert manifest["concurrency"] == 2
    assert set(manifest["versions"]) >= {"python", "pytest", "pytest-modeleval"}
    assert "T" in manifest["started"]


def test_the_manifest_keeps_every_setting(project):
    """Whoever reads the run later has to know under which limits it was met."""
    project.suite("right-1")
    project.ini()

    project.run("--model-eval-max-error-rate=5%", "--model-eval-max-unscored-rate=4%")

    manifest = project.file("run.json")
    assert manifest["max_error_rate"] == 0.05
    assert manifest["max_unscored_rate"] == 0.04


def test_the_manifest_keeps_the_datasets_hash(project):
    """behaviour.md: settings, git commit, versions, dataset hashes."""
    project.suite("right-1")
    project.ini()
    digest = hashlib.sha256((project.path / "tickets.csv").read_bytes()).hexdigest()

    project.run()

    assert digest[:12] in (project.runs[0] / "run.json").read_text()


def test_the_manifest_keeps_the_hash_of_a_dataset_outside_the_project(project):
    """A path is relative to the test's folder, wherever the project begins."""
    project.suite("right-1")
    project.ini()
    (project.path / "tickets.csv").rename(project.path.parent / "shared.csv")
    (project.path / "evals").mkdir()
    test = (project.path / "test_evals.py").rename(project.path / "evals" / "test_evals.py")
    test.write_text(test.read_text().replace("tickets.csv", "../../shared.csv"))

    project.run()

    assert list(json.loads((project.runs[0] / "run.json").read_text())["datasets"]) == [
        "../../shared.csv"
    ]


def test_the_summary_holds_the_counts_the_metrics_and_the_verdict(project):
    """The numbers of the screen, unrounded."""
    project.suite("right-1", "wrong-1", "boom-1", "right-2")
    project.thresholds("accuracy >= 50%")

    result = project.run()

    summary = project.file("summary.json")
    assert summary["run_id"] == project.runs[0].name
    assert summary["exit_status"] == result.ret == 1
    (suite,) = summary["suites"]
    assert (suite["suite"], suite["model"]) == ("test_ticket", "robot:answer")
    counts = ["n", "n_passed", "n_missed", "n_errored", "n_unscored", "n_skipped"]
    assert [suite[name] for name in counts] == [4, 2, 1, 1, 0, 0]
    accuracy = suite["metrics"]["accuracy"]
    assert accuracy["value"] == 0.5
    assert accuracy["n"] == 4
    assert accuracy["low"] < 0.5 < accuracy["high"]
    verdict = summary["verdict"]
    assert verdict["status"] == "not met"  # one error, and none is allowed
    (own,) = [item for item in verdict["thresholds"] if not item["implied"]]
    assert own["threshold"] == "accuracy >= 50%"
    assert own["status"] == "met"
    assert own["suite"] == "test_ticket"


def test_the_answer_of_a_test_that_is_no_json_is_kept_as_text(project):
    """A record is written whatever the test set."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, model_eval):
            with model_eval.measure() as m:
                m.output = {1, 2}
        """,
    )
    project.ini()

    assert project.run().ret == 0
    assert project.records["right-1"]["output"] == "{1, 2}"


def test_any_text_of_a_model_is_kept(project):
    """Emoji, lone surrogates, line separators: one line each, and valid UTF-8."""
    project.suite(
        "right-1",
        source=r"""
        import pytest

        @pytest.mark.model_eval("tickets.csv", model=lambda text: "\ud800 \u2028 \x00 😀")
        def test_ticket(case, prediction):
            pass
        """,
    )
    project.ini()

    assert project.run().ret == 0
    text = (project.runs[0] / "records.jsonl").read_bytes().decode("utf-8")
    assert text.count("\n") == 1
    assert "😀" in text


def test_a_collection_error_leaves_no_folder(project):
    """Nothing was asked, so nothing is kept."""
    project.suite("right-1")
    project.pytester.makepyfile(test_broken="import no_such_module\n")
    project.ini()

    result = project.run()

    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert project.asked == []
    assert not (project.path / ".modeleval").exists()


def test_what_a_later_test_does_to_a_list_changes_no_record(project):
    """Repeats share the question; what is reported is what was asked and is on disk."""
    project.pytester.makepyfile(
        robot="def answer(question): return 'fine'",
        test_evals="""
        import pytest

        @pytest.mark.model_eval(
            [{"id": "a", "input": ["one"], "expected": "fine", "notes": ["x"]}], repeats=2
        )
        def test_ticket(case, prediction):
            case.input.append("more")
            case.metadata["notes"].append("y")
            assert prediction == case.expected
        """,
    )
    project.ini()

    project.run("--model-eval-report=out.json")

    lines = project.lines("records.jsonl")
    shown = json.loads((project.path / "out.json").read_text(encoding="utf-8"))["records"]
    assert [line["input"] for line in shown] == [line["input"] for line in lines]
    assert [line["metadata"] for line in shown] == [line["metadata"] for line in lines]

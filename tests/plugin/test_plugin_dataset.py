"""A dataset that can't be used: a collection error of one sentence, and nothing asked."""

import pytest

BROKEN = [
    ("broken.csv", "id,input\na,x\na,y\n", "broken.csv:3: "),
    ("broken.csv", "id,expected\na,x\n", "broken.csv:1: "),
    ("broken.csv", "", "broken.csv:1: "),
    ("broken.csv", "id,input\n", "broken.csv:1: "),
    ("broken.json", '[{"input": "x",}]', "broken.json:1:"),
    ("broken.jsonl", '{"input": "x"}\n{"input": \n', "broken.jsonl:2:"),
    ("broken.yaml", "- input: x\n  input: y\n", "broken.yaml:2:"),
    ("broken.yaml", "- input: [x\n", "broken.yaml:"),
    ("broken.txt", "x", "broken.txt: "),
]


def suite_of(project, dataset):
    project.suite(
        "right-1",
        source=f"""
        import pytest

        @pytest.mark.model_eval({dataset!r})
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 90%")


def collection_error(project, *args):
    result = project.run(*args)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert project.asked == []
    lines = result.outlines
    at = next(i for i, line in enumerate(lines) if "ERROR collecting" in line)
    end = next(i for i, line in enumerate(lines) if i > at and line.startswith("="))
    return lines[at + 1 : end]


@pytest.mark.parametrize(("name", "text", "start"), BROKEN)
def test_a_malformed_dataset_is_one_sentence_with_file_and_line(project, name, text, start):
    """No traceback: the trouble is in the file."""
    suite_of(project, name)
    (project.path / name).write_text(text)

    (line,) = collection_error(project)

    assert line.startswith(start)


def test_a_missing_dataset_is_one_sentence(project):
    """With the places that were looked in, and what may be meant."""
    suite_of(project, "tickest.csv")

    (line,) = collection_error(project)

    assert line.startswith("tickest.csv: there is no such file; looked in ")
    assert line.endswith("; did you mean 'tickets.csv'?")


def test_a_folder_is_one_sentence(project):
    """It is no dataset."""
    suite_of(project, "folder")
    (project.path / "folder").mkdir()

    assert collection_error(project) == ["folder: this is a folder; name one dataset file in it."]


def test_nothing_is_written(project):
    """There was no run."""
    suite_of(project, "missing.csv")

    project.run()

    assert not (project.path / ".modeleval").exists()


def test_the_gate_does_not_talk_over_the_error(project):
    """The one thing to read is the collection error; a run that never was has no table."""
    suite_of(project, "missing.csv")

    result = project.run()

    assert "gate: met" not in result.stdout.str()
    assert "no case was selected" not in result.stdout.str()


def test_a_broken_dataset_is_not_taken_for_a_misspelt_scope(project):
    """A threshold on the suite that could not be collected is no usage error of its own."""
    project.suite("right-1")
    project.pytester.makepyfile(
        test_more="""
        import pytest

        @pytest.mark.model_eval("missing.csv")
        def test_other(case, prediction):
            pass
        """
    )
    project.thresholds("test_other: accuracy >= 1%")

    result = project.run()

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["missing.csv: there is no such file*"])
    assert "no suite is named" not in result.stdout.str() + result.stderr.str()


def test_the_other_suites_run_where_that_is_asked_for(project):
    """``--continue-on-collection-errors`` asks what there is; the run is invalid, and exits 1."""
    project.suite("right-1")
    project.pytester.makepyfile(
        test_more="""
        import pytest

        @pytest.mark.model_eval("missing.csv")
        def test_other(case, prediction):
            pass
        """
    )
    project.thresholds("accuracy >= 1%")

    result = project.run("--continue-on-collection-errors")

    assert result.ret == 1
    assert project.asked == ["right-1"]
    assert project.status == "invalid"


def test_an_ordinary_import_error_stays_pytests_own(project):
    """With its traceback."""
    project.suite("right-1")
    project.pytester.makepyfile(test_more="import no_such_module\n")
    project.ini()

    result = project.run()

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*No module named 'no_such_module'*"])


def test_two_splits_of_a_folder_are_two_datasets_of_the_run(project):
    """Each with the digest of its own files, so that a change of either is seen."""
    for split in ("test", "dev"):
        shard = project.path / "squad" / "data" / f"{split}-00000-of-00001.csv"
        shard.parent.mkdir(parents=True, exist_ok=True)
        shard.write_text(f"question,answer\nright-{split},right-{split}\n")
    project.suite(
        source="""
        import pytest

        COLUMNS = {"input": "question", "expected": "answer"}

        @pytest.mark.model_eval("squad#test", **COLUMNS)
        def test_squad(case, prediction):
            pass

        @pytest.mark.model_eval("squad#dev", **COLUMNS)
        def test_dev(case, prediction):
            pass
        """,
    )
    project.ini()

    result = project.run()

    assert result.ret == 0
    assert sorted(project.asked) == ["right-dev", "right-test"]
    digests = project.file("run.json")["datasets"]
    assert list(digests) == ["squad#dev", "squad#test"]
    assert len(set(digests.values())) == 2

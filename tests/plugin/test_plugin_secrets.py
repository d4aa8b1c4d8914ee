"""Secrets reach neither a file of the store nor the section."""

import pytest

SECRET = "hunter2-Correct/Horse"


def everything_kept(project):
    """The text of every file of the store."""
    files = [file for file in (project.path / ".modeleval").rglob("*") if file.is_file()]
    assert files
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("name", ["FOO_API_KEY", "GH_TOKEN", "APP_SECRET", "DB_PASSWORD"])
@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("lambda text: 'fine'", f"my key is {SECRET}"),
        (f"lambda text: 'key: {SECRET}'", "question"),
        (f"lambda text: ['key', {{'{SECRET}': '{SECRET}'}}]", "question"),
        ("lambda text: 1 / 0 if not print() else 0", f"{SECRET}"),
    ],
)
def test_the_value_of_a_secret_variable_is_kept_nowhere(
    project, section, monkeypatch, name, model, text
):
    """Not in inputs, not in outputs, not in keys of outputs."""
    monkeypatch.setenv(name, SECRET)
    project.suite(
        "right-1",
        source=f"""
        import pytest

        @pytest.mark.model_eval([{{"id": "a", "input": {text!r}, "expected": "x"}}], model={model})
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run("-vv")

    kept = everything_kept(project)
    assert SECRET not in kept
    assert SECRET not in "\n".join(section(result))
    assert section(result)


@pytest.mark.parametrize(
    "where", ["raise RuntimeError(SECRET)", "assert 0, SECRET", "skip(SECRET)"]
)
def test_a_secret_in_an_error_is_kept_nowhere(project, section, monkeypatch, where):
    """The reason of an outcome is a text like any."""
    monkeypatch.setenv("FOO_API_KEY", SECRET)
    project.suite(
        "right-1",
        source=f"""
        import pytest
        from pytest import skip

        SECRET = {SECRET!r}

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, model_eval):
            {where}
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run("-vv")

    assert SECRET not in everything_kept(project)
    assert SECRET not in "\n".join(section(result))


def test_a_secret_in_a_failure_of_the_model_is_kept_nowhere(project, section, monkeypatch):
    """SDKs like to quote the key that was refused."""
    monkeypatch.setenv("FOO_API_KEY", SECRET)
    project.suite(
        "right-1",
        source=f"""
        import pytest

        def answer(text):
            raise RuntimeError("bad key {SECRET}")

        @pytest.mark.model_eval("tickets.csv", model=answer)
        def test_ticket(case, prediction):
            pass
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run()

    assert SECRET not in everything_kept(project)
    assert SECRET not in "\n".join(section(result))
    assert "bad key [secret FOO_API_KEY]" in project.records["right-1"]["reason"]


def test_a_secret_on_the_command_line_is_kept_nowhere(project, monkeypatch):
    """The manifest holds the command."""
    monkeypatch.setenv("FOO_API_KEY", SECRET)
    project.suite("right-1")
    project.ini()

    project.run(f"--model-eval-base-url=http://user:{SECRET}@localhost/v1")

    assert SECRET not in everything_kept(project)


def test_a_secret_in_scores_and_metadata_is_kept_nowhere(project, monkeypatch):
    """Nor in what a test notes."""
    monkeypatch.setenv("FOO_API_KEY", SECRET)
    project.suite(
        "right-1",
        source=f"""
        import pytest

        @pytest.mark.model_eval([{{"id": "a", "input": "x", "note": {SECRET!r}}}])
        def test_ticket(case, model_eval):
            model_eval.score("tone", 1, reason={SECRET!r})
        """,
    )
    project.ini()

    project.run()

    assert SECRET not in everything_kept(project)


def test_a_key_that_looks_like_one_is_kept_nowhere(project):
    """Also where no variable holds it."""
    project.suite("right-1")
    project.pytester.makepyfile(
        test_evals="""
        import pytest

        KEYS = "sk-abcdefghijklmnop1234 and Authorization: Bearer abcdefgh12345678"

        @pytest.mark.model_eval([{"id": "a", "input": KEYS}])
        def test_ticket(case, prediction):
            pass
        """
    )
    project.ini()

    project.run()

    kept = everything_kept(project)
    assert "abcdefghijklmnop1234" not in kept
    assert "abcdefgh12345678" not in kept


def test_an_ordinary_word_as_a_secret_does_not_break_the_gate(project, monkeypatch):
    """SORT_KEY=ticket is in the suite's name; the run is judged all the same."""
    monkeypatch.setenv("SORT_KEY", "ticket")
    project.suite("right-1", "right-2")
    project.thresholds("test_ticket: accuracy >= 100%")

    result = project.run()

    assert result.ret == 0
    assert project.status == "met"


def test_an_ordinary_word_as_a_secret_does_not_break_last_failed(project, monkeypatch):
    """The node ids that pytest remembers are its own."""
    monkeypatch.setenv("SORT_KEY", "priority")
    project.suite("right priority", "wrong priority")
    project.thresholds("accuracy >= 1%")
    project.run()
    project.forget()

    project.run("--lf")

    assert project.asked == ["wrong priority"]


def test_two_ids_that_are_one_without_their_secrets_stay_two_cases(project, monkeypatch):
    """No case is lost from the count."""
    project.suite("right sk-aaaaaaaaaaaaaaaaaaaa", "right sk-bbbbbbbbbbbbbbbbbbbb")
    project.thresholds("accuracy >= 100%")

    result = project.run()

    assert result.ret == 0
    assert project.file("summary.json")["suites"][0]["n"] == 2


def test_a_secret_in_an_error_is_on_no_screen_and_in_no_junit_file(project, monkeypatch):
    """What the model raised is shown, without the key in it."""
    monkeypatch.setenv("FOO_API_KEY", "hunter2hunter2")
    project.suite(
        "right-1",
        source="""
        import pytest

        def answer(text):
            raise RuntimeError("rejected key hunter2" + "hunter2")

        @pytest.mark.model_eval("tickets.csv", model=answer)
        def test_ticket(case, prediction):
            pass
        """,
    )
    project.ini("model_eval_max_error_rate = 100%")

    result = project.run("--junitxml=report.xml", "-rA")

    assert "hunter2hunter2" not in result.stdout.str()
    assert "hunter2hunter2" not in (project.path / "report.xml").read_text()
    result.stdout.fnmatch_lines(["*rejected key [[]secret FOO_API_KEY[]]*"])


def test_a_secret_that_a_module_sets_is_one_too(project, monkeypatch):
    """As ``load_dotenv`` does, after the session has started."""
    monkeypatch.setenv("LATE_API_KEY", "")
    project.suite(
        "right-1",
        source="""
        import os
        import pytest

        os.environ["LATE_API_KEY"] = "hunter2hunter2"

        @pytest.mark.model_eval("tickets.csv", model=lambda text: "hunter2" + "hunter2")
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.ini()

    result = project.run("--junitxml=report.xml")

    assert result.ret == 1
    assert "hunter2hunter2" not in (project.path / "report.xml").read_text()
    files = [path.read_text() for path in project.runs[0].iterdir()]
    assert not any("hunter2hunter2" in text for text in files)


@pytest.mark.parametrize("length", range(100, 400, 25))
def test_a_secret_in_a_long_or_broken_error(project, monkeypatch, length):
    """No part of it is left, wherever a message would be cut, nor on one line."""
    monkeypatch.setenv("OTHER_API_KEY", "sk-ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")
    monkeypatch.setenv("SOME_PRIVATE_KEY", "-----BEGIN-----\nMIIEabcdef\nMIIEghijkl\n-----END-----")
    project.suite("right-1")
    project.ini()
    (project.path / "robot.py").write_text(
        f"import os\n\ndef answer(text):\n    raise RuntimeError('y' * {length} + ' ' + "
        "os.environ['OTHER_API_KEY'] + ' ' + os.environ['SOME_PRIVATE_KEY'])\n"
    )

    result = project.run("--junitxml=j.xml")

    texts = [result.stdout.str(), (project.path / "j.xml").read_text()]
    texts += [path.read_text() for path in (project.path / ".modeleval").rglob("*.json*")]
    assert not [text for text in texts if "sk-ABC" in text or "MIIE" in text]

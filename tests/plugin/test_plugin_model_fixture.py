"""The fixture ``model``, overridden."""

import threading

import pytest

FIXTURE = """
    import pytest
    import robot
    import threading

    made = []
    running = []
    lock = threading.Lock()
    peak = [0]

    class Counting:
        name = "counting"

        def predict(self, text):
            with lock:
                running.append(text)
                peak[0] = max(peak[0], len(running))
            try:
                if {barrier}:
                    barrier.wait(5)
                return robot.answer(text)
            finally:
                running.remove(text)

    barrier = threading.Barrier(3)

    @pytest.fixture(scope={scope!r})
    def model():
        made.append(1)
        return Counting()

    def pytest_sessionfinish():
        print("made", len(made), "peak", peak[0])
"""


def with_fixture(project, scope, *, barrier=False, inputs=("right-1", "right-2", "right-3")):
    project.suite(*inputs)
    (project.path / "pytest.ini").write_text("[pytest]\nmodel_eval_thresholds = accuracy >= 50%\n")
    project.pytester.makeconftest(FIXTURE.format(scope=scope, barrier=barrier))


@pytest.mark.parametrize("scope", ["session", "package", "module"])
def test_a_wide_fixture_is_asked_ahead(project, scope):
    """Made once; its calls run at the same time, and each case is asked once."""
    with_fixture(project, scope, barrier=True)

    result = project.run("-s")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*made 1 peak 3*"])
    assert project.asked == ["right-1", "right-2", "right-3"]
    assert project.records["right-1"]["model"] == "counting"


@pytest.mark.parametrize("scope", ["function", "class"])
def test_a_narrow_fixture_runs_one_at_a_time(project, scope):
    """And the header says so."""
    with_fixture(project, scope)

    result = project.run("-s")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*made 3 peak 1*"])
    result.stdout.fnmatch_lines(
        [f"model eval: fixture model ({scope} scope), 3 cases, one at a time"]
    )
    assert project.asked == ["right-1", "right-2", "right-3"]


def test_the_header_names_the_scope(project):
    """The model itself is not known yet."""
    with_fixture(project, "session")

    project.run().stdout.fnmatch_lines(
        ["model eval: fixture model (session scope), 3 cases, 8 to 64 at once"]
    )


def test_no_model_need_be_named(project):
    """The fixture gives it."""
    with_fixture(project, "session")

    assert project.run().ret == 0


def test_deselected_and_skipped_cases_are_not_asked(project):
    """Asking ahead knows what will run."""
    with_fixture(project, "session")

    project.run("-k", "right-2")

    assert project.asked == ["right-2"]


def test_a_fixture_that_fails_is_an_error_of_each_case(project):
    """None of them has an answer."""
    project.suite("right-1", "right-2")
    project.thresholds("accuracy >= 0%")
    project.pytester.makeconftest("""
        import pytest

        @pytest.fixture(scope="session")
        def model():
            raise RuntimeError("no weights")
    """)

    result = project.run()

    assert result.ret == 1
    assert project.outcomes == {"right-1": "errored", "right-2": "errored"}
    assert project.records["right-1"]["reason"] == "RuntimeError: no weights"


def test_a_parametrized_fixture_compares_models(project):
    """A variant for each, asked of the right one."""
    project.suite("right-1", "right-2")
    project.thresholds("accuracy >= 60%")
    project.pytester.makeconftest("""
        import pytest

        @pytest.fixture(scope="session", params=["up", "low"])
        def model(request):
            return {"up": str.upper, "low": str.lower}[request.param]
    """)

    result = project.run()

    assert result.ret == 1
    suites = project.file("summary.json")["suites"]
    assert {(s["variant"], s["model"], s["metrics"]["accuracy"]["value"]) for s in suites} == {
        ("up", "str.upper", 1.0),
        ("low", "str.lower", 0.0),
    }


@pytest.mark.parametrize("value", ["3", "None", "'robot:answer'"])
def test_a_fixture_that_gives_no_model_is_one_sentence(project, value):
    """It says what it gave and what would do."""
    project.suite("right-1")
    project.thresholds("accuracy >= 0%")
    project.pytester.makeconftest(f"""
        import pytest

        @pytest.fixture
        def model():
            return {value}
    """)

    result = project.run()

    assert result.ret == 1
    record = project.records["right-1"]
    assert record["outcome"] == "errored"
    assert (
        "can't be called; a model is a callable or an object with predict(input)"
        in (record["reason"])
    )
    assert "pytest_modeleval/plugin" not in result.stdout.str()


def test_a_fixture_may_wrap_ours(project):
    """Overriding by asking for the overridden is plain pytest."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 50%")
    project.pytester.makeconftest("""
        import pytest

        @pytest.fixture
        def model(model):
            return lambda text: str(model.ask(text))
    """)

    before = set(threading.enumerate())

    result = project.run()

    assert "no model is named" not in result.stdout.str()
    assert project.outcomes == {"right-1": "passed", "wrong-1": "missed"}
    for thread in set(threading.enumerate()) - before:  # the wrapped model is closed too
        if thread.name.startswith("modeleval-"):
            thread.join(10)
            assert not thread.is_alive()


def test_a_fixture_may_hand_ours_on(project):
    """``return model`` changes nothing."""
    project.suite("right-1")
    project.thresholds("accuracy >= 100%")
    project.pytester.makeconftest("""
        import pytest

        @pytest.fixture
        def model(model):
            return model
    """)

    assert project.run().ret == 0


def test_an_overridden_prediction_is_what_the_test_gets(project):
    """As any fixture of pytest's."""
    project.suite("right-1")
    project.thresholds("accuracy >= 0%")
    project.pytester.makeconftest("""
        import pytest

        @pytest.fixture
        def prediction(prediction):
            return f"<{prediction}>"
    """)
    project.pytester.makepyfile(
        test_evals="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            assert prediction == "<RIGHT-1>"
        """
    )

    project.run()

    assert project.outcomes == {"right-1": "passed"}


def test_a_fixture_of_the_users_own_may_ask_for_the_prediction(project):
    """Without asking the model a second time."""
    project.suite("right-1")
    project.thresholds("accuracy >= 100%")
    project.pytester.makepyfile(
        test_evals="""
        import pytest

        @pytest.fixture
        def answer(case, prediction):
            return str(prediction)

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, answer, prediction):
            assert answer == case.expected
        """
    )

    assert project.run().ret == 0
    assert project.asked == ["right-1"]


def test_a_model_that_allows_no_parallel_calls_is_asked_one_at_a_time(project):
    """``model_eval_concurrency = 1`` on the callable."""
    with_fixture(project, "session")
    text = (project.path / "conftest.py").read_text()
    text = text.replace('name = "counting"', 'name = "counting"\n    model_eval_concurrency = 1')
    (project.path / "conftest.py").write_text(text)

    project.run("-s").stdout.fnmatch_lines(["*made 1 peak 1*"])


def test_an_assertion_in_an_overridden_model_is_an_error(project):
    """It broke; it gave no wrong answer."""
    project.suite("right-1")
    project.thresholds("accuracy >= 0%")
    project.pytester.makeconftest("""
        import pytest

        @pytest.fixture(scope="session")
        def model():
            def fragile(text):
                assert text == "something else"
            return fragile
    """)

    project.run()

    assert project.outcomes == {"right-1": "errored"}


def test_a_fixture_for_each_test_leaves_no_threads(project):
    """Each of its objects is let go when its test has ended."""
    project.suite(*(f"right-{n}" for n in range(30)))
    project.thresholds("accuracy >= 0%")
    project.pytester.makeconftest("""
        import threading
        import pytest

        @pytest.fixture
        def model():
            return lambda text: text.upper()

        def pytest_sessionfinish():
            names = [thread.name for thread in threading.enumerate()]
            assert names.count("modeleval-call") < 5
    """)

    result = project.run()

    assert result.ret == 0
    assert set(project.outcomes.values()) == {"passed"}

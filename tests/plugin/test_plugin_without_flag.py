"""Without ``--model-eval`` a suite is one skipped item, and nothing else is to be seen of us."""

import pytest

SUITE = """
    import pytest

    @pytest.mark.model_eval("no_such_file.csv")
    def test_ticket(case, prediction):
        raise AssertionError("never runs")
"""


def test_a_suite_is_one_skipped_item(pytester):
    """The dataset is not read, so that a missing one is no trouble."""
    pytester.makepyfile(SUITE)

    result = pytester.runpytest("-rs")

    result.assert_outcomes(skipped=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*needs --model-eval*"])


def test_a_suite_that_asks_for_the_prediction_alone_is_one_skipped_item(pytester):
    """The fixture ``case`` may come in through ``prediction``."""
    pytester.makepyfile(SUITE.replace("case, prediction", "prediction"))

    pytester.runpytest().assert_outcomes(skipped=1)


def test_an_async_suite_is_one_skipped_item(pytester):
    """Skipped comes before the question of who runs a coroutine."""
    pytester.makepyfile(SUITE.replace("def test", "async def test"))

    pytester.runpytest("-p", "no:asyncio", "-p", "no:anyio").assert_outcomes(skipped=1)


def test_a_suite_with_variants_is_one_skipped_item(pytester):
    """Stacked parametrize marks make no more than one."""
    pytester.makepyfile(
        SUITE.replace(
            "    def test", '    @pytest.mark.parametrize("n", [1, 2])\n    def test'
        ).replace("case, prediction", "case, prediction, n")
    )

    pytester.runpytest().assert_outcomes(skipped=1)


def test_a_method_of_a_class_is_one_skipped_item(pytester):
    """A suite may be a method."""
    pytester.makepyfile("""
        import pytest

        class TestTickets:
            @pytest.mark.model_eval("no_such_file.csv")
            def test_ticket(self, case, prediction):
                pass
    """)

    pytester.runpytest().assert_outcomes(skipped=1)


def test_an_overridden_model_fixture_is_not_made(pytester):
    """A model may be expensive to load."""
    pytester.makeconftest("""
        import pytest

        @pytest.fixture(scope="session", autouse=False)
        def model():
            raise RuntimeError("made")
    """)
    pytester.makepyfile(SUITE)

    pytester.runpytest().assert_outcomes(skipped=1)


def test_nothing_is_written_and_nothing_printed(pytester):
    """No folder, no header, no section."""
    pytester.makepyfile(SUITE + "\n    def test_ordinary():\n        pass\n")
    pytester.makeini("[pytest]\nmodel_eval_thresholds = accuracy >= 90%\n")

    result = pytester.runpytest("-p", "no:cacheprovider")

    result.assert_outcomes(passed=1, skipped=1)
    assert not (pytester.path / ".modeleval").exists()
    shown = [
        line for line in result.outlines if "model" in line and not line.startswith("plugins:")
    ]
    assert shown == []
    assert result.stderr.str() == ""


def test_settings_are_not_read(pytester):
    """A wrong value troubles nobody who runs no evals."""
    pytester.makepyfile(SUITE)
    pytester.makeini("[pytest]\nmodel_eval_thresholds = nonsense\n")

    assert pytester.runpytest().ret == 0


def test_no_heavy_module_is_imported(pytester):
    """Neither numpy nor yaml nor openai, nor any part of ours beyond the hooks' own needs."""
    pytester.makepyfile(SUITE)
    pytester.makeconftest("""
        import sys

        def pytest_unconfigure():
            heavy = {"numpy", "yaml", "openai", "asyncio_", "tenacity", "genai_prices"}
            print("heavy:", sorted(heavy & set(sys.modules)))
            ours = [name for name in sys.modules if name.startswith("pytest_modeleval.")]
            print("roles:", [name for name in ours if name.endswith(("roles", "runner", "gates"))])
    """)

    result = pytester.runpytest_subprocess("-s")

    result.stdout.fnmatch_lines(["heavy: []", "roles: []"])


@pytest.mark.parametrize("case_id", ["right-1", "a[b]", "two words"])
def test_a_node_id_of_a_case_is_found_and_skipped(project, case_id):
    """Copying a node id without the flag says what is missing, and not "not found"."""
    project.suite(case_id, "right-2")
    project.ini()

    result = project.pytester.runpytest("-rs", f"test_evals.py::test_ticket[{case_id}]")

    result.assert_outcomes(skipped=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*needs --model-eval*"])
    assert "not found" not in result.stdout.str() + result.stderr.str()
    assert project.asked == []
    assert project.runs == []


def test_a_node_id_of_a_case_in_a_class_is_found_and_skipped(project):
    """The same for a method."""
    project.suite(
        "right-1",
        source="""
        import pytest

        class TestTickets:
            @pytest.mark.model_eval("tickets.csv")
            def test_ticket(self, case, prediction):
                pass
        """,
    )

    result = project.pytester.runpytest("test_evals.py::TestTickets::test_ticket[right-1]")

    result.assert_outcomes(skipped=1)


def test_a_case_that_does_not_exist_is_not_found(project):
    """A typo in the case id stays pytest's usage error."""
    project.suite("right-1")

    result = project.pytester.runpytest("test_evals.py::test_ticket[right-2]")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*not found*"])


def test_ordinary_tests_run_beside_the_skipped_suite(project):
    """And fail the session as ever."""
    project.suite("right-1")
    project.pytester.makepyfile(test_more="def test_a(): pass\ndef test_b(): assert 0\n")

    result = project.pytester.runpytest()

    result.assert_outcomes(passed=1, failed=1, skipped=1)
    assert result.ret == 1

"""Beside us: ordinary tests, and fixtures of other people that are named like ours."""

import pytest

NAMES = ["case", "model", "prediction", "model_eval"]
TEST = "def test_it({name}):\n    assert {name} == 'theirs'\n"
THEIRS = """
    import pytest

    @pytest.fixture
    def {name}():
        return "theirs"
"""


@pytest.mark.parametrize("flag", [(), ("--model-eval",)])
@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_of_a_conftest_overrides_ours(pytester, name, flag):
    """As a conftest overrides any plugin."""
    pytester.makeconftest(THEIRS.format(name=name))
    pytester.makepyfile(TEST.format(name=name))

    pytester.runpytest(*flag).assert_outcomes(passed=1)


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_of_the_module_overrides_ours(pytester, name):
    """And a module."""
    pytester.makepyfile(
        THEIRS.format(name=name) + "\n    " + TEST.format(name=name).replace("\n", "\n    ")
    )

    pytester.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize("flag", [(), ("--model-eval",)])
@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_of_a_plugin_named_on_the_command_line_overrides_ours(pytester, name, flag):
    """A project that does not use evals keeps the fixture that it always had."""
    pytester.makepyfile(their_plugin=THEIRS.format(name=name))
    pytester.makepyfile(TEST.format(name=name))
    pytester.syspathinsert()

    pytester.runpytest("-p", "their_plugin", *flag).assert_outcomes(passed=1)


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_of_a_plugin_named_in_a_conftest_overrides_ours(pytester, name):
    """``pytest_plugins`` in the conftest."""
    pytester.makepyfile(their_plugin=THEIRS.format(name=name))
    pytester.makeconftest("pytest_plugins = ['their_plugin']")
    pytester.makepyfile(TEST.format(name=name))
    pytester.syspathinsert()

    pytester.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_of_an_installed_plugin_overrides_ours(pytester, name, first):
    """Whichever of the two is loaded first."""
    folder = pytester.path / "site" / "their_plugin-1.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: their-plugin\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[pytest11]\ntheirs = their_plugin\n")
    (folder / "RECORD").write_text("")
    source = THEIRS.format(name=name).replace("\n    ", "\n")
    (folder.parent / "their_plugin.py").write_text(source)
    pytester.makepyfile(TEST.format(name=name))
    pytester.makepyfile(
        start=f"""
        import sys
        sys.path.insert(0 if {first} else len(sys.path), {str(folder.parent)!r})
        import pytest
        sys.exit(pytest.main(["-q"]))
        """
    )

    result = pytester.runpython(pytester.path / "start.py")

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("flag", [(), ("--model-eval",)])
def test_a_parameter_named_like_our_fixture(pytester, flag):
    """Very many tests have a parameter ``case`` or ``model``."""
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("case", [1, 2])
        @pytest.mark.parametrize("model", ["a", "b"])
        def test_it(case, model):
            assert case in (1, 2) and model in "ab"
    """)

    result = pytester.runpytest(*flag)

    result.assert_outcomes(passed=4)
    assert not (pytester.path / ".modeleval").exists()


def test_ordinary_tests_run_beside_evals(project):
    """They are in no record and in no number."""
    project.suite("right-1")
    project.pytester.makepyfile(
        test_more="""
        import pytest

        def test_a(): pass

        @pytest.mark.parametrize("case", [1, 2])
        def test_b(case): pass

        @pytest.mark.skip
        def test_c(): pass

        @pytest.mark.xfail
        def test_d(): assert 0
        """
    )
    project.thresholds("accuracy >= 100%")

    result = project.run()

    assert result.ret == 0
    result.assert_outcomes(passed=4, skipped=1, xfailed=1)
    assert list(project.outcomes) == ["right-1"]


def test_an_ordinary_xfail_keeps_its_word(project):
    """Also where its reason reads like one of ours."""
    project.suite("right-1")
    project.pytester.makepyfile(
        test_more="""
        import pytest

        @pytest.mark.xfail(reason="missed: not ours")
        def test_d(): assert 0
        """
    )
    project.ini()

    project.run().assert_outcomes(passed=1, xfailed=1)


def test_an_unmarked_test_in_an_eval_module_is_an_ordinary_test(project):
    """The marker makes the suite, not the file."""
    project.suite(
        "right-1",
        source="""
        import pytest

        def test_plain():
            assert 0

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 1%")

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)


def test_logs_of_calls_are_not_in_the_tests_caplog(project):
    """Other cases' calls are other people's business."""
    project.suite(
        "right-1",
        "right-2",
        source="""
        import logging
        import pytest

        def answer(text):
            logging.getLogger("http").warning("called")
            return text.upper()

        @pytest.mark.model_eval("tickets.csv", model=answer)
        def test_ticket(case, prediction, caplog):
            assert caplog.records == []
        """,
    )
    project.ini()

    assert project.run("--log-level=DEBUG").ret == 0


def test_the_wait_for_the_model_is_before_the_items_own_protocol(project):
    """So neither ``--durations`` nor JUnit nor a time-out plugin counts it as the test's."""
    project.suite("right-1", "right-2")
    project.pytester.makeconftest("""
        import pathlib

        def pytest_runtest_logstart(nodeid):
            (file,) = pathlib.Path(".").glob(".modeleval/runs/*/predictions.jsonl")
            case_id = nodeid.partition("[")[2].rstrip("]")
            print("answered", f'"{case_id}"' in file.read_text())
    """)
    project.ini()

    result = project.run("-s", "--model-eval-concurrency=1")

    assert result.ret == 0
    assert result.stdout.str().count("answered True") == 2

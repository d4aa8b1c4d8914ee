"""``--co`` and its like: nothing is asked, nothing judged, nothing written."""

import pytest

INERT = ["--co", "--setup-plan", "--setup-only", "--fixtures", "--markers", "--fixtures-per-test"]


@pytest.mark.parametrize("option", INERT)
def test_nothing_is_asked_and_nothing_written(project, option):
    """Exit 0, though the threshold can't be met."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 100%")

    result = project.run(option)

    assert result.ret == 0
    assert project.asked == []
    assert not (project.path / ".modeleval").exists()
    assert "gate:" not in result.stdout.str()


def test_collect_only_shows_each_case(project):
    """With the id that runs it alone."""
    project.suite("right-1", "wrong-1")
    project.ini()

    result = project.run("--co", "-q")

    result.stdout.fnmatch_lines(
        ["test_evals.py::test_ticket?right-1?", "test_evals.py::test_ticket?wrong-1?"]
    )


def test_collect_only_makes_no_model(project):
    """A missing module is no trouble yet."""
    project.suite("right-1")

    assert project.run("--co", "--model-eval-model=no_such:thing").ret == 0


def test_setup_only_does_not_say_that_the_flag_is_missing(project):
    """It was given; another reason holds."""
    project.suite("right-1")
    project.ini()

    result = project.run("--setup-only", "-rs")

    assert "needs --model-eval" not in result.stdout.str()


def test_cache_show_asks_nothing(project):
    """It runs no session."""
    project.suite("right-1")
    project.ini()

    assert project.run("--cache-show").ret == 0
    assert project.asked == []


def test_the_options_and_keys_are_in_the_help(project):
    """Each option stands there with its ini key."""
    result = project.pytester.runpytest("--help")

    text = result.stdout.str()
    for name in ("model", "thresholds", "concurrency", "timeout", "retries", "store", "prices"):
        assert f"--model-eval-{name}" in text
        assert f"model_eval_{name}" in text


def test_the_marker_is_documented(project):
    """``--markers`` lists it with its arguments."""
    result = project.pytester.runpytest("--markers")

    result.stdout.fnmatch_lines(["@pytest.mark.model_eval(*name=*model=*thresholds=*"])


def test_the_fixtures_are_documented(project):
    """``--fixtures`` lists the four with a sentence each."""
    text = project.pytester.runpytest("--fixtures").stdout.str()

    for name in ("case", "model", "prediction", "model_eval"):
        assert f"\n{name} -- " in text


def test_the_location_of_each_case(project):
    """Is that which pytest finds out for itself: the test's file and line, and the item's name."""
    project.suite("right-1", "wrong-1")
    project.pytester.makeconftest(
        """
        def pytest_collection_finish(session):
            for item in session.items:
                path, line, name = item.reportinfo()
                assert item.location == (path.name, line, name), item.location
                print("location of", name)
        """
    )

    result = project.run("--co", "-q")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["location of test_ticket?right-1?", "*of test_ticket?wrong-1?"])

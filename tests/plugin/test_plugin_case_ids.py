"""Case ids: readable in node ids, whole in records, and usable to run one case."""

import pytest

IDS = [
    "größe",
    "日本語",
    "a[b]",
    "two words",
    "a::b",
    "a/b",
    "a-b",
    "ünï [x] y",
    "%s",
    "'",
]


@pytest.mark.parametrize("case_id", IDS)
def test_the_record_has_the_id_as_it_was_written(project, case_id):
    """Escaped in the node id alone."""
    project.suite(case_id, "right")
    project.thresholds("accuracy >= 100%")

    result = project.run()

    assert result.ret == 0
    assert set(project.outcomes) == {case_id, "right"}


@pytest.mark.parametrize("case_id", IDS)
def test_a_node_id_runs_the_case_alone(project, case_id):
    """The one that ``--co -q`` prints."""
    project.suite(case_id, "right")
    project.ini()
    shown = [line for line in project.run("--co", "-q").outlines if "::" in line]

    project.run(shown[0])

    assert list(project.outcomes) == [case_id]


def test_a_case_without_an_id_has_one_made_of_its_content(project):
    """Inserting a row above changes nothing."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("plain.csv")
        def test_ticket(case, prediction):
            pass
        """,
    )
    project.ini()
    file = project.path / "plain.csv"
    file.write_text("input,expected\nWhere is my card?,CARD\n")
    project.run()
    (before,) = project.outcomes
    file.write_text("input,expected\nsomething new,NEW\nWhere is my card?,CARD\n")

    project.run()

    assert before.startswith("where-is-my-card-")
    assert before in project.outcomes


def test_a_case_shows_nothing_of_its_content_in_messages(project):
    """Its representation is its id."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            assert repr(case) == "<Case right-1>"
        """,
    )
    project.ini()

    assert project.run().ret == 0

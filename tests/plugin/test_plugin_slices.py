"""Slices by tag and numbers by label: in the section, in ``summary.json`` and for workers alike."""

import json
import textwrap

import pytest

SUITE = """
    import pytest

    CASES = [
        {
            "id": f"{team}-{n}",
            "input": f"{team} {n}" if n else f"{team} unclear",
            "expected": team,
            "tags": ["angry"] * (n < 2) + ["short"] * (n % 2),
        }
        for team in ("billing", "bug", "login")
        for n in range(4)
    ]

    @pytest.mark.model_eval(CASES, name="tickets")
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""
ROBOT = """
    def answer(text):
        team, word = text.split()
        if word != "unclear":
            return team
        if team == "login":
            raise RuntimeError("the model is down")
        return "bug"
"""


@pytest.fixture
def teams(project):
    """Twelve cases of three teams: billing-0 is taken for a bug, login-0 is not answered."""
    project.pytester.makepyfile(test_evals=SUITE)
    (project.path / "robot.py").write_text(textwrap.dedent(ROBOT), encoding="utf-8")
    project.ini("model_eval_max_error_rate = 50%", "model_eval_thresholds = accuracy >= 50%")
    return project


def parts(project):
    """What the last run's file says of slices and labels, without clocks."""
    (suite,) = project.file("summary.json")["suites"]
    for part in suite["slices"]:
        part["metrics"] = {
            name: number for name, number in part["metrics"].items() if "latency" not in name
        }
    return suite["slices"], suite["classification"]


def test_the_section_has_the_tags_and_the_labels(teams, section):
    """Below the numbers of the suite."""
    lines = section(teams.run())

    at = lines.index("  by tag        accuracy")
    assert [line.split()[:2] for line in lines[at + 1 : at + 3]] == [
        ["angry", "66.7"],
        ["short", "100.0"],
    ]
    assert lines[at + 3].startswith("    no slice stands out")
    assert lines[at + 4].startswith("  by label")
    assert [line.split()[:3] for line in lines[at + 5 : at + 9]] == [
        ["billing", "4", "3"],
        ["login", "4", "3"],
        ["bug", "4", "5"],
        ["macro-F1", "12", "86.8"],
    ]
    assert lines[at + 9] == "    confused: billing -> bug 1, login -> (no answer) 1"
    assert max(len(line) for line in lines if not line.startswith("Next: ")) <= 80


def test_the_file_has_them_whole(teams):
    """Each slice with its counts, and the matrix of the labels."""
    teams.run()

    slices, classification = parts(teams)
    assert [(part["tag"], part["n"], part["n_errored"]) for part in slices] == [
        ("angry", 6, 1),
        ("short", 6, 0),
    ]
    assert classification["confusion"] == {
        "expected": ["billing", "bug", "login"],
        "answers": ["billing", "bug", "login", "(other)", "(no answer)"],
        "counts": [[3, 1, 0, 0, 0], [0, 4, 0, 0, 0], [0, 0, 3, 0, 1]],
    }
    assert classification["labels"][0]["recall"]["value"] == 0.75


def test_two_workers_come_to_the_same(teams):
    """Slices and labels are made of the records, whoever asked."""
    teams.run_apart()
    alone = parts(teams)
    teams.run_apart("-n2")

    assert parts(teams) == alone


@pytest.mark.parametrize(
    ("threshold", "ret", "line"),
    [
        ("macro_f1 >= 80%", 0, "gate: met (thresholds: 1 met)"),
        ("macro_f1 >= 90%", 1, "not met: tickets: macro-F1 is 86.8 %, wanted >= 90% (n=12)"),
        (
            "[angry]: accuracy >= 90%",
            1,
            "not met: tickets [[]angry[]]: accuracy is 66.7 %, wanted >= 90% (n=6)",
        ),
    ],
)
def test_a_threshold_on_labels_or_a_tag_decides(teams, threshold, ret, line):
    """It is judged like any other."""
    teams.ini("model_eval_max_error_rate = 50%", f"model_eval_thresholds = {threshold}")

    result = teams.run()

    assert result.ret == ret
    result.stdout.fnmatch_lines([line])


def test_macro_f1_without_labels_is_invalid(project):
    """What is expected is a text and no label."""
    project.suite("a" * 70, "right-1")
    project.ini("model_eval_thresholds = macro_f1 >= 10%")

    result = project.run()

    assert result.ret == 1
    sentence = "macro_f1 >= 10%: needs labels: a text of 70 characters is*"
    result.stdout.fnmatch_lines([f"invalid: test_ticket: {sentence}"])


def test_part_of_the_cases_has_its_slices(teams, section):
    """Of those that ran."""
    lines = section(teams.run("-k", "billing"))

    assert any(line.split()[:1] == ["angry"] and line.split()[-1] == "2" for line in lines)
    assert not any(line.startswith("  by label") for line in lines)


def test_quiet_says_nothing_of_them(teams, section):
    """``-q`` keeps what decides."""
    lines = section(teams.run("-q"))

    assert not any("by tag" in line or "by label" in line for line in lines)


def test_verbose_says_why_there_are_no_labels(project, section):
    """A line, where somebody wants to know."""
    project.suite("right-1", "right-2")
    project.ini()

    assert not any("by label" in line for line in section(project.run()))
    assert "  not by label: 2 labels among 2 cases hardly repeat" in section(project.run("-v"))


def test_the_command_shows_the_same(teams, section, monkeypatch, capsys):
    """``modeleval show`` and, of two shards, ``modeleval combine``."""
    from pytest_modeleval.cli import main

    lines = section(teams.run())
    at = next(i for i, line in enumerate(lines) if line.startswith("  by tag"))
    wanted = lines[at : lines.index("", at)]
    whole = parts(teams)
    monkeypatch.chdir(teams.path)

    main(["show"])
    assert "\n".join(wanted) in capsys.readouterr().out

    first = teams.runs[-1].name
    teams.run("-k", "billing")
    teams.run("-k", "not billing")
    halves = [folder.name for folder in teams.runs if folder.name != first]
    assert main(["combine", *halves]) == 0
    assert "\n".join(wanted) in capsys.readouterr().out
    combined = next(folder for folder in teams.runs if folder.name not in [first, *halves])
    (suite,) = json.loads((combined / "summary.json").read_text())["suites"]
    assert suite["classification"] == whole[1]
    assert [part["tag"] for part in suite["slices"]] == ["angry", "short"]

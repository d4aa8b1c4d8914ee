"""Rows to cases: which column is which field, what may stand in it, and the ids."""

import numpy as np
import pytest

from pytest_modeleval.core.cases import Case
from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_cases


def refusal(source, **options):
    """The message with which ``source`` is refused."""
    with pytest.raises(DatasetError) as caught:
        load_cases(source, **options)
    return str(caught.value)


def write(tmp_path, name, content):
    """The path of a new file."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def load_my_cases():
    """A source as users write it."""
    return [{"input": "a"}, Case(id="b", input="b", source="mine:7")]


# Sources in Python


@pytest.mark.parametrize("source", [load_my_cases, load_my_cases(), iter(load_my_cases())])
def test_cases_may_come_from_python(source):
    """A function, a list and an iterator of cases and mappings all do."""
    cases = load_cases(source)

    assert [case.input for case in cases] == ["a", "b"]


def test_the_source_of_a_case_from_python_is_its_place():
    """A mapping is named by function and index; a case keeps what it says."""
    cases = load_cases(load_my_cases)

    assert [case.source for case in cases] == ["load_my_cases()[0]", "mine:7"]


def test_a_case_made_in_python_arrives_whole():
    """Nothing of a case is lost on the way; what is no plain data becomes some."""
    case = Case(
        id="x",
        input=("a", np.float64(1.5)),
        expected=np.int64(3),
        tags=("t",),
        cluster="c",
        metadata={"k": (1, 2)},
    )

    (loaded,) = load_cases([case])

    assert (loaded.id, loaded.input, loaded.expected) == ("x", ["a", 1.5], 3)
    assert type(loaded.expected) is int
    assert (loaded.tags, loaded.cluster, loaded.metadata) == (("t",), "c", {"k": [1, 2]})
    assert loaded.source is None


def test_an_error_of_the_function_passes_through():
    """The traceback of the user's own code is worth more than a sentence."""

    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        load_cases(broken)


def gives_none():
    """A function that forgot its return."""


def gives_text():
    """A function that gives a path where cases are meant."""
    return "tickets.csv"


async def gives_later():
    """A function that would have to be awaited."""
    return []


def gives_nothing():
    """A function that finds no cases."""
    return []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (gives_none, "gives_none(): gave nothing, not a list of cases or mappings."),
        (gives_text, "gives_text(): gave the text 'tickets.csv', not a list of cases or mappings."),
        (gives_later, "gives_later(): gave a coroutine; cases come from a plain function."),
        (gives_nothing, "gives_nothing(): this has no cases."),
        ([], "cases: this has no cases."),
        (
            {"input": "a"},
            (
                "cases: a dataset is a path, a list of cases or mappings, or a function that gives "
                "one, not a mapping."
            ),
        ),
        ([{"input": "a"}, 5], "cases[1]: a case is a mapping or a Case, not 5."),
        (lambda: ["a"], "<lambda>()[0]: a case is a mapping or a Case, not the text 'a'."),
        ([{5: "a"}], "cases[0]: the name of a column is text, not 5."),
    ],
)
def test_a_source_of_no_cases_is_refused(source, message):
    """What was found, and where."""
    assert refusal(source) == message


# Columns


def test_columns_may_have_other_names(tmp_path):
    """A field is read from the column given for it; the rest goes to metadata."""
    path = write(tmp_path, "a.csv", "text,category,lang\nhi,greeting,en\n")

    (case,) = load_cases(path, columns={"input": "text", "expected": "category"})

    assert (case.input, case.expected, case.metadata) == ("hi", "greeting", {"lang": "en"})


def test_a_column_of_a_field_s_name_goes_to_metadata_where_another_is_given():
    """It is not lost, and not taken for the field."""
    (case,) = load_cases([{"input": "old", "text": "new"}], columns={"input": "text"})

    assert (case.input, case.metadata) == ("new", {"input": "old"})


def test_columns_do_not_touch_cases():
    """A case knows its own fields."""
    (case,) = load_cases([Case(id="x", input="a", expected="b")], columns={"input": "text"})

    assert (case.input, case.expected) == ("a", "b")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"input": "txt"},
            "a.csv:1: no column 'txt'; the columns are 'text' and 'label'; did you mean 'text'?",
        ),
        (
            {"input": "text", "id": "number"},
            "a.csv:1: no column 'number'; the columns are 'text' and 'label'.",
        ),
        ({"inptu": "text"}, "columns: a case has no field 'inptu'; did you mean 'input'?"),
        (
            {"metadata": "text"},
            (
                "columns: a case has no field 'metadata'; the fields are 'id', 'input', 'expected', "
                "'tags' and 'cluster'."
            ),
        ),
        ({"input": 5}, "columns: input= names a column, not 5."),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path, columns, message):
    """A typo in a name can't leave a field empty."""
    path = write(tmp_path, "a.csv", "text,label\nhi,x\n")

    assert refusal(path, columns=columns, shown_from=tmp_path) == message


def test_a_column_that_no_row_has_is_refused(tmp_path):
    """Where each row names its columns, one row that has it is enough."""
    path = write(tmp_path, "a.jsonl", '{"input": "a"}\n{"input": "b", "label": "x"}\n')

    cases = load_cases(path, columns={"expected": "label"})
    message = refusal(path, columns={"expected": "labels"}, shown_from=tmp_path)

    assert [case.expected for case in cases] == [None, "x"]
    assert message == (
        "a.jsonl:1: no column 'labels'; the columns are 'input' and 'label'; did you mean 'label'?"
    )


@pytest.mark.parametrize("column", ["question", "text", "Prompt", "inputs", "imput"])
def test_a_column_that_looks_like_the_input_is_named(column):
    """The likely intent, with what to write."""
    assert refusal([{"expected": "x", column: "a"}]) == (
        f"cases[0]: no 'input' among the columns 'expected' and '{column}'; "
        f"if it is '{column}', write input='{column}'."
    )


def test_a_row_without_anything_like_an_input():
    """Nothing is guessed where nothing is close."""
    assert refusal([{"zebra": 1}]) == "cases[0]: no 'input' among the columns 'zebra'."
    assert refusal([{}]) == "cases[0]: the case has no 'input'."


def test_a_long_list_of_columns_is_cut():
    """A message stays readable for a wide table and long names."""
    message = refusal([{f"{index}" * 50: 1 for index in range(40)}])

    assert message.endswith("and 28 more.")
    assert len(message) < 1000


@pytest.mark.parametrize("column", ["expcted", "expect", "Expected"])
def test_a_misspelt_expected_is_refused(tmp_path, column):
    """Else no answer could ever be right, or every one."""
    path = write(tmp_path, "a.csv", f"input,{column}\na,b\n")

    assert refusal(path, shown_from=tmp_path) == (
        f"a.csv:1: unknown column '{column}'; name it 'expected', or write expected='{column}'."
    )


@pytest.mark.parametrize("column", ["expected_tools", "answer", "exported", "reference"])
def test_other_columns_are_not_taken_for_a_misspelt_expected(column):
    """A suite judged by other means needs no expected answer."""
    (case,) = load_cases([{"input": "a", column: "b"}])

    assert case.metadata == {column: "b"}


# Values


@pytest.mark.parametrize("value", ["", "  \n", None, [], {}])
def test_an_empty_input_is_refused(value):
    """A model is asked something or not at all."""
    assert refusal([{"input": value}]) == "cases[0]: the case has no input; 'input' is empty."


@pytest.mark.parametrize(("value", "shown"), [(5, "5"), (True, "true"), (1.5, "1.5")])
def test_an_input_of_another_kind_is_refused(value, shown):
    """A number is no question."""
    assert refusal([{"input": value}]) == (
        f"cases[0]: an input is text, a list of messages or a mapping, not {shown}."
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": 1.5}, "an id is text or a whole number, not 1.5."),
        ({"id": True}, "an id is text or a whole number, not true."),
        ({"id": 10**300}, "an id is text or a whole number, not a huge number."),
        ({"id": "a\nb"}, r"the id 'a\nb' has control characters in it."),
        (
            {"id": "x" * 201},
            f"the id '{'x' * 60}…' has 201 characters, an id at most 200.",
        ),
        ({"cluster": ["a"]}, "a cluster is text or a whole number, not a list."),
        ({"tags": 5}, "tags are text or a list of text, not 5."),
        ({"tags": ["a", None]}, "a tag is text, not nothing."),
        ({"metadata": ["a"]}, "metadata is a mapping, not a list."),
        (
            {"metadata": {"k": 1}, "k": 2},
            "'k' stands both in metadata and beside it; remove one.",
        ),
        ({"x": {1}}, "'x' holds a set; a record can keep only what JSON can."),
        (
            {"x": float("nan")},
            "'x' holds the number nan; a record can keep only what JSON can.",
        ),
        (
            {"x": {1: 2}},
            (
                "'x' holds a mapping with the key 1, which is not text; "
                "a record can keep only what JSON can."
            ),
        ),
        (
            {"expected": 10**5000},
            (
                "'expected' holds a whole number of more than 4,300 digits; a record can keep "
                "only what JSON can."
            ),
        ),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(row, message):
    """Each field says what it takes."""
    assert refusal([{"input": "a", **row}]) == f"cases[0]: {message}"


def test_metadata_and_other_columns_are_joined():
    """Both are found in one place."""
    (case,) = load_cases([{"input": "a", "metadata": {"k": 1}, "m": 2}])

    assert case.metadata == {"k": 1, "m": 2}


def test_tags_are_stripped_and_each_kept_once():
    """Empty ones are none."""
    (case,) = load_cases([{"input": "a", "tags": " x ;y,, x"}])

    assert case.tags == ("x", "y")


def test_subclasses_of_text_become_text():
    """What execnet and JSON can't carry is made plain."""
    (case,) = load_cases([{"input": np.str_("a"), "id": np.str_("b")}])

    assert (type(case.input), type(case.id)) == (str, str)


# Ids


def test_a_content_id_does_not_depend_on_the_position():
    """Shuffled and inserted rows keep their ids."""
    first = load_cases([{"input": "a"}, {"input": "b"}])
    second = load_cases([{"input": "new"}, {"input": "b"}, {"input": "a"}])

    assert [case.id for case in first] == [second[2].id, second[1].id]


def test_identical_rows_are_numbered():
    """The second and third of identical rows get an id of their own."""
    first, second, third = load_cases([{"input": "a", "expected": "b"}] * 3)

    assert [second.id, third.id] == [f"{first.id}-2", f"{first.id}-3"]


def test_a_content_id_gives_way_to_a_given_one():
    """Whoever names a case has the name."""
    (made,) = load_cases([{"input": "a"}])

    first, second, third = load_cases(
        [{"input": "a"}, {"input": "b", "id": made.id}, {"input": "c", "id": f"{made.id}-2"}]
    )

    assert first.id == f"{made.id}-3"
    assert [second.id, third.id] == [made.id, f"{made.id}-2"]


def test_an_id_given_twice_is_refused_with_both_places(tmp_path):
    """Two cases of one name could not be told apart in a comparison."""
    path = write(tmp_path, "a.csv", "id,input\nx,a\ny,b\nx,c\n")

    assert refusal(path, shown_from=tmp_path) == (
        "a.csv:4: the id 'x' is already that of a.csv:2; every case needs one of its own."
    )


@pytest.mark.parametrize("given", ["", "  ", None])
def test_an_empty_id_is_none(given):
    """Such a case gets the id of its content."""
    (case,) = load_cases([{"input": "a", "id": given}])

    assert case.id.startswith("a-")

"""Prompts: what templates make of a case, and what they say where they can't."""

import pytest

from pytest_modeleval.core.cases import Case
from pytest_modeleval.errors import UsageError
from pytest_modeleval.suites.prompts import Prompt, TemplateText

CASE = Case(
    id="refund-1",
    input="Where is <my> refund?",
    expected="billing",
    tags=("angry",),
    metadata={"customer": "ACME", "plan": None, "seats": {"paid": 3}, "is_new": True},
    source="tickets.csv:2",
)


def template(text, *, line=3, has_lines=True, **known):
    return TemplateText(
        text=text, file="it.eval.yaml", line=line, has_lines=has_lines, key="prompt", **known
    )


def rendered(text, case=CASE):
    return Prompt([template(text)]).render(case)


def refusal(text, case=CASE, **known):
    with pytest.raises(UsageError) as caught:
        Prompt([template(text, **known)]).render(case)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Route: {{ input }}", "Route: Where is <my> refund?"),
        ("{{ customer }}, {{ case.id }}, {{ case.tags | join }}", "ACME, refund-1, angry"),
        ("{{ case.metadata.customer }}", "ACME"),
        ("{{ seats }} {{ seats.paid }}", '{"paid": 3} 3'),
        ("{{ input | tojson }}", '"Where is <my> refund?"'),
        ("{{ is_new }}", "true"),
        ("{% if plan %}{{ plan }}{% else %}none{% endif %}", "none"),
        ("{{ plan | default('free', true) }}", "free"),
        ("{{ nowhere | default('n/a') }}{{ case.id }}", "n/arefund-1"),
        ("{% raw %}{{ x }}{% endraw %} {{ customer }}", "{{ x }} ACME"),
    ],
)
def test_a_template_shows_the_case(text, question):
    """Columns, fields and the case; text as it stands, everything else as JSON."""
    assert rendered(text) == question


def test_the_fields_of_a_mapping_input_are_variables():
    """They go before columns of the same name."""
    case = Case(id="a", input={"city": "Oslo", "plan": "b"}, metadata={"plan": "a"})

    assert rendered("{{ city }} {{ plan }} {{ input.city }}", case) == "Oslo b Oslo"


def test_messages_keep_their_roles():
    """A prompt of messages asks a chat."""
    prompt = Prompt([template("Be brief.", role="system"), template("{{ input }}", role="user")])

    assert prompt.render(CASE) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where is <my> refund?"},
    ]


def test_an_undefined_variable_is_an_error_with_its_line():
    """Never an empty place in a question."""
    assert refusal("a\nb {{ custmer }}") == (
        "it.eval.yaml:4: prompt: 'custmer' is undefined (case refund-1, tickets.csv:2); "
        "did you mean 'customer'?"
    )


def test_a_variable_like_none_of_the_others_is_listed_beside_them():
    """Else one would have to look the names up."""
    message = refusal("{{ zzz }}{{ input }}")

    assert message.endswith(
        "'zzz' is undefined (case refund-1, tickets.csv:2); there are 'case', 'customer', "
        "'input', 'is_new', 'plan' and 'seats'"
    )


def test_a_template_whose_lines_are_not_the_files_says_the_line_within():
    """As in a text in quotes."""
    assert refusal("a {{ input }}\n{{ x }}", has_lines=False).startswith(
        "it.eval.yaml:3: prompt: line 2 of it: 'x' is undefined"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ input", "it.eval.yaml:3: prompt: broken template: unexpected end of template"),
        ("x\n{% fi %}", "it.eval.yaml:4: prompt: broken template: Encountered unknown tag 'fi'"),
        ("{{" * 3000, "it.eval.yaml:3: prompt: broken template: nested too deep"),
        ("{{ plan }}{{ input }}", "it.eval.yaml:3: prompt: this is null; put {% if %} around it"),
        ("{{ 1 / 0 }}{{ input }}", "it.eval.yaml:3: prompt: ZeroDivisionError: division by zero"),
        ("{{ seats.free }}", "it.eval.yaml:3: prompt: 'dict object' has no attribute 'free'"),
        ("{% include 'a' %}{{ input }}", "it.eval.yaml:3: prompt: TypeError: no loader"),
        ("no variable", "it.eval.yaml:3: prompt shows nothing of a case"),
        ("{{ range(3) | list }}", "it.eval.yaml:3: prompt shows nothing of a case"),
    ],
)
def test_what_is_wrong_with_a_template_is_said_in_a_sentence(text, message):
    """With its line, whatever it is."""
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "{{ expected }}",
        "{{ case.expected }}",
        "{{ case['expected'] }}",
        "{{ input }}{{ expected }}",
    ],
)
def test_the_expected_answer_is_refused(text):
    """A prompt that shows it would test nothing."""
    assert "shows the model the expected answer" in refusal(text)


@pytest.mark.parametrize(
    "text", ["{{ input.__class__.__mro__ }}", "{{ seats.clear() }}", "{{ case.tags.__init__ }}"]
)
def test_the_sandbox_holds(text):
    """A suite of somebody else's runs no code by its prompt, and changes no case."""
    assert "unsafe" in refusal(text + "{{ input }}")
    assert CASE.metadata["seats"] == {"paid": 3}

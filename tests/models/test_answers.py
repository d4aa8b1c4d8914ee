"""What a model's code may return, and what becomes of it."""

import enum

import numpy as np
import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from pytest_modeleval import Prediction, Usage
from pytest_modeleval.models.answers import read_answer
from pytest_modeleval.models.base import AttemptError


class Team(str, enum.Enum):  # noqa: UP042  (what most code bases have)
    BILLING = "billing"


class Level(enum.IntEnum):
    HIGH = 3


def failure_of(value):
    """The failure that a returned value is recorded as."""
    with pytest.raises(AttemptError) as caught:
        read_answer(value)
    assert not caught.value.can_retry
    return caught.value.failure


def chat_completion(**changes):
    """A chat completion of the OpenAI SDK that answers "billing"."""
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": "billing"},
    }
    data = {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "gpt-served",
        "choices": [choice],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }
    return ChatCompletion.model_validate(data | changes)


def response(text):
    """A response of the OpenAI SDK's responses API with this text."""
    return Response.model_validate(
        {
            "id": "r",
            "object": "response",
            "created_at": 0,
            "model": "gpt-served",
            "output": [
                {
                    "id": "m",
                    "type": "message",
                    "role": "assistant",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": text, "annotations": []}],
                }
            ],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 5,
                "output_tokens": 2,
                "total_tokens": 7,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 1},
            },
        }
    )


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ("billing", "billing"),
        ("", ""),
        ("Zürich", "Zürich"),
        (False, False),
        (0, 0),
        (0.5, 0.5),
        ([], []),
        ({"team": ["a", None]}, {"team": ["a", None]}),
        (("a", 1), ["a", 1]),
        (np.int64(3), 3),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("billing"), "billing"),
        (np.str_("Zürich"), "Zürich"),
        (np.array([1, 2]), [1, 2]),
        ({"p": np.array(0.25)}, {"p": 0.25}),
        (Level.HIGH, 3),
    ],
    ids=repr,
)
def test_a_json_value_is_the_output(value, output):
    """Whatever JSON holds is the output, of builtin types alone."""
    prediction = read_answer(value)

    assert prediction.output == output
    assert type(prediction.output) is type(output)
    assert prediction.cost_usd is None


def test_a_text_enum_is_its_value():
    """A member of a ``(str, Enum)`` answers with the text that it equals, not with its name."""
    prediction = read_answer(Team.BILLING)

    assert prediction.output == "billing"
    assert type(prediction.output) is str


def test_half_an_emoji_is_replaced():
    """A lone surrogate, which no file and no worker can carry, becomes U+FFFD."""
    assert read_answer("bill\ud83d").output == "bill\ufffd"


def test_a_prediction_is_taken_as_it_is():
    """Output, clock, cost and usage that the code reports arrive unchanged."""
    usage = Usage(input_tokens=3, output_tokens=1)
    prediction = read_answer(
        Prediction(output=("a",), latency_s=0.5, cost_usd=0.01, usage=usage, model="m")
    )

    assert prediction.output == ["a"]
    assert prediction.latency_s == 0.5
    assert prediction.cost_usd == 0.01
    assert prediction.usage == usage
    assert prediction.model == "m"


def test_reported_numbers_become_builtins():
    """A numpy clock or cost is made plain too: it travels in reports of workers."""
    prediction = read_answer(
        Prediction(output="a", latency_s=np.float64(0.5), cost_usd=np.float64(0.01))
    )

    assert type(prediction.latency_s) is float
    assert type(prediction.cost_usd) is float


def test_a_reported_model_name_becomes_plain():
    """A lone surrogate in the served model's name is replaced as it is in the output."""
    assert read_answer(Prediction(output="a", model="m\ud83d")).model == "m\ufffd"


@pytest.mark.parametrize("value", [None, Prediction(output=None)], ids=["None", "in a Prediction"])
def test_none_is_no_answer(value):
    """None is a failure of its own kind, never an answer that is wrong."""
    failure = failure_of(value)

    assert failure.kind == "no_answer"
    assert "the model returned None, which is no answer" in failure.message


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a"}, "a set"),
        (b"billing", "a bytes"),
        (float("nan"), "the number nan"),
        (float("-inf"), "the number -inf"),
        (np.float64("nan"), "the number nan"),
        (np.array([1.0, np.inf]), "the number inf"),
        (np.datetime64("2026-01-01"), "a datetime.date"),
        (object(), "a object"),
        (Prediction(output={"a"}), "a set"),
        ({"teams": [("a", {"b"})]}, "a set"),
        ({1: "a"}, "the key 1"),
        ({"a": {None: 1}}, "the key None"),
        ((x for x in "ab"), "a generator"),
        (pytest, "a module"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_json_cannot_hold(value, shown):
    """A value that JSON cannot hold is a failure that names it and says what to return."""
    failure = failure_of(value)

    assert failure.kind == "bad_answer"
    assert shown in failure.message
    assert "return text, a JSON value or a Prediction" in failure.message


def test_a_number_of_too_many_digits():
    """A whole number that Python refuses to write as text is one that JSON cannot hold."""
    assert failure_of(10**5000).kind == "bad_answer"


def test_a_value_that_holds_itself():
    """Nesting without an end is refused, not followed."""
    value = []
    value.append(value)

    assert "nested deeper" in failure_of(value).message


def test_a_chat_completion_of_the_sdk():
    """Its text, usage, model and reason to stop are read."""
    prediction = read_answer(chat_completion())

    assert prediction.output == "billing"
    assert prediction.usage == Usage(input_tokens=3, output_tokens=1)
    assert prediction.model == "gpt-served"
    assert prediction.finish_reason == "stop"


def test_a_response_of_the_sdk():
    """The responses API is understood too, with cached and reasoning tokens."""
    prediction = read_answer(response("billing"))

    assert prediction.output == "billing"
    assert prediction.usage == Usage(
        input_tokens=5, output_tokens=2, cached_input_tokens=4, reasoning_tokens=1
    )


def test_an_empty_response_of_the_sdk_is_no_answer():
    """A response without text is no answer, just as a chat completion without text."""
    assert failure_of(response("")).kind == "no_answer"
    assert failure_of(chat_completion(choices=[])).kind == "bad_body"


def test_another_object_of_pydantic_is_named():
    """An object with ``model_dump`` that is no answer is refused with its type."""
    failure = failure_of(chat_completion().usage)

    assert failure.kind == "bad_answer"
    assert "CompletionUsage" in failure.message

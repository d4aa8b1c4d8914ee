"""Requests: what is really sent for a case, a system prompt and a suite's parameters."""

import asyncio
import json

import fake_server
import pytest

from pytest_modeleval import UsageError
from pytest_modeleval.models.base import AttemptError
from pytest_modeleval.models.names import make_model
from pytest_modeleval.models.requests import ChatRequests, ResponseRequests
from pytest_modeleval.settings import Settings

SCHEMA = {"type": "object", "properties": {"team": {"type": "string"}}}
FUNCTION = {"name": "find", "description": "Finds.", "parameters": {"type": "object"}}
TOOL = {"type": "function", "function": FUNCTION}
HI = {"role": "user", "content": "hi"}
OWN = {"role": "system", "content": "Be long."}


def chat(model_input="hi", **suite):
    """The body of a chat completion's request, without the model's name."""
    return sent(ChatRequests, model_input, **suite)


def response(model_input="hi", **suite):
    """The body of a request to the responses endpoint, without the model's name."""
    return sent(ResponseRequests, model_input, **suite)


def sent(kind, model_input, **suite):
    body = json.loads(kind("m", **suite).body(model_input))
    assert body.pop("model") == "m"
    return body


def refusal(kind, parameters):
    """The sentence with which parameters are refused."""
    with pytest.raises(UsageError) as caught:
        kind("m", parameters=parameters, where="evals.py")
    text = str(caught.value)
    assert text.startswith("evals.py: ")
    assert "\n" not in text
    return text.removeprefix("evals.py: ")


@pytest.mark.parametrize(
    "parameters",
    [
        {"temperature": 0, "top_p": 0.5, "seed": 7, "stop": ["\n"], "logit_bias": {"5": 1}},
        {"max_tokens": 5},
        {"max_completion_tokens": 5, "reasoning_effort": "low", "verbosity": "low"},
        {"service_tier": "flex", "user": "u", "store": False, "metadata": {"a": "b"}},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "find"}}},
        {"response_format": {"type": "json_object"}},
        {"stream": False},
    ],
)
def test_chat_parameters_are_sent_as_they_are(parameters):
    """They are the API's own."""
    assert chat(parameters=parameters) == {"messages": [HI], **parameters}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"max_tokens": 5}, {"max_output_tokens": 5}),
        ({"max_completion_tokens": 5}, {"max_output_tokens": 5}),
        ({"max_output_tokens": 5}, {"max_output_tokens": 5}),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        (
            {"reasoning_effort": "low", "reasoning": {"summary": "auto"}},
            {"reasoning": {"summary": "auto", "effort": "low"}},
        ),
        ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        ({"service_tier": "flex"}, {"service_tier": "flex"}),
        ({"tools": [TOOL]}, {"tools": [{"type": "function", **FUNCTION}]}),
        ({"tools": [{"type": "web_search"}]}, {"tools": [{"type": "web_search"}]}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "find"}}},
            {"tool_choice": {"type": "function", "name": "find"}},
        ),
        (
            {"response_format": {"type": "json_object"}},
            {"text": {"format": {"type": "json_object"}}},
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "t", "schema": SCHEMA, "strict": True},
                },
                "verbosity": "low",
            },
            {
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "t",
                        "schema": SCHEMA,
                        "strict": True,
                    },
                    "verbosity": "low",
                }
            },
        ),
        ({"stream": True}, {"stream": True}),
        ({"instructions": "Be short."}, {"instructions": "Be short."}),
    ],
)
def test_chat_parameters_in_the_words_of_responses(parameters, expected):
    """One suite holds for both endpoints; the endpoint's own words are understood too."""
    assert response(parameters=parameters) == {"input": "hi", **expected}


def test_a_json_schema():
    """It is the strict form of each endpoint, and the answers are to be JSON."""
    parameters = {"json_schema": SCHEMA}
    named = {"name": "answer", "strict": True, "schema": SCHEMA}

    assert chat(parameters=parameters)["response_format"] == {
        "type": "json_schema",
        "json_schema": named,
    }
    assert response(parameters=parameters)["text"] == {"format": {"type": "json_schema", **named}}
    for kind in (ChatRequests, ResponseRequests):
        assert kind("m", parameters=parameters).wants_json
        assert kind("m", parameters={"response_format": {"type": "json_object"}}).wants_json
        assert not kind("m", parameters={"response_format": {"type": "text"}}).wants_json
        assert not kind("m").wants_json


def test_a_stream_is_asked_for_its_usage():
    """Without it nobody knows what an answer cost; a suite may say otherwise."""
    own = {"include_usage": False}

    assert chat(parameters={"stream": True})["stream_options"] == {"include_usage": True}
    assert chat(parameters={"stream": True, "stream_options": own})["stream_options"] == own
    assert "stream_options" not in chat(parameters={"stream": False})


def test_the_suites_mapping_is_left_alone():
    """A suite's parameters make many models."""
    parameters = {"json_schema": SCHEMA, "stream": True, "extra_body": {"top_k": 1}}
    before = json.dumps(parameters)

    chat(parameters=parameters)
    response(parameters=parameters)

    assert json.dumps(parameters) == before


def test_extra_body():
    """What only the user's server knows stands beside the rest."""
    parameters = {"temperature": 0, "extra_body": {"top_k": 1, "seed": 7}}

    assert chat(parameters=parameters) == {
        "messages": [HI],
        "temperature": 0,
        "top_k": 1,
        "seed": 7,
    }
    assert response(parameters=parameters)["seed"] == 7


@pytest.mark.parametrize("kind", [ChatRequests, ResponseRequests])
@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"temprature": 0}, "there is no parameter 'temprature' at /"),
        ({"temprature": 0}, "; did you mean 'temperature'?"),
        ({"top_k": 1}, "what only your server knows goes into extra_body"),
        ({3: 1}, "there is no parameter 3"),
        ({"model": "x"}, "model can't be set for a suite"),
        ({"messages": []}, "messages can't be set for a suite"),
        ({"input": "x"}, "input can't be set for a suite"),
        ({"n": 2}, "n can't be set for a suite"),
        ({"background": True}, "background can't be set for a suite"),
        ({"extra_body": {"model": "x"}}, "extra_body: model can't be set there"),
        ({"extra_body": {"n": 2}}, "extra_body: n can't be set there"),
        ({"extra_body": {"stream": True}}, "extra_body: stream can't be set there"),
        ({"extra_body": [1]}, "extra_body is a mapping, not [1]"),
        ({"json_schema": "x"}, "json_schema is a mapping, not 'x'"),
        ({"stream": "yes"}, "stream is true or false, not 'yes'"),
        ({"temperature": float("nan")}, "the parameters hold the number nan, which JSON cannot"),
        ({"metadata": {"a": object()}}, "the parameters hold a object, which JSON cannot hold"),
        (
            {"json_schema": SCHEMA, "response_format": {"type": "text"}},
            "json_schema and response_format set the same; keep one of them",
        ),
        (
            {"max_tokens": 1, "max_completion_tokens": 2},
            "max_tokens and max_completion_tokens set the same; keep one of them",
        ),
    ],
)
def test_parameters_that_are_refused(kind, parameters, words):
    """In one sentence, before anything runs."""
    assert words in refusal(kind, parameters)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"seed": 7}, "there is no parameter 'seed' at /responses"),
        ({"stop": "x"}, "there is no parameter 'stop' at /responses"),
        ({"text": "x"}, "text is a mapping, not 'x'"),
        ({"reasoning": "low"}, "reasoning is a mapping, not 'low'"),
        ({"tools": ["find"]}, "tools is made of mappings, not 'find'"),
        ({"response_format": "json"}, "response_format is made of mappings, not 'json'"),
    ],
)
def test_parameters_that_the_responses_endpoint_refuses(parameters, words):
    """What it doesn't have is not dropped in silence."""
    assert words in refusal(ResponseRequests, parameters)


def test_max_output_tokens():
    """The most tokens of an answer, whatever the endpoint calls it."""
    assert ChatRequests("m").max_output_tokens is None
    for name in ("max_tokens", "max_completion_tokens"):
        for kind in (ChatRequests, ResponseRequests):
            assert kind("m", parameters={name: 5}).max_output_tokens == 5


def test_the_system_prompt():
    """It comes before the case, unless the case brings one of its own."""
    told = {"role": "system", "content": "Be short."}
    developer = {"role": "developer", "content": "Be odd."}

    assert chat(system="Be short.")["messages"] == [told, HI]
    assert chat([HI], system="Be short.")["messages"] == [told, HI]
    assert chat({"messages": [HI]}, system="Be short.")["messages"] == [told, HI]
    for own in (OWN, developer):
        assert chat([own, HI], system="Be short.")["messages"] == [own, HI]
        assert chat({"messages": [own, HI]}, system="Be short.")["messages"] == [own, HI]


def test_the_system_prompt_of_a_response():
    """It is the instructions, unless the case or the parameters bring some."""
    own = {"instructions": "Be odd."}

    assert response(system="Be short.") == {"input": "hi", "instructions": "Be short."}
    assert response([HI], system="Be short.") == {"input": [HI], "instructions": "Be short."}
    assert response([OWN, HI], system="Be short.") == {"input": [OWN, HI]}
    assert response({"input": "hi"}, system="Be short.")["instructions"] == "Be short."
    assert response({"input": "hi", **own}, system="Be short.")["instructions"] == "Be odd."
    assert response(parameters=own, system="Be short.")["instructions"] == "Be odd."


def test_a_case_that_is_a_request():
    """Its own parameters win over the suite's."""
    given = {"messages": [HI], "temperature": 1}

    assert chat(given, parameters={"temperature": 0, "seed": 7}) == given | {"seed": 7}
    assert response({"input": [HI], "top_p": 1}, parameters={"top_p": 0}) == {
        "input": [HI],
        "top_p": 1,
    }


def test_what_a_logged_request_says_of_itself():
    """The model that is compared, how many answers and how they come are not the case's."""
    logged = {"model": "gpt-4", "n": 3, "stream": True, "stream_options": {"include_usage": True}}

    assert chat({"messages": [HI], **logged}) == {"messages": [HI]}
    assert chat({"messages": [HI], **logged}, parameters={"stream": True})["stream"]
    assert response({"input": "hi", **logged, "background": True}) == {"input": "hi"}


@pytest.mark.parametrize("kind", [ChatRequests, ResponseRequests])
@pytest.mark.parametrize(
    ("model_input", "words"),
    [
        (3, "the input is a int; a chat model is asked with text"),
        (None, "the input is a NoneType"),
        ({}, "the input is a mapping of nothing"),
        ({"question": "hi", "text": "x"}, "the input is a mapping of question, text; one that"),
    ],
)
def test_an_input_that_cannot_be_asked(kind, model_input, words):
    """It is a failure of that case that cost nothing."""
    with pytest.raises(AttemptError, match=words) as caught:
        kind("m").body(model_input)

    assert caught.value.failure.kind == "bad_request"
    assert caught.value.failure.cost_usd == 0


def test_half_an_emoji_is_sent_as_a_question_mark():
    """A lone surrogate can't be encoded."""
    assert chat("a\ud83d")["messages"][0]["content"] == "a?"


@pytest.mark.parametrize("transport", ["sdk", "aiohttp"])
@pytest.mark.parametrize("api", ["openai", "openai-responses"])
def test_what_arrives(transport, api):
    """The server gets the very request, over both clients."""
    if transport == "aiohttp":
        pytest.importorskip("aiohttp", reason="needs the extra fast")
    parameters = {"max_completion_tokens": 50, "json_schema": SCHEMA, "tools": [TOOL]}
    kind = {"openai": ChatRequests, "openai-responses": ResponseRequests}[api]

    async def main(base_url):
        own = Settings(base_url=base_url, transport=transport)
        model = make_model(f"{api}:m", own, system="Be short.", parameters=parameters)
        try:
            return await model.predict("Grüße [[echo]]")
        finally:
            await model.close()

    with fake_server.running() as server:
        answer = asyncio.run(main(server.base_url))

    assert answer.output == {"model": "m"} | sent(
        kind, "Grüße [[echo]]", system="Be short.", parameters=parameters
    )


@pytest.mark.parametrize("api", ["openai", "openai-responses"])
@pytest.mark.parametrize(
    ("text", "output"),
    [('{"team": "bug"}', {"team": "bug"}), ("bug", "bug"), ("NaN", "NaN"), ("[1, 2", "[1, 2")],
)
def test_an_answer_that_was_to_be_json(api, text, output):
    """It is read where it is JSON; a server that ignored the schema has answered with text."""

    async def main(base_url):
        own = Settings(base_url=base_url)
        model = make_model(f"{api}:m", own, parameters={"json_schema": SCHEMA})
        try:
            return await model.predict(f"answer={text}")
        finally:
            await model.close()

    with fake_server.running() as server:
        assert asyncio.run(main(server.base_url)).output == output

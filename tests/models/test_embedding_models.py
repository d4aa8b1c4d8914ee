"""Models that embed texts, behind a server."""

import asyncio
import json

import fake_server
import pytest

from pytest_modeleval import UsageError
from pytest_modeleval.models.base import AttemptError
from pytest_modeleval.models.names import make_model
from pytest_modeleval.models.replies import read_embeddings
from pytest_modeleval.models.requests import EmbeddingRequests
from pytest_modeleval.settings import Settings


def body(model_input, **parameters):
    return json.loads(EmbeddingRequests("m", parameters=parameters).body(model_input))


def test_a_request():
    """Asks for floats of a list of texts, with the parameters that there are."""
    assert body("a") == {"model": "m", "input": ["a"], "encoding_format": "float"}
    assert body(["a", "b"], dimensions=8)["dimensions"] == 8
    assert body(["a", "b"])["input"] == ["a", "b"]


@pytest.mark.parametrize("model_input", [5, {"input": "a"}, ["a", 1], None])
def test_what_can_not_be_embedded(model_input):
    """Is a failure that costs nothing."""
    with pytest.raises(AttemptError, match="an embedding model is asked with text"):
        EmbeddingRequests("m").body(model_input)


@pytest.mark.parametrize(
    ("name", "value"), [("stream", True), ("json_schema", {}), ("temperature", 0)]
)
def test_a_parameter_of_other_endpoints(name, value):
    """Is refused."""
    with pytest.raises(UsageError, match=f"there is no .*{name}.* at /embeddings"):
        EmbeddingRequests("m", parameters={name: value})


def test_a_reply():
    """Has its vectors in the order of the texts, whatever the server's."""
    data = [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0]}]
    usage = {"prompt_tokens": 3, "total_tokens": 3}

    answer = read_embeddings({"data": data, "model": "m-1", "usage": usage}, latency_s=0.1)

    assert answer.output == [[1, 0], [0, 1]]
    assert (answer.model, answer.latency_s) == ("m-1", 0.1)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 0)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"data": []},
        {"data": [{"embedding": "AAAA"}]},
        {"data": [{"embedding": [None]}]},
        {"data": [{"index": 1, "embedding": [1]}]},
        {"data": [{"index": [], "embedding": [1]}]},
        {"data": [{"index": 0}]},
        {"error": {"message": "no"}},
        [],
    ],
)
def test_a_reply_without_vectors(data):
    """Is no answer."""
    with pytest.raises(AttemptError) as raised:
        read_embeddings(data)
    assert raised.value.failure.kind == "bad_body"


def test_a_server_answers():
    """With a vector for each text, under the name that the suite gave."""
    with fake_server.running() as server:
        model = make_model(f"openai-embeddings:m@{server.base_url}", Settings())

        async def ask():
            try:
                return await model.predict(["card lost", "lost card", "weather"])
            finally:
                await model.close()

        answer = asyncio.run(ask())

    lost, mine, weather = answer.output
    assert lost == mine != weather
    assert answer.usage.input_tokens == 5

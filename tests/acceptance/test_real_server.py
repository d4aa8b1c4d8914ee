"""What a server says that many people run: llama.cpp's, first by itself, then asked by an eval."""

import json

import openai
import pytest

N_CASES = 12
N_WRONG = 3
TOO_LONG = "long " * 1000

SUITE = """
    import pytest

    @pytest.mark.model_eval("tickets.jsonl")
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""

TICKET = {
    "type": "object",
    "properties": {
        "team": {"type": "string", "enum": ["card", "bug", "billing"]},
        "urgent": {"type": "boolean"},
        # Random weights don't know when to stop; what has no end of its own needs a limit.
        "reason": {"type": "string", "maxLength": 20},
        "score": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["team", "urgent", "reason", "score"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def client(real_server):
    with openai.OpenAI(base_url=real_server, api_key="none", max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def ask(client):
    """A chat completion of one message."""

    def ask(text, **kwargs):
        messages = [{"role": "user", "content": text}]
        return client.chat.completions.create(model="tiny", messages=messages, **kwargs)

    return ask


def text_of(completion):
    return completion.choices[0].message.content


def ticket(number):
    return f"ticket {number}: the app crashes"


def test_the_model_is_listed(client):
    """Under the name that it is asked by."""
    assert [model.id for model in client.models.list()] == ["tiny"]


def test_a_chat_completion_has_text_and_usage(ask):
    """And the text ends by itself, a token a character and one for the end."""
    completion = ask("My card is lost")

    assert text_of(completion)
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.prompt_tokens > len("My card is lost")
    assert completion.usage.completion_tokens == len(text_of(completion)) + 1


def test_the_same_question_has_the_same_answer_at_temperature_0(ask):
    """As it has without a temperature, but not at a high one."""
    answers = [text_of(ask("My card is lost", temperature=0)) for _ in range(2)]

    assert answers == [text_of(ask("My card is lost"))] * 2
    assert text_of(ask("My card is lost", temperature=5, seed=1)) not in answers
    assert text_of(ask("My card is stolen")) not in answers


def test_a_stream_has_the_text_in_pieces_and_the_usage_at_its_end(ask):
    """The last chunk has no choices; the first has a role and no content."""
    whole = ask("My card is lost")

    chunks = list(ask("My card is lost", stream=True, stream_options={"include_usage": True}))

    *_, ended, last = chunks
    pieces = [chunk.choices[0].delta.content for chunk in chunks[:-1]]
    assert pieces[0] is None
    assert len(pieces) > 3
    assert "".join(filter(None, pieces)) == text_of(whole)
    assert ended.choices[0].finish_reason == "stop"
    assert last.choices == []
    assert last.usage.completion_tokens == whole.usage.completion_tokens


@pytest.mark.parametrize("text", ["My card is lost", "hello", "What is 2 + 2?"])
def test_an_answer_keeps_to_a_json_schema(ask, text):
    """Within the limit of tokens that the server sets."""
    form = {"type": "json_schema", "json_schema": {"name": "ticket", "schema": TICKET}}

    completion = ask(text, response_format=form)

    assert completion.choices[0].finish_reason == "stop"
    found = json.loads(text_of(completion))
    assert list(found) == list(TICKET["properties"])
    assert found["team"] in {"card", "bug", "billing"}
    assert found["urgent"] in {True, False}
    assert len(found["reason"]) <= 20
    assert found["score"] in range(10)


def test_a_response_has_the_text_of_a_chat_completion(client, ask):
    """And the same usage under its other names."""
    chat = ask("My card is lost")

    response = client.responses.create(model="tiny", input="My card is lost")

    assert response.status == "completed"
    assert response.output_text == text_of(chat)
    assert response.usage.input_tokens == chat.usage.prompt_tokens
    assert response.usage.output_tokens == chat.usage.completion_tokens


def test_a_response_streams(client, ask):
    """From created to completed."""
    events = list(client.responses.create(model="tiny", input="My card is lost", stream=True))

    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert events[0].type == "response.created"
    assert "".join(deltas) == text_of(ask("My card is lost"))
    assert events[-1].type == "response.completed"
    assert events[-1].response.usage.output_tokens == len("".join(deltas)) + 1


def test_embeddings_have_length_1_and_tell_texts_apart(client):
    """Whatever form they travel in."""

    def embed(*texts, **kwargs):
        reply = client.embeddings.create(model="tiny", input=list(texts), **kwargs)
        return [item.embedding for item in reply.data]

    lost, again, hello = embed("card lost", "card lost", "hello", encoding_format="float")

    assert len(lost) == 64
    assert sum(value**2 for value in lost) == pytest.approx(1)
    assert lost == pytest.approx(again)
    assert lost != pytest.approx(hello, abs=0.01)
    assert embed("hello")[0] == pytest.approx(hello, abs=1e-6)  # as base64


def test_a_prompt_that_is_too_long_is_a_400(ask):
    """With a sentence that says why."""
    with pytest.raises(openai.BadRequestError, match="exceeds the available context size"):
        ask(TOO_LONG)


def test_a_schema_that_is_none_is_a_400(ask):
    """With a sentence that says why."""
    form = {"type": "json_schema", "json_schema": {"name": "odd", "schema": {"type": "odd"}}}

    with pytest.raises(openai.BadRequestError, match="JSON schema"):
        ask("hello", response_format=form)


@pytest.fixture
def tickets(project, ask):
    """A suite where all but three cases expect what the server really says."""
    for number in range(N_CASES):
        expected = text_of(ask(ticket(number))) if number >= N_WRONG else "nothing"
        add_case(project, f"ticket-{number}", ticket(number), expected)
    project.write("test_evals.py", SUITE)
    return project


@pytest.fixture
def run(tickets, real_server):
    """``pytest --model-eval`` against the server."""

    def run(*args):
        names_model = any(arg.startswith("--model-eval-model") for arg in args)
        model = [] if names_model else ["--model-eval-model=openai:tiny"]
        return tickets.run(*model, f"--model-eval-base-url={real_server}", *args)

    return run


def add_case(project, name, text, expected):
    with (project.path / "tickets.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": name, "input": text, "expected": expected}) + "\n")


@pytest.mark.parametrize("args", [[], ["-n2"]], ids=["single", "workers"])
def test_an_eval_has_latency_and_usage_of_each_case(run, tickets, no_trouble, args):
    """And the gate is met with an accuracy of 9 in 12."""
    result = run("--model-eval-thresholds=accuracy >= 75%", *args)

    no_trouble(result)
    assert result.status == 0, result.text
    assert result.counts == {"passed": N_CASES - N_WRONG, "missed": N_WRONG}
    assert result.gate == "gate: met (thresholds: 1 met)"
    records = tickets.records
    wrong = {f"ticket-{number}" for number in range(N_WRONG)}
    assert len(records) == N_CASES
    assert {name for name, found in tickets.outcomes.items() if found == "missed"} == wrong
    for record in records.values():
        assert 0 < record["latency_s"] < 10
        assert record["usage"]["input_tokens"] > 0
        assert record["usage"]["output_tokens"] > 0


def test_an_eval_below_its_threshold_fails_the_run(run, tickets, no_trouble):
    """Exit 1, and the section says why."""
    result = run("--model-eval-thresholds=accuracy >= 80%")

    no_trouble(result)
    assert result.status == 1
    assert tickets.verdict == "not met"
    assert "accuracy is 75.0 %, wanted >= 80% (n=12)" in result.text


def test_a_server_that_refuses_a_prompt_costs_one_case(run, tickets, no_trouble):
    """An error of that case, which counts as wrong, and the others are answered."""
    add_case(tickets, "long", TOO_LONG, "nothing")

    result = run("--model-eval-thresholds=accuracy >= 60%")

    no_trouble(result)
    assert result.status == 1
    assert tickets.outcomes["long"] == "errored"
    assert "exceeds the available context size" in result.text
    assert result.counts == {"passed": 9, "missed": 3, "error": 1}


def suite_of(marker, test="assert prediction == case.expected"):
    """A suite over the tickets that is asked like this."""
    return f"""
    import json
    import pytest

    @pytest.mark.model_eval("tickets.jsonl", {marker})
    def test_ticket(case, prediction):
        {test}
    """


def test_a_streamed_eval_has_the_same_answers_and_their_first_tokens(run, tickets, no_trouble):
    """What is said does not depend on how it comes, and the time to the first token is gated."""
    tickets.write("test_evals.py", suite_of("parameters={'stream': True}"))

    result = run(
        "--model-eval-thresholds=accuracy >= 75%", "--model-eval-thresholds=p95_ttft <= 10s"
    )

    no_trouble(result)
    assert result.status == 0, result.text
    assert result.counts == {"passed": N_CASES - N_WRONG, "missed": N_WRONG}
    assert result.gate == "gate: met (thresholds: 2 met)"
    for record in tickets.records.values():
        assert 0 < record["ttft_s"] < record["latency_s"]
        assert record["usage"]["output_tokens"] == len(record["output"]) + 1
        assert record["finish_reason"] == "stop"


def test_a_first_token_that_is_too_late_fails_the_run(run, tickets, no_trouble):
    """A threshold on it is one like any."""
    tickets.write("test_evals.py", suite_of("parameters={'stream': True}"))

    result = run(
        "--model-eval-thresholds=accuracy >= 1%", "--model-eval-thresholds=p95_ttft <= 1us"
    )

    no_trouble(result)
    assert result.status == 1
    assert tickets.verdict == "not met"


def test_a_first_token_where_nothing_streams_cannot_be_judged(run, tickets, no_trouble):
    """It is unknown, never 0, so a threshold on it is invalid."""
    result = run(
        "--model-eval-thresholds=accuracy >= 1%", "--model-eval-thresholds=p95_ttft <= 10s"
    )

    no_trouble(result)
    assert result.status == 1
    assert tickets.verdict == "invalid"


@pytest.mark.parametrize("stream", [False, True])
def test_an_eval_of_structured_output(run, tickets, no_trouble, stream):
    """The prediction is the value that the schema asks for."""
    parameters = {"json_schema": TICKET, "stream": stream}
    test = """assert list(prediction.output) == ["team", "urgent", "reason", "score"]"""
    tickets.write("test_evals.py", suite_of(f"parameters={parameters!r}", test))

    result = run("--model-eval-thresholds=accuracy >= 100%")

    no_trouble(result)
    assert result.status == 0, result.text
    for record in tickets.records.values():
        assert record["output"]["score"] in range(10)
        assert ("ttft_s" in record) == stream


def test_structured_output_that_is_cut_off_is_an_error(run, tickets, no_trouble):
    """Half a JSON is no answer."""
    parameters = {"json_schema": TICKET, "max_tokens": 8}
    tickets.write("test_evals.py", suite_of(f"parameters={parameters!r}"))

    result = run("--model-eval-thresholds=accuracy >= 1%")

    no_trouble(result)
    assert result.status == 1
    assert {record["error_kind"] for record in tickets.records.values()} == {"truncated"}
    assert "the JSON was cut off (finish_reason length)" in result.text


@pytest.mark.parametrize("stream", [False, True])
def test_the_responses_endpoint_has_the_same_answers(run, tickets, no_trouble, stream):
    """As the chat endpoint, with the same usage."""
    tickets.write("test_evals.py", suite_of(f"parameters={{'stream': {stream}}}"))

    result = run(
        "--model-eval-model=openai-responses:tiny", "--model-eval-thresholds=accuracy >= 75%"
    )

    no_trouble(result)
    assert result.status == 0, result.text
    assert result.counts == {"passed": N_CASES - N_WRONG, "missed": N_WRONG}
    for record in tickets.records.values():
        assert record["model"] == "openai-responses:tiny"
        assert record["usage"]["output_tokens"] == len(record["output"]) + 1
        assert ("ttft_s" in record) == stream


def test_a_server_that_ignores_the_schema_of_a_response_is_found_out(run, tickets, no_trouble):
    """llama.cpp does so in silence: the answer stays the text that it is, which no test takes."""
    marker = f"parameters={{'json_schema': {TICKET!r}}}"
    tickets.write("test_evals.py", suite_of(marker, "assert prediction['team']"))

    result = run("--model-eval-model=openai-responses:tiny")

    no_trouble(result)
    assert result.status == 1
    assert {type(record["output"]) for record in tickets.records.values()} == {str}


def test_both_http_clients_have_the_same_answers(run, tickets, no_trouble):
    """The SDK's client is asked for by name; what ``auto`` takes depends on what is installed."""
    result = run("--model-eval-transport=sdk", "--model-eval-thresholds=accuracy >= 75%")

    no_trouble(result)
    assert result.status == 0, result.text
    assert result.counts == {"passed": N_CASES - N_WRONG, "missed": N_WRONG}


def test_a_system_prompt_changes_the_answers(run, tickets, no_trouble):
    """It reaches the model."""
    tickets.write("test_evals.py", suite_of("system='Be short.'"))

    result = run("--model-eval-thresholds=accuracy >= 0%")

    no_trouble(result)
    assert result.counts == {"missed": N_CASES}


def test_a_judge_that_knows_nothing_is_not_believed(run, tickets, no_trouble):
    """Its replies have the shape of verdicts and are wrong, so that no case is asked."""
    judge = {"judge": {"rubric": "It names a team.", "model": "openai:tiny"}}
    tickets.write("test_evals.py", suite_of(f"scorers=[{judge!r}]", "pass"))

    result = run()

    no_trouble(result)
    assert result.status == 1
    assert tickets.verdict == "invalid"
    said = " ".join(result.text.split())
    assert "golden answers judged wrong by judge (openai:tiny), so no case was asked" in said
    assert not list(tickets.path.glob(".modeleval/runs/*/predictions.jsonl"))

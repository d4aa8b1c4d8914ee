"""Streams: bytes of events, however they are cut, become the body that an unstreamed answer has."""

import contextlib
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modeleval.models.base import AttemptError
from pytest_modeleval.models.replies import read_chat_completion, read_response
from pytest_modeleval.models.streams import ChatStream, ResponseStream


def event(data, name=None):
    head = f"event: {name}\n" if name else ""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"{head}data: {text}\n\n".encode()


def chunk(delta=None, finish=None, **fields):
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"model": "m-1", "choices": [choice], **fields}


def piece_of_call(index, **function):
    return chunk({"tool_calls": [{"index": index, "function": function}]})


USAGE = {"prompt_tokens": 4, "completion_tokens": 3}
TEXT = (
    event(chunk({"role": "assistant", "content": None}))
    + b": keep-alive\n\n"
    + b"".join(event(chunk({"content": piece})) for piece in ("", "Grüße ", "💳\n", "data: ja"))
    + event(chunk(finish="stop"))
    + event({"model": "m-1", "choices": [], "usage": USAGE, "service_tier": "flex"})
    + event("[DONE]")
)
CALLS = (
    event(piece_of_call(0, name="find", arguments=""))
    + event(piece_of_call(0, arguments='{"a": '))
    + event(piece_of_call(1, name="open", arguments="{}"))
    + event(piece_of_call(0, arguments="1}"))
    + event(chunk(finish="tool_calls"))
    + event("[DONE]")
)
REFUSAL = (
    event(chunk({"refusal": "I "})) + event(chunk({"refusal": "can't."})) + event(chunk({}, "stop"))
)
RESPONSE = {
    "model": "m-1",
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "Grüße 💳"}]}],
    "usage": {"input_tokens": 4, "output_tokens": 3},
}
RESPONSE_TEXT = (
    event({"type": "response.created", "response": {}}, "response.created")
    + event({"type": "response.output_text.delta", "delta": "Grüße "}, "response.output_text.delta")
    + event({"type": "response.output_text.delta", "delta": "💳"}, "response.output_text.delta")
    + event({"type": "response.completed", "response": RESPONSE}, "response.completed")
)
ERROR = event(chunk({"content": "ha"})) + event(
    {"error": {"code": 500, "message": "out of memory"}}
)
FLAT_ERROR = event({"type": "error", "code": "server_error", "message": "out of memory"}, "error")
FAILED = event(
    {"type": "response.failed", "response": {"status": "failed", "error": {"message": "down"}}}
)
PLAIN = json.dumps({"choices": [{"message": {"content": "yes"}}]}).encode()
CUT = TEXT[: len(TEXT) // 2]


def fed(kind, *chunks, clock=None):
    """A stream that was fed these chunks, by a clock that counts them."""
    ticks = itertools.count(1)
    stream = kind(clock or (lambda: float(next(ticks))))
    for piece in chunks:
        stream.feed(piece)
    return stream


def state(stream):
    """All that a stream says but the time."""
    has_content = stream.first_content_s is not None
    return stream.body(), stream.is_complete, stream.error, stream.unstreamed, has_content


STREAMS = {
    "text": (ChatStream, TEXT),
    "calls": (ChatStream, CALLS),
    "refusal": (ChatStream, REFUSAL),
    "error": (ChatStream, ERROR),
    "cut": (ChatStream, CUT),
    "plain": (ChatStream, b"\r\n " + PLAIN),
    "html": (ChatStream, b"<!doctype html>\n\n<p>data: no"),
    "crlf": (ChatStream, TEXT.replace(b"\n", b"\r\n")),
    "response": (ResponseStream, RESPONSE_TEXT),
    "response crlf": (ResponseStream, RESPONSE_TEXT.replace(b"\n", b"\r\n")),
    "flat error": (ResponseStream, FLAT_ERROR),
    "failed": (ResponseStream, FAILED),
}


@pytest.mark.parametrize(("kind", "data"), STREAMS.values(), ids=STREAMS)
@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(min_value=0, max_value=2000), max_size=40))
def test_where_the_bytes_are_cut_changes_nothing(kind, data, cuts):
    """Any splitting of the bytes, amid a character or a line's end too, gives the same body."""
    ends = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[start:end] for start, end in itertools.pairwise(ends)]

    assert state(fed(kind, *pieces)) == state(fed(kind, data))


@pytest.mark.parametrize(("kind", "data"), STREAMS.values(), ids=STREAMS)
def test_byte_by_byte(kind, data):
    """The finest splitting there is."""
    assert state(fed(kind, *(data[i : i + 1] for i in range(len(data))))) == state(fed(kind, data))


@given(data=st.binary(max_size=200))
def test_any_bytes_at_all(data):
    """Whatever a server sends, a stream takes it."""
    for kind in (ChatStream, ResponseStream):
        fed(kind, data, b"data: " + data + b"\n\n").body()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
NAMES = ("choices", "delta", "message", "content", "tool_calls", "function", "index", "usage")
MORE = ("output", "type", "text", "refusal", "incomplete_details", "reason", "status", "arguments")
SHAPED = st.recursive(
    JSON | st.sampled_from(["message", "function_call", "output_text", "refusal", "length"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from((*NAMES, *MORE, "name", "finish_reason")), inner)
    ),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None)
@given(data=SHAPED)
def test_any_json_at_all(data):
    """Whatever JSON a server sends, it is read as an answer or as a failure, and nothing else is raised."""
    streams = [fed(kind, event(data)) for kind in (ChatStream, ResponseStream)]
    for read, body in itertools.product(
        (read_chat_completion, read_response), [data, *(stream.body() for stream in streams)]
    ):
        for wants_json in (False, True):
            with contextlib.suppress(AttemptError):
                read(body, wants_json=wants_json)


def test_a_text():
    """Its pieces are joined, and what the last chunks say is kept."""
    stream = fed(ChatStream, TEXT)
    answer = read_chat_completion(stream.body())

    assert stream.is_complete
    assert answer.output == "Grüße 💳\ndata: ja"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (4, 3)
    assert (answer.model, answer.service_tier, answer.finish_reason) == ("m-1", "flex", "stop")


def test_tool_calls():
    """Pieces of several calls go to the call of their index."""
    answer = read_chat_completion(fed(ChatStream, CALLS).body())

    assert answer.output == [
        {"name": "find", "arguments": {"a": 1}},
        {"name": "open", "arguments": {}},
    ]
    assert answer.finish_reason == "tool_calls"


def test_the_first_piece_of_text_is_the_first_token():
    """A role, a null and an empty text are none of the answer, and a comment isn't either."""
    pieces = [event(chunk({"role": "assistant", "content": None})), b": ping\n\n"]
    pieces += [event(chunk({"content": ""})), event(chunk({"content": "a"}))]
    times = iter([7.5, 9.0])

    stream = ChatStream(lambda: next(times))
    for piece in pieces[:-1]:
        stream.feed(piece)
    before = stream.first_content_s
    stream.feed(pieces[-1])
    stream.feed(pieces[-1])

    assert before is None
    assert stream.first_content_s == 7.5


@pytest.mark.parametrize(
    "delta",
    [
        "response.output_text.delta",
        "response.refusal.delta",
        "response.function_call_arguments.delta",
    ],
)
def test_the_first_piece_of_a_response(delta):
    """Text, a refusal and a tool call's arguments are the answer; reasoning is not."""
    thought = event({"type": "response.reasoning_summary_text.delta", "delta": "hm"})

    assert fed(ResponseStream, thought).first_content_s is None
    assert fed(ResponseStream, thought, event({"type": delta, "delta": "x"})).first_content_s == 1


def test_an_end_without_done():
    """Some servers close after the finish reason; llama.cpp's responses have no [DONE]."""
    assert fed(ChatStream, event(chunk({"content": "a"}, "stop"))).is_complete
    assert fed(ResponseStream, RESPONSE_TEXT).is_complete
    assert not fed(ChatStream, event(chunk({"content": "a"}))).is_complete


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (ChatStream, ERROR, {"code": 500, "message": "out of memory"}),
        (ResponseStream, FLAT_ERROR, "out of memory"),
        (ChatStream, FLAT_ERROR, "out of memory"),
        (ChatStream, event('{"choices": ['), "broken JSON in the stream: '{\"choices\": ['"),
        (ResponseStream, event({"type": "error"}), "no reason is given"),
    ],
)
def test_errors(kind, data, message):
    """An error that comes in place of the rest is kept."""
    stream = fed(kind, data)

    assert stream.error == message
    assert not stream.is_complete


def test_a_data_field_of_several_lines():
    """Their line feeds belong to the value, as the standard has it; other fields do not."""
    text = b'id: 1\nretry: 5\ndata: {"choices":\ndata:  [{"delta": {"content": "a"},\ndata\n'
    text += b'data: "finish_reason": "stop"}]}\n\n'

    assert fed(ChatStream, text).body()["choices"][0]["message"]["content"] == "a"

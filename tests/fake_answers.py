"""What the fake server says: directives, and bodies in the shapes of the OpenAI APIs.

The answer is the text after the last ``answer=`` of the last user message, or else that message.
The message may ask for something else in directives, which are not part of the answer:

    [[latency=0.5]]       the answer is whole after so many seconds
    [[status=503]]        fails with this status; the time to wait goes along as retry_after=2,
                          retry_after_ms=300 or retry_after_date=2 (an HTTP date so far ahead)
    [[quota]]             fails with 429 and the code insufficient_quota
    [[echo_error]]        fails with 400 and repeats the Authorization header in its message
    [[hang]] [[reset]] [[cut]]
                          never answers; closes the connection before, or amid, the answer
    [[html]] [[broken_json]] [[error_200]]
                          status 200 and a web page; half an answer; an error
    [[no_choices]] [[null_content]] [[empty]] [[refusal]] [[length]] [[filter]] [[surrogate]]
                          an answer without choices, without text, with the text "", refused,
                          cut off, filtered away, with half of an emoji at its end
    [[tool=lookup]]       calls this tool; its arguments are the JSON after answer=, or {}
    [[echo]] [[echo_headers]]
                          the answer is the request's body; its headers by lower-case name
    [[no_usage]] [[string_usage]] [[cached=3]] [[reasoning=7]]
                          no token counts; counts like "3 tokens"; so many cached, reasoned tokens
    [[tier=flex]] [[served=gpt-5-mini-2026]]
                          answered in this service tier, by this model
    [[ttft=0.2]] [[keepalive=3]] [[stream_error]] [[crlf]]
                          in a stream: seconds until the first text, which otherwise comes at the
                          end; so many comments before it; an error amid it; lines end in CR LF

    [[verdict=FAIL]]      what a judge says, whatever it is shown

A model whose name begins with ``judge``, and that is told how to, judges: an answer that holds
``good``, or Paris and the Seine, is right, and one that holds ``SYSTEM`` is an attack.
``judge-gullible`` finds all answers right, ``judge-wordy`` says so in text and not in JSON, and
``judge-vague`` says nothing that counts.

A directive holds always, or with ``times`` for the first requests of that very message:
``[[status=429 retry_after=0.2 times=1]]``. A directive it doesn't know is answered with 400.
Directives may be combined as far as that makes sense. A token is a word.
"""

from __future__ import annotations

import base64
import email.utils
import json
import math
import re
import struct
import time
import zlib
from dataclasses import dataclass

DIRECTIVE = re.compile(r"\[\[([a-z_0-9]+(?:=[^\]\s]*)?(?: [^\]]*)?)\]\]")
KNOWN = frozenset(
    {"latency", "status", "retry_after", "retry_after_ms", "retry_after_date", "times", "quota"}
    | {"echo_error", "hang", "reset", "cut", "html", "broken_json", "error_200", "no_choices"}
    | {"null_content", "empty", "refusal", "length", "filter", "surrogate", "tool", "echo"}
    | {"echo_headers", "no_usage", "string_usage", "cached", "reasoning", "tier", "served"}
    | {"ttft", "keepalive", "stream_error", "crlf", "verdict"}
)
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}
HTML = b"<!doctype html><title>Welcome</title><p>Nothing to see here."
CREATED = 1_700_000_000
TEXT_PARTS = frozenset({"text", "input_text"})
N_PIECES = 5
# ASCII, so that half an emoji travels as the escape that real servers send; and quicker than
# json.dumps and json.loads.
to_json = json.JSONEncoder(check_circular=False).encode
from_json = json.JSONDecoder().decode


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request.

    Attributes:
        endpoint: ``chat/completions``, ``responses`` or ``embeddings``.
        head: The request line and the headers as they came.
        body: The body as it came.
        request: The body's JSON.
        prompt: What is asked, without directives.
        directives: Those that hold, by name.
        number: The how-many-eth request of this server it is.
        latency_s: Seconds until the answer is whole.
    """

    endpoint: str
    head: bytes
    body: bytes
    request: dict
    prompt: str
    directives: dict[str, str]
    number: int
    latency_s: float


@dataclass(slots=True)
class Said:
    """What the model says to that, before an API puts it into its shape."""

    asked: Asked
    model: str
    text: str | None
    n_answer: int
    tier: str | None
    finish: str = "stop"
    refusal: str | None = None
    tool: str | None = None
    arguments: str = "{}"


@dataclass(slots=True, kw_only=True)
class Reply:
    """What goes back, and when.

    Attributes:
        status: The HTTP status.
        parts: The bytes to send, each with its seconds from the request on, in order.
        closes: The connection is closed after them; the answer is then no whole one.
        hangs: Nothing comes after them.
        in_turn: It takes one of the server's workers.
    """

    status: int = 200
    parts: list[tuple[float, bytes]]
    closes: bool = False
    hangs: bool = False
    in_turn: bool = True

    @property
    def latency_s(self) -> float:
        """Seconds until the last of it is sent."""
        return self.parts[-1][0]


def whole(
    body: bytes,
    *,
    status: int = 200,
    latency_s: float = 0.0,
    headers: str = "",
    content_type: str = "application/json",
) -> Reply:
    """A reply whose body is sent in one piece."""
    head = (
        f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
    )
    return Reply(status=status, parts=[(latency_s, head.encode() + body)])


def error(status: int, message: str, *, code: str | None = None, **kwargs) -> Reply:
    body = {"error": error_object(message, code)}
    return whole(json.dumps(body).encode(), status=status, **kwargs)


def error_object(message: str, code: str | None) -> dict:
    return {"message": message, "type": "fake_error", "param": None, "code": code}


def prompt_of(endpoint: str, request: dict) -> str:
    """What a request asks: its last user message, or the texts to embed, a line each."""
    if endpoint == "chat/completions":
        return last_user_text(request["messages"])
    given = request["input"]
    if isinstance(given, str):
        return given
    return "\n".join(given) if endpoint == "embeddings" else last_user_text(given)


def last_user_text(messages: list[dict]) -> str:
    """The text of the last user message, be it one string or a list of parts."""
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message["content"]
            if isinstance(content, str):
                return content
            return "".join(part["text"] for part in content if part.get("type") in TEXT_PARTS)
    return ""


def read_directives(prompt: str, nth: int) -> tuple[str, dict[str, str]]:
    """The prompt without its directives, and those that hold for its nth request (from 1)."""
    if "[[" not in prompt:
        return prompt, {}
    found: dict[str, str] = {}
    for body in DIRECTIVE.findall(prompt):
        words = (word.partition("=") for word in body.split())
        directive = {name: value for name, _, value in words}
        if unknown := directive.keys() - KNOWN:
            raise ValueError(f"the fake server knows no directive {', '.join(sorted(unknown))}")
        if nth <= int(directive.pop("times", nth)):
            found |= directive
    return DIRECTIVE.sub("", prompt).strip(), found


def reply_to(asked: Asked) -> Reply:
    """The answer to a request, or the failure that it asks for."""
    directives = asked.directives
    if directives and (failure := _failure(asked)):
        return failure
    said = _say(asked)
    if asked.endpoint != "embeddings" and asked.request.get("stream"):
        return _stream(said)
    body = to_json(SHAPES[asked.endpoint](said)).encode()
    if "broken_json" in directives:
        body = body[: len(body) // 2]
    reply = whole(body, latency_s=asked.latency_s)
    if "cut" in directives:
        ((at_s, data),) = reply.parts
        reply.parts, reply.closes = [(at_s, data[: -len(body) // 2])], True
    return reply


def _failure(asked: Asked) -> Reply | None:
    latency_s, headers = asked.latency_s, retry_after(asked.directives)
    match asked.directives:
        case {"hang": _}:
            return Reply(parts=[(0.0, b"")], hangs=True)
        case {"reset": _}:
            return Reply(parts=[(latency_s, b"")], closes=True)
        case {"quota": _}:
            text, code = "You exceeded your current quota.", "insufficient_quota"
            return error(429, text, code=code, latency_s=latency_s, headers=headers)
        case {"status": status}:
            code = "rate_limit_exceeded" if status == "429" else None
            text = f"Failing with {status}, as asked."
            return error(int(status), text, code=code, latency_s=latency_s, headers=headers)
        case {"echo_error": _}:
            given = headers_of(asked.head).get("authorization", "no authorization")
            return error(400, f"Not good enough: {given}", latency_s=latency_s)
        case {"error_200": _}:
            return error(200, "The model is overloaded.", code="overloaded", latency_s=latency_s)
        case {"html": _}:
            return whole(HTML, latency_s=latency_s, content_type="text/html")
    return None


def retry_after(directives: dict[str, str]) -> str:
    """The header lines that say when to try again, none if no directive asks for them."""
    lines = []
    if after := directives.get("retry_after"):
        lines.append(f"retry-after: {after}\r\n")
    if after := directives.get("retry_after_ms"):
        lines.append(f"retry-after-ms: {after}\r\n")
    if after := directives.get("retry_after_date"):
        # A date has whole seconds, and one that is too early would be no wait at all.
        at = math.ceil(time.time() + float(after))
        lines.append(f"retry-after: {email.utils.formatdate(at, usegmt=True)}\r\n")
    return "".join(lines)


def headers_of(head: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in lines}


def _say(asked: Asked) -> Said:
    _, found, after = asked.prompt.rpartition("answer=")
    text = after.strip() if found else asked.prompt
    request, directives = asked.request, asked.directives
    if request["model"].startswith("judge") and len(request.get("messages", ())) > 1:
        text = _judge(request["model"], request, directives)
    said = Said(asked, request["model"], text, len(text.split()), request.get("service_tier"))
    if directives:
        if found:
            said.arguments = text
        _say_otherwise(said, directives)
    return said


def _judge(name: str, request: dict, directives: dict[str, str]) -> str:
    """The reply of a judge."""
    if name == "judge-vague":
        return "I could go either way on this one, CORRECT or not."
    *_, rules, user = [message["content"] for message in request["messages"]]
    *_, shape = rules.splitlines()
    words = re.findall(r"[A-Z]{2,}", shape)[: 3 if "FIRST" in shape else 2]
    fields = re.findall(r"criterion_\d+", shape)
    answers = re.findall(r"(?s)answer-\w+>\n(.*?)\n</", user)
    right = [_is_right(text) or name == "judge-gullible" for text in answers]
    if len(right) == 2:
        word = words[0 if right[0] > right[1] else 1 if right[1] > right[0] else 2]
    else:
        word = words[0 if right[0] else 1]
    word = directives.get("verdict", word)
    if name == "judge-wordy":
        return f"I have looked at it.\n\n**Verdict:** {word}"
    one = {"reason": "I have looked at it.", "verdict": word}
    return to_json(dict.fromkeys(fields, one) if fields else one)


def _is_right(text: str) -> bool:
    return ("good" in text or ("Paris" in text and "Seine" in text)) and "SYSTEM" not in text


def _say_otherwise(said: Said, directives: dict[str, str]) -> None:
    said.model = directives.get("served", said.model)
    said.tier = directives.get("tier", said.tier)
    if "echo" in directives:
        said.text = said.asked.body.decode()
    elif "echo_headers" in directives:
        said.text = json.dumps(headers_of(said.asked.head))
    elif "empty" in directives:
        said.text = ""
    elif "surrogate" in directives:
        said.text += "\ud83d"
    said.n_answer = len(said.text.split()) + int(directives.get("reasoning", 0))
    if "tool" in directives:
        said.text, said.tool, said.finish = None, directives["tool"], "tool_calls"
    elif "refusal" in directives:
        said.text, said.refusal = None, "I can't help with that."
    elif "null_content" in directives or "filter" in directives:
        said.text = None
    if "length" in directives:
        said.finish = "length"
    elif "filter" in directives:
        said.finish = "content_filter"


def usage(said: Said) -> dict | None:
    """The token counts by the names of the chat API."""
    directives, n_prompt = said.asked.directives, len(said.asked.prompt.split())
    counts = {
        "prompt_tokens": n_prompt,
        "completion_tokens": said.n_answer,
        "total_tokens": n_prompt + said.n_answer,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    if not directives:
        return counts
    if "no_usage" in directives:
        return None
    counts["prompt_tokens_details"]["cached_tokens"] = int(directives.get("cached", 0))
    counts["completion_tokens_details"]["reasoning_tokens"] = int(directives.get("reasoning", 0))
    if "string_usage" in directives:
        # The client turns "12" into 12 by itself where all counts are such; these it passes on.
        totals = ("prompt_tokens", "completion_tokens", "total_tokens")
        counts |= {name: f"{counts[name]} tokens" for name in totals}
    return counts


def response_usage(said: Said) -> dict | None:
    """The token counts by the names of the Responses API, which has one more."""
    if (counts := usage(said)) is None:
        return None
    counts["prompt_tokens_details"]["cache_write_tokens"] = 0
    return {
        name.replace("prompt", "input").replace("completion", "output"): count
        for name, count in counts.items()
    }


def _tool_call(said: Said) -> dict:
    function = {"name": said.tool, "arguments": said.arguments}
    return {"id": f"call_{said.asked.number}", "type": "function", "function": function}


def chat_completion(said: Said) -> dict:
    message = {"role": "assistant", "content": said.text, "refusal": said.refusal}
    if said.tool is not None:
        message["tool_calls"] = [_tool_call(said)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish}
    completion = {
        "id": f"chatcmpl-{said.asked.number}",
        "object": "chat.completion",
        "created": CREATED,
        "model": said.model,
        "choices": [] if "no_choices" in said.asked.directives else [choice],
    }
    if said.tier is not None:
        completion["service_tier"] = said.tier
    if counts := usage(said):
        completion["usage"] = counts
    return completion


def chat_events(said: Said) -> tuple[list, list, list]:
    """The chunks of a completion: before its text, the text's pieces, and after it."""
    with_usage = (said.asked.request.get("stream_options") or {}).get("include_usage")
    completion = chat_completion(said)
    counts = completion.pop("usage", None)
    common = (
        completion | {"object": "chat.completion.chunk"} | ({"usage": None} if with_usage else {})
    )

    def chunk(delta: dict, finish: str | None = None) -> dict:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return common | {"choices": [choice] if completion["choices"] else []}

    first = {"role": "assistant", "content": "" if said.tool is None else None, "refusal": None}
    if said.tool is not None:
        call = _tool_call(said)
        blank = {"index": 0, **call, "function": {"name": said.tool, "arguments": ""}}
        first["tool_calls"] = [blank]
        deltas = [
            {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
            for piece in in_pieces(said.arguments)
        ]
    elif said.refusal is not None:
        deltas = [{"refusal": piece} for piece in in_pieces(said.refusal)]
    else:
        deltas = [{"content": piece} for piece in in_pieces(said.text or "")]
    after = [chunk({}, said.finish)]
    if with_usage and counts:
        after.append(common | {"choices": [], "usage": counts})
    return [chunk(first)], [chunk(delta) for delta in deltas], [*after, "[DONE]"]


def in_pieces(text: str) -> list[str]:
    """The text in as many pieces as a stream has, or fewer if it is that short."""
    size = math.ceil(len(text) / N_PIECES) or 1
    return [text[at : at + size] for at in range(0, len(text), size)]


def response(said: Said) -> dict:
    """The object of the Responses API."""
    request = said.asked.request
    reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(said.finish)
    status = "incomplete" if reason else "completed"
    answer = {
        "id": f"resp_{said.asked.number}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "metadata": request.get("metadata") or {},
        "model": said.model,
        "output": _output(said, status),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": request.get("temperature", 1.0),
        "text": request.get("text", {"format": {"type": "text"}}),
        "tool_choice": request.get("tool_choice", "auto"),
        "tools": request.get("tools", []),
        "top_p": request.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": response_usage(said),
    }
    if said.tier is not None:
        answer["service_tier"] = said.tier
    return answer


def _output(said: Said, status: str) -> list[dict]:
    """The items of a response; a model that reasoned has an item for that before its answer."""
    number, directives = said.asked.number, said.asked.directives
    items = []
    if "reasoning" in directives:
        items.append({"type": "reasoning", "id": f"rs_{number}", "summary": []})
    if said.tool is not None:
        call = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}"}
        items.append({**call, "name": said.tool, "arguments": said.arguments, "status": status})
        return items
    if said.refusal is not None:
        part = {"type": "refusal", "refusal": said.refusal}
    elif said.text is None or "no_choices" in directives:
        return items
    else:
        part = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
    message = {"type": "message", "id": f"msg_{number}", "role": "assistant"}
    return [*items, {**message, "status": status, "content": [part]}]


def response_events(said: Said) -> tuple[list, list, list]:
    """The events of a response: before its text, the text's pieces, and after it."""
    done = response(said)
    begun = {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    before = [
        {"type": f"response.{name}", "response": done | begun}
        for name in ("created", "in_progress")
    ]
    pieces, after = [], []
    for index, item in enumerate(done["output"]):
        item_before, item_pieces, item_after = _item_events(index, item)
        before += item_before
        pieces += item_pieces
        after += item_after
    return before, pieces, [*after, {"type": f"response.{done['status']}", "response": done}]


def _item_events(index: int, item: dict) -> tuple[list, list, list]:
    def changed(name: str, item: dict) -> dict:
        return {"type": f"response.output_item.{name}", "output_index": index, "item": item}

    where = {"output_index": index, "item_id": item["id"]}
    begun = item | {"status": "in_progress"}
    if item["type"] == "reasoning":
        return [changed("added", item), changed("done", item)], [], []
    if item["type"] == "function_call":
        kind, key, whole_text = "function_call_arguments", "arguments", item["arguments"]
        before = [changed("added", begun | {"arguments": ""})]
        part_done = []
    else:
        (part,) = item["content"]
        where["content_index"] = 0
        kind, key = part["type"], "text" if part["type"] == "output_text" else "refusal"
        whole_text, blank = part[key], part | {key: ""}
        before = [
            changed("added", begun | {"content": []}),
            {"type": "response.content_part.added", **where, "part": blank},
        ]
        part_done = [{"type": "response.content_part.done", **where, "part": part}]
    extra = {"logprobs": []} if kind == "output_text" else {}
    pieces = [
        {"type": f"response.{kind}.delta", **where, **extra, "delta": piece}
        for piece in in_pieces(whole_text)
    ]
    text_done = {"type": f"response.{kind}.done", **where, **extra, key: whole_text}
    return before, pieces, [text_done, *part_done, changed("done", item)]


def _stream(said: Said) -> Reply:
    """The events of an answer in chunks, each at its time.

    What comes before the text is sent at once, and the pieces of the text evenly between the time
    of the first one and the end, with which comes what is after it.
    """
    directives, end_s = said.asked.directives, said.asked.latency_s
    is_chat = said.asked.endpoint == "chat/completions"
    before, pieces, after = chat_events(said) if is_chat else response_events(said)
    first_s = float(directives.get("ttft", end_s))
    end_s = max(first_s, end_s)
    step_s = (end_s - first_s) / max(1, len(pieces) - 1)
    timed = [(0.0, data) for data in before]
    if "keepalive" in directives:
        count = int(directives["keepalive"] or 3)
        timed += [(first_s * index / count, b": ping\n\n") for index in range(count)]
    breaks = not directives.keys().isdisjoint({"cut", "stream_error"})
    sent = pieces[: math.ceil(len(pieces) / 2)] if breaks else pieces
    timed += [(first_s + step_s * index, data) for index, data in enumerate(sent)]
    if not breaks:
        timed += [(end_s, data) for data in after]
    elif "stream_error" in directives:
        failure = {"error": error_object("The model broke down.", "server_error")}
        timed.append((timed[-1][0], failure if is_chat else {"type": "error"} | failure))
    return _in_chunks(timed, directives)


def _in_chunks(timed: list[tuple[float, dict | str | bytes]], directives: dict[str, str]) -> Reply:
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
        "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    sent: dict[float, bytes] = {timed[0][0]: head.encode()}
    for number, (at_s, data) in enumerate(timed):
        event = data if isinstance(data, bytes) else _event(data, number)
        if "broken_json" in directives and number == len(timed) // 2:
            event = event[: len(event) // 2] + b"\n\n"
        if "crlf" in directives:
            event = event.replace(b"\n", b"\r\n")
        sent[at_s] = sent.get(at_s, b"") + b"%x\r\n%b\r\n" % (len(event), event)
    closes = "cut" in directives
    if not closes:
        sent[at_s] += b"0\r\n\r\n"
    return Reply(parts=list(sent.items()), closes=closes)


def _event(data: dict | str, number: int) -> bytes:
    """A server-sent event; those of the Responses API have a name and a number."""
    if isinstance(data, str):
        return f"data: {data}\n\n".encode()
    if (name := data.get("type")) is None:
        return f"data: {to_json(data)}\n\n".encode()
    return f"event: {name}\ndata: {to_json(data | {'sequence_number': number})}\n\n".encode()


def embeddings(said: Said) -> dict:
    request = said.asked.request
    texts = [request["input"]] if isinstance(request["input"], str) else request["input"]
    vectors = [embed(DIRECTIVE.sub("", text), request.get("dimensions", 16)) for text in texts]
    if request.get("encoding_format") == "base64":
        vectors = [
            base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
            for vector in vectors
        ]
    answer = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ],
        "model": said.model,
    }
    if "no_usage" not in said.asked.directives:
        n_words = len(said.asked.prompt.split())
        answer["usage"] = {"prompt_tokens": n_words, "total_tokens": n_words}
    return answer


def embed(text: str, n_dimensions: int) -> list[float]:
    """A vector of length 1 that counts words; texts that share words are near each other."""
    counts = [0.0] * n_dimensions
    for word in text.lower().split():
        counts[zlib.crc32(word.encode(errors="replace")) % n_dimensions] += 1
    length = math.hypot(*counts) or 1.0
    return [count / length for count in counts]


SHAPES = {"chat/completions": chat_completion, "responses": response, "embeddings": embeddings}

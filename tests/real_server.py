"""A real server on the loopback, llama.cpp's, with a model so small that it has nothing to say.

The fake server answers as we believe that servers do, this one as a server does that many people
run. It needs the extra ``realserver``: llama.cpp's server comes in the wheel ``xllamacpp``, and
``gguf`` writes the weights. It is a process of its own, so that a crash of it takes nobody down,
and it ends when its standard input closes, so that it never outlives who started it.

The model ``tiny`` has 0.1 million random weights and knows ASCII only, mostly a token a character.
It answers with some 30 characters of gibberish, other ones to other messages but always the same
to the same, unless the request has a ``temperature``. It serves chat completions, responses and
embeddings alike.

By hand: ``python tests/real_server.py --port 8000`` and Ctrl-D.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

N_LAYERS, N_WIDTH, N_HEADS, N_HIDDEN = 2, 64, 4, 192
N_CONTEXT = 4096  # tokens of one request and its answer
N_AT_ONCE = 4  # requests; more of them wait
MAX_ANSWER = 256  # tokens, should a request name no limit
START_TIMEOUT_S = 60.0

BEGIN, END = "<s>", "</s>"
# The vocabulary of GPT-2's tokenizer, cut down: it has names of its own for blank and line feed,
# and wants at least one pair that is merged.
TOKENS = [BEGIN, END, "\u0120", "\u010a", *map(chr, range(0x21, 0x7F)), "th"]
MERGES = ["t h"]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)

# How far the weights of a kind spread. Found by trial: with a sharp attention an answer depends on
# the whole message, and with this share of the end in the odds it nearly always ends by itself.
SPREAD = {"attn_q": 4, "attn_k": 4, "attn_v": 3, "attn_output": 3, "output": 3}
SPREAD |= {"ffn_gate": 2, "ffn_up": 2, "ffn_down": 2}
CONSTANT = 4.0
END_BIAS = 12.0


def shapes() -> dict[str, tuple[int, ...]]:
    """The tensors of a llama by name, as ``gguf`` wants their shapes."""
    square, norm = (N_WIDTH, N_WIDTH), (N_WIDTH,)
    layer = {
        "attn_norm": norm,
        "attn_q": square,
        "attn_k": square,
        "attn_v": square,
        "attn_output": square,
        "ffn_norm": norm,
        "ffn_gate": (N_HIDDEN, N_WIDTH),
        "ffn_up": (N_HIDDEN, N_WIDTH),
        "ffn_down": (N_WIDTH, N_HIDDEN),
    }
    return {
        "token_embd": (len(TOKENS), N_WIDTH),
        **{f"blk.{n}.{name}": layer[name] for n in range(N_LAYERS) for name in layer},
        "output_norm": norm,
        "output": (len(TOKENS), N_WIDTH),
    }


def weights(seed: int):
    """Name and values of each tensor; the same seed gives the same values."""
    import numpy as np

    random = np.random.default_rng(seed)
    for name, shape in shapes().items():
        kind = name.rpartition(".")[2]
        values = random.normal(size=shape).astype(np.float32)
        if kind.endswith("_norm"):
            values = np.ones(shape, np.float32)
        elif kind == "token_embd":
            values[:, 0] = CONSTANT  # the same for all tokens, which gives the output a bias
        else:
            values *= SPREAD[kind] / np.sqrt(shape[1])
        if kind in {"attn_output", "ffn_down"}:
            values[0] = 0  # no layer adds to the constant
        if kind == "output":
            values[:, 0] = 0
            values[TOKENS.index(END), 0] = END_BIAS
            values[TOKENS.index(BEGIN), 0] = -100
        yield f"{name}.weight", values


def write_model(file: Path, seed: int = 0) -> None:
    """Write a llama with random weights, its tokenizer and its chat template."""
    import gguf

    writer = gguf.GGUFWriter(file, "llama")
    writer.add_name("tiny")
    writer.add_context_length(N_CONTEXT)
    writer.add_embedding_length(N_WIDTH)
    writer.add_block_count(N_LAYERS)
    writer.add_feed_forward_length(N_HIDDEN)
    writer.add_head_count(N_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(TOKENS)
    kinds = {BEGIN: gguf.TokenType.CONTROL, END: gguf.TokenType.CONTROL}
    writer.add_token_types([kinds.get(token, gguf.TokenType.NORMAL) for token in TOKENS])
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(TOKENS.index(BEGIN))
    writer.add_eos_token_id(TOKENS.index(END))
    writer.add_chat_template(CHAT_TEMPLATE)
    for name, values in weights(seed):
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def start(file: Path, port: int):
    """Start llama.cpp's server, in threads of this process; it ends with the object returned."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.model_alias = {"tiny"}
    params.port = port
    params.n_ctx = N_CONTEXT * N_AT_ONCE
    params.n_batch = params.n_ubatch = N_CONTEXT  # a text is embedded in one go or not at all
    params.n_parallel = N_AT_ONCE
    params.n_predict = MAX_ANSWER
    params.sampling.temp = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.fit_params = params.warmup = params.ui = False
    # This lets it serve embeddings too; it goes on to serve the rest.
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    # What is computed together with other requests is to round as what is computed alone.
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return xllamacpp.Server(params)


def is_ready(address: str) -> bool:
    """Whether the server has loaded its model."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


def serve(folder: Path, port: int):
    """Serve until standard input closes or SIGTERM or Ctrl-C comes; the server, still running."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    file = folder / "tiny.gguf"
    write_model(file)
    server = start(file, port)
    while not is_ready(server.listening_address):
        time.sleep(0.01)
    print(f"{server.listening_address}/v1", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while os.read(0, 1024):
            pass
    return server


@contextlib.contextmanager
def running(folder):
    """The base URL of a running server, which is ended when the block is left.

    Args:
        folder: Where the weights and the server's log ``real_server.log`` are left.
    """
    log = Path(folder) / "real_server.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, __file__, "--port=0", f"--folder={folder}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
        base_url = process.stdout.readline().strip() if ready else ""
        if not base_url:
            raise RuntimeError(f"llama.cpp's server did not start; see {log}:\n{log.read_text()}")
        yield base_url
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="llama.cpp's server with a tiny random model.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--folder", type=Path, help="for the weights; a temporary one by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        _server = serve(given.folder or Path(temporary), given.port)
    # An end in good order would wait for those who are still being answered.
    os._exit(0)


if __name__ == "__main__":
    main()

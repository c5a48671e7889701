#!/usr/bin/env python3
"""Writes small valid inputs for each fuzzer: make_seeds.py DIRECTORY makes DIRECTORY/<fuzzer>/<seed>."""
import json
import pathlib
import struct
import sys


def safetensors(tensors):
    header, data = {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def npy(version, descr, shape, raw):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + raw


def shard(magic, version, kind, tokens):
    header = struct.pack("<256i", magic, version, len(tokens), *[0] * 253)
    return header + struct.pack(f"<{len(tokens)}{kind}", *tokens)


def megatron_index(code, lengths, offsets, borders):
    header = b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, code, len(lengths), len(borders))
    return header + struct.pack(f"<{len(lengths)}i{len(offsets)}q{len(borders)}q", *lengths, *offsets, *borders)


def config(tokenizer, ff):
    return {"model_type": "sigmoe", "version": 1, "vocab_size": 3, "d_model": 16, "n_layers": 2, "n_heads": 2, "d_head": 8,
            "dropout": 0.1, "unroll": 12, "memory_segments": {"train": 1, "eval": 2}, "tokenizer": tokenizer, "ff": ff}


CONFIGS = (
    ("dense", {"type": "none"}, {"type": "dense", "d_ff": 24}),
    ("topk", {"type": "sentencepiece"}, {"type": "topk", "d_ff": 24, "k": 5, "norm_compensation": True}),
    ("pkm", {"type": "none"}, {"type": "pkm", "n_heads": 2, "n_subkeys": 4, "knn": 8, "activation": "relu",
                               "init": "dense_equivalent"}),
    ("moe", {"type": "bytes", "alphabet": [10, 32, 97]},
     {"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "sigmoid", "expert_dropout": 0.1, "dropout": 0,
      "regularizer": "entropy", "regularizer_weight": 0.001, "channels_kept": 3, "init": "standard"}),
)

SETTINGS = ("d_model=64", "dropout=.5", "memory_segments.eval=0", "ff.type=pkm", 'ff.router="softmax"',
            "ff.norm_compensation=true", "ff.k=18446744073709551616")


def seeds():
    yield "fuzz_safetensors", "types", safetensors({
        "w": ("F32", [2, 1], struct.pack("<2f", 1.5, -2)), "h": ("BF16", [1], b"\xc0\x3f"),
        "t": ("I32", [1], struct.pack("<i", -1)), "s": ("I64", [], struct.pack("<q", 7)),
        "d": ("F64", [1], struct.pack("<d", 0.1)), "e": ("F32", [0, 3], b"")})
    yield "fuzz_safetensors", "empty", safetensors({})
    for version in (1, 2, 3):
        yield "fuzz_npy", f"version{version}", npy(version, "<i4", (1, 3), struct.pack("<3i", 1, 2, 3))
    yield "fuzz_npy", "wide", npy(1, "<i8", (2,), struct.pack("<2q", -1, 5))
    yield "fuzz_token_shard", "narrow", shard(20240520, 1, "H", [0, 1, 299])
    yield "fuzz_token_shard", "wide", shard(20240801, 7, "I", [0, 1, 299])
    yield "fuzz_megatron_index", "narrow", megatron_index(8, [2, 0, 3], [0, 4, 4], [0, 2, 3])
    yield "fuzz_megatron_index", "wide", megatron_index(4, [7], [0], [0, 1])
    for name, tokenizer, ff in CONFIGS:
        yield "fuzz_config", name, json.dumps(config(tokenizer, ff)).encode()
    for number, setting in enumerate(SETTINGS):
        yield "fuzz_config", f"setting{number}", setting.encode()
    yield "fuzz_json_text", "fields", json.dumps({
        "id": -1.5e3, "x": [True, False, None, {"y": [{}, []]}], "text": "a\n\u00e9\U0001f600"}).encode()
    yield "fuzz_json_text", "utf8", json.dumps({"text": "caf\u00e9 \u20ac", "text2": ""}, ensure_ascii=False).encode()
    yield "fuzz_json_text", "odd", b'{"a\\u0000": NaN, "b": -Infinity, "c": 1e999, "text": "\\ud800", "text": "x\\ud83d\\ude00"}'
    passages = ({"context": "a", "continuation": " b\u0000"}, {"continuation": "", "id": [1, {}]}, {"text": "caf\u00e9\n"})
    yield "fuzz_passages", "lines", "\n".join(map(json.dumps, passages)).encode() + b"\r\n\n \n"


def main():
    root = pathlib.Path(sys.argv[1])
    for fuzzer, name, contents in seeds():
        (root / fuzzer).mkdir(parents=True, exist_ok=True)
        (root / fuzzer / name).write_bytes(contents)


if __name__ == "__main__":
    main()

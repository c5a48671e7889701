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
    yield "fuzz_config", "all", json.dumps({
        "k": 4, "rate": 0.5, "wide": True, "kind": "softmax",
        "tokenizer": {"type": "bytes", "alphabet": [10, 32, 97]}}).encode()
    yield "fuzz_config", "short", b'{"k": 4, "tokenizer": {"type": "none"}}'
    yield "fuzz_config", "number", b"0.25"
    yield "fuzz_config", "word", b"sinkhorn"
    yield "fuzz_json_text", "fields", json.dumps({
        "id": -1.5e3, "x": [True, False, None, {"y": [{}, []]}], "text": "a\n\u00e9\U0001f600"}).encode()
    yield "fuzz_json_text", "utf8", json.dumps({"text": "caf\u00e9 \u20ac", "text2": ""}, ensure_ascii=False).encode()
    yield "fuzz_json_text", "odd", b'{"a\\u0000": NaN, "b": -Infinity, "c": 1e999, "text": "\\ud800", "text": "x\\ud83d\\ude00"}'


def main():
    root = pathlib.Path(sys.argv[1])
    for fuzzer, name, contents in seeds():
        (root / fuzzer).mkdir(parents=True, exist_ok=True)
        (root / fuzzer / name).write_bytes(contents)


if __name__ == "__main__":
    main()

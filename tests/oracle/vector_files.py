"""Readers and writers for the files of the oracle's cases. Python's standard library only.

A tensor is a tuple (dtype, shape, values): dtype "F32", "I32" or "I8", shape a list of ints, values a flat array.
"""
import array
import json
import struct
import sys

_CODES = {"F32": "f", "I32": "i", "I8": "b"}


def _native(values):
    if sys.byteorder == "big":
        values.byteswap()
    return values


def read_safetensors(path):
    """All tensors of a file: {name: (dtype, shape, values)}. BF16 comes back as F32."""
    with open(path, "rb") as file:
        raw = file.read()
    if len(raw) < 8:
        raise ValueError(f"{path}: too short for a safetensors file")
    (length,) = struct.unpack("<Q", raw[:8])
    if 8 + length > len(raw):
        raise ValueError(f"{path}: the header runs past the end of the file")
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    body = raw[8 + length:]
    tensors = {}
    for name, entry in header.items():
        dtype, shape = entry["dtype"], entry["shape"]
        begin, end = entry["data_offsets"]
        count = 1
        for extent in shape:
            count *= extent
        size = {"BF16": 2, "I8": 1}.get(dtype, 4)
        if dtype not in ("F32", "I32", "I8", "BF16"):
            raise ValueError(f"{path}: {name} has dtype {dtype}")
        if not 0 <= begin <= end <= len(body) or end - begin != count * size:
            raise ValueError(f"{path}: {name} has data_offsets {begin}..{end} for shape {shape}")
        piece = body[begin:end]
        if dtype == "BF16":  # the upper half of a float32
            piece = b"".join(b"\0\0" + piece[k:k + 2] for k in range(0, len(piece), 2))
            dtype = "F32"
        values = array.array(_CODES[dtype])
        values.frombytes(piece)
        tensors[name] = (dtype, list(shape), _native(values))
    return tensors


def write_safetensors(path, tensors):
    header, body = {}, []
    offset = 0
    for name, (dtype, shape, values) in tensors.items():
        data = _native(array.array(_CODES[dtype], values)).tobytes()
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        body.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(body))


def write_npy_int32(path, rows):
    """A two-dimensional int32 array as .npy, format version 1.0."""
    header = "{'descr': '<i4', 'fortran_order': False, 'shape': (%d, %d), }" % (len(rows), len(rows[0]))
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        for row in rows:
            file.write(struct.pack("<%di" % len(row), *row))


def read_npy_int32(path):
    with open(path, "rb") as file:
        raw = file.read()
    if raw[:8] != b"\x93NUMPY\x01\x00":
        raise ValueError(f"{path}: not a version 1.0 .npy file")
    (length,) = struct.unpack("<H", raw[8:10])
    header = raw[10:10 + length].decode()
    if "'<i4'" not in header or "'fortran_order': False" not in header:
        raise ValueError(f"{path}: not a C-ordered int32 array")
    text = header[header.index("(", header.index("'shape'")) + 1:]
    rows, columns = (int(part) for part in text[:text.index(")")].split(",")[:2])
    values = struct.unpack("<%di" % (rows * columns), raw[10 + length:])
    return [list(values[k * columns:(k + 1) * columns]) for k in range(rows)]


def write_shard(path, tokens):
    """A token shard: 256 int32 of header (magic, version, count), then uint16 tokens."""
    with open(path, "wb") as file:
        file.write(struct.pack("<256i", 20240520, 1, len(tokens), *([0] * 253)))
        file.write(struct.pack("<%dH" % len(tokens), *tokens))

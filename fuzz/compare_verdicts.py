#!/usr/bin/env python3
"""compare_verdicts.py PROGRAM DIRECTORY...: two readers of ours accept and refuse what they should, by other readers' verdicts.

PROGRAM is verdicts.c, the directories are fuzz_seeds and corpus. Their inputs of safetensors are judged by the checker below,
which follows the format's description, and by the Python package safetensors where there is one; lines of JSON by Python's
json. Thousands of small changes of these inputs are judged, too, always the same ones.
"""
import json
import math
import pathlib
import random
import re
import struct
import subprocess
import sys

try:
    import safetensors
except ImportError:
    safetensors = None

CHANGES = 12000  # of all inputs of a kind
FEWEST = 100  # inputs that are accepted: otherwise nothing is compared
SPLICES = (b'"', b"{", b"}", b"[", b"]", b",", b":", b"0", b"-", b"1e9", b"9" * 20, b" ", b"\n", b"\0", b"\\", b"\\u0000", b"\\ud800",
           b"\\ude00", b"\xff", b"\xc0\x80", b"\xef\xbb\xbf", b"null", b"true", b"NaN", b'"text"', b"F32", b"I64", b"__metadata__")
SIZES = {"F32": 4, "BF16": 2, "I8": 1, "I32": 4, "I64": 8, "F64": 8}
MOST_DEPTH, MOST_DIMS, INT64 = 64, 8, 2**63 - 1


def changed(data, rng):
    """The input with one to three small changes."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.randint(1, 8))
        kind = rng.randrange(5)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:at] = rng.choice(SPLICES)
        elif kind == 3:
            data[at:end] = rng.choice(SPLICES)
        else:
            data[at:at] = data[at:end]
    return bytes(data)


def spaced(data, rng):
    """The input with white space where JSON has a mark, or beside it: most of these are as good as it."""
    marks = [i + 1 for i, byte in enumerate(data) if byte in b"{[,:"]
    at = rng.choice(marks) + rng.choice((0, 0, 0, 1)) if marks else 0
    return data[:at] + rng.choice((b" ", b"\n", b"\t\r", b"\v")) + data[at:]


def retold(data):
    """A safetensors file whose header length is right again."""
    header = data[8:].rfind(b"}}") + 2
    return struct.pack("<Q", header) + data[8:]


# ---------------------------------------------------------------- safetensors


def checked_pairs(pairs):
    if len({key for key, _ in pairs}) != len(pairs) or any("\0" in key for key, _ in pairs):
        raise ValueError
    return dict(pairs)


def checked_int(text):
    if abs(int(text)) > INT64:
        raise ValueError
    return int(text)


def checked_float(text):
    if math.isinf(float(text)):
        raise ValueError
    return float(text)


def no_constant(text):
    raise ValueError


def strings(value):
    if type(value) is str:
        yield value
    elif type(value) is list:
        for item in value:
            yield from strings(item)
    elif type(value) is dict:
        yield from strings([*value.keys(), *value.values()])


def check_jansson(text):
    """What jansson does not take: zero bytes and single surrogates in strings; nor do we take deep nesting."""
    if re.search("[\0\ud800-\udfff]", "".join(strings(json.loads(text)))):
        raise ValueError
    depth = 0
    for mark in re.findall(r'"(?:\\.|[^"\\])*"|[][{}]', text, re.S):
        depth += (mark in "[{") - (mark in "]}")
        if depth > MOST_DEPTH:
            raise ValueError


def natural(value):
    return type(value) is int and value >= 0


def places(header, size):
    for name, entry in header.items():
        if name == "__metadata__":
            if type(entry) is not dict or not all(type(v) is str for v in entry.values()):
                raise ValueError
            continue
        shape, offsets = entry["shape"], entry["data_offsets"]
        if type(shape) is not list or len(shape) > MOST_DIMS or not all(map(natural, shape)):
            raise ValueError
        if type(offsets) is not list or len(offsets) != 2 or not all(map(natural, offsets)):
            raise ValueError
        if offsets[0] > offsets[1] or offsets[1] > size or offsets[1] - offsets[0] != math.prod(shape) * SIZES[entry["dtype"]]:
            raise ValueError
        yield tuple(offsets)


def strict_safetensors(data):
    """The number of tensors; None where the file is wrong."""
    try:
        (length,) = struct.unpack("<Q", data[:8])
        raw, rest = data[8:8 + length], len(data) - 8 - length
        text = raw.decode("utf-8")
        if rest < 0 or not text.startswith("{"):
            return None
        check_jansson(text)
        header = json.loads(text, object_pairs_hook=checked_pairs, parse_int=checked_int, parse_float=checked_float,
                            parse_constant=no_constant)
        covered = 0
        ranges = sorted(places(header, rest))
        for begin, end in ranges:
            if begin != covered:
                return None
            covered = end
        return len(ranges) if covered == rest else None
    except (ValueError, KeyError, TypeError, RecursionError, struct.error):
        return None


def package_accepts(data):
    try:
        safetensors.deserialize(data)
        return True
    except safetensors.SafetensorError:
        return False


def judge_safetensors(data, verdict):
    count = strict_safetensors(data)
    if verdict != ("refused" if count is None else f"accepted {count}"):
        return f"{verdict}, the checker says {count}"
    if safetensors and count is not None and not package_accepts(data):
        return f"{verdict}, the Python package refuses it"
    return None


# ---------------------------------------------------------------- JSON


def json_verdict(data):
    try:
        value = json.loads(data.decode("utf-8"))
    except RecursionError:
        return None  # Python's own limit
    except ValueError as error:
        return None if "digits" in str(error) else "refused"
    if type(value) is not dict:
        return "no object"
    if "text" not in value:
        return "missing"
    text = value["text"]
    if text is None:
        return "null"
    if type(text) is not str:
        return "no string"
    return "found " + re.sub("[\ud800-\udfff]", "\ufffd", text).encode("utf-8").hex()


def judge_json(data, verdict):
    expected = json_verdict(data)
    return None if expected in (None, verdict) else f"{verdict}, Python says {expected}"


# ---------------------------------------------------------------- both


def inputs_of(fuzzer, directories):
    files = sorted(f for d in directories for f in pathlib.Path(d, fuzzer).glob("*"))
    rng = random.Random(1)
    for file in files:
        data = file.read_bytes()
        yield data
        for _ in range(CHANGES // len(files)):
            other = changed(data, rng)
            yield other
            if fuzzer == "fuzz_safetensors":
                yield retold(other)
                yield retold(spaced(data, rng))


def compare(program, kind, judge, directories):
    inputs = list(inputs_of("fuzz_" + {"json": "json_text"}.get(kind, kind), directories))
    frames = b"".join(b"%d\n" % len(data) + data for data in inputs)
    said = subprocess.run([program, kind], input=frames, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    wrong = [(data, problem) for data, verdict in zip(inputs, said) if (problem := judge(data, verdict))]
    for data, problem in wrong[:10]:
        print(f"{kind}: {problem}: {data!r}")
    taken = sum(not v.startswith("refused") for v in said)
    print(f"{kind}: {len(said)} inputs, {taken} accepted, {len(wrong)} verdicts differ")
    return len(said) == len(inputs) and taken >= FEWEST and not wrong


def main():
    program, *directories = sys.argv[1:]
    fine = [compare(program, "safetensors", judge_safetensors, directories), compare(program, "json", judge_json, directories)]
    if not safetensors:
        print("without the Python package safetensors: the checker here stands for it")
    return not all(fine)


if __name__ == "__main__":
    sys.exit(main())

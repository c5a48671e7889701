"""Reads event files of TensorBoard with nothing but Python's own library: what must hold of them, by the formats' definitions.

read_events.py RUN prints, of the newest reading of all files in RUN as TensorBoard does it, a JSON object: tag -> list of [step,
value], where a histogram's value is its list of buckets."""
import glob
import json
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283 and crc32c(bytes(32)) == 0x8A9136AA and crc32c(b"\xff" * 32) == 0x62A8AB43


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    data = open(path, "rb").read()
    while data:
        (size, check) = struct.unpack("<QI", data[:12])
        assert check == masked(data[:8]), f"{path}: wrong checksum of a length"
        assert len(data) >= 16 + size, f"{path}: a record is cut short"
        record = data[12:12 + size]
        assert struct.unpack("<I", data[12 + size:16 + size])[0] == masked(record), f"{path}: wrong checksum"
        yield record
        data = data[16 + size:]


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(number, value) of a protocol buffer; numbers are raw."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            (value,), at = struct.unpack("<d", data[at:at + 8]), at + 8
        elif kind == 5:
            (value,), at = struct.unpack("<f", data[at:at + 4]), at + 4
        else:
            assert kind == 2, kind
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
            assert len(value) == size
        yield key >> 3, value


def histogram(data):
    parts = dict(fields(data))
    limits, buckets = (list(struct.unpack(f"<{len(parts[i]) // 8}d", parts[i])) for i in (6, 7))
    assert len(limits) == len(buckets) and limits == [i + 0.5 for i in range(len(limits))], limits
    assert parts[1] == -0.5 and parts[2] == len(limits) - 0.5
    assert abs(parts[3] - sum(buckets)) < 1e-9 * max(1, parts[3])
    return buckets


def read(run):
    found = {}
    for path in sorted(glob.glob(f"{run}/events.out.tfevents.*")):
        for index, record in enumerate(records(path)):
            event = dict(fields(record))
            assert event[1] > 1.5e9, "no wall time"
            if index == 0:
                assert event[3] == b"brain.Event:2"
            elif 7 in event:  # a start: what earlier files say of this step and later ones is forgotten
                assert index == 1 and dict(fields(event[7])) == {1: 1}
                found = {tag: [p for p in points if p[0] < event[2]] for tag, points in found.items()}
            else:
                for number, value in fields(event[5]):
                    assert number == 1
                    parts = dict(fields(value))
                    point = [event[2], histogram(parts[5]) if 5 in parts else parts[2]]
                    found.setdefault(parts[1].decode(), []).append(point)
    return found


if __name__ == "__main__":
    json.dump(read(sys.argv[1]), sys.stdout)

#!/usr/bin/env python3
"""Chooses few small inputs that reach what a fuzzer has found: choose_finds.py BUILD FUZZER CORPUS.

CORPUS is what `./run fuzz` has gathered for FUZZER (fuzz_npy), a libFuzzer program of BUILD. The inputs that reach most code
beyond the seeds become fuzz/corpus/FUZZER/, beside those that are there already.
"""
import collections
import hashlib
import pathlib
import subprocess
import sys
import tempfile

MOST_FILES, MOST_BYTES = 24, 1024


def reached(program, folder):
    """What each file of the folder reaches and no smaller file does: edges, and how often they are passed."""
    if not any(folder.iterdir()):
        return {}
    with tempfile.TemporaryDirectory() as place:
        control = pathlib.Path(place, "control")
        into = pathlib.Path(place, "merged")
        into.mkdir()
        subprocess.run([program, "-merge=1", f"-merge_control_file={control}", into, folder], check=True,
                       stderr=subprocess.DEVNULL)
        lines = control.read_text().splitlines()
    count = int(lines[0])
    files = [pathlib.Path(line) for line in lines[2:2 + count]]
    edges = collections.defaultdict(set)
    for line in lines[2 + count:]:
        kind, number, *numbers = line.split()
        if kind == "COV":
            edges[files[int(number)]].update(numbers)
        elif kind == "FT":
            edges[files[int(number)]].update("feature " + n for n in numbers)
    return edges


def greedy(candidates, known):
    """Files that add most to what is known, until none adds anything."""
    while candidates:
        best = max(candidates, key=lambda f: (len(candidates[f] - known), -f.stat().st_size, f.name))
        if not candidates[best] - known:
            return
        known |= candidates.pop(best)
        yield best


def main():
    build, fuzzer, gathered = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    program = build / fuzzer
    finds = pathlib.Path(__file__).parent / "corpus" / fuzzer
    finds.mkdir(parents=True, exist_ok=True)
    known = set().union(*reached(program, build / "fuzz_seeds" / fuzzer).values(), *reached(program, finds).values())
    small = {f: e for f, e in reached(program, gathered).items() if f.stat().st_size <= MOST_BYTES}
    room = MOST_FILES - len(list(finds.iterdir()))
    for file in [f for _, f in zip(range(room), greedy(small, known))]:
        contents = file.read_bytes()
        (finds / hashlib.sha256(contents).hexdigest()[:12]).write_bytes(contents)
    print(fuzzer, len(list(finds.iterdir())), "files")


if __name__ == "__main__":
    main()

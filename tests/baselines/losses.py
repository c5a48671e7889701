"""The loss after a short training of each preset's block, at a small width, against a table that is kept: losses.json.

usage: losses.py PROGRAM            check; at the scalar level and at the processor's
       losses.py PROGRAM --write    put what this processor computes into the table

With the program's own products the last bit has to be right, where compiler and C library are the table's: another compiler
may round a product and a sum together where the first did not. Others, a level that the table lacks, and oneDNN, of whatever
version, may differ by TOLERANCE.
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from small_text import make_text

TABLE = pathlib.Path(__file__).with_name("losses.json")
SMALL = {"d_model": 32, "n_heads": 2, "d_head": 16, "n_layers": 1, "unroll": 16}
STEPS = 6
# The other presets have the same blocks, for other data, or regularized as the public code has it.
BASES = ("demo", "wt-s", "wt-b", "e8")
# Relative, of a loss after STEPS steps. A token that another expert serves, because two scores were equal but for rounding,
# is the most that may happen.
TOLERANCE = {"f32": 1e-5, "bf16": 1e-2}


class Trainings:
    """Runs of one program in a directory of their own."""

    def __init__(self, program, place):
        self.program, self.place = os.path.abspath(program), place
        pathlib.Path(place, "text").write_text(make_text(60000))
        self.sigmoe({}, "data", "prepare", "text", "text", "--out", "data")
        with open(os.path.join(place, "data", "meta.json")) as file:
            self.vocab_size = json.load(file)["vocab_size"]

    def sigmoe(self, environment, *words):
        done = subprocess.run([self.program, *words], cwd=self.place, env=dict(os.environ, **environment),
                              capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"sigmoe {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def presets(self):
        presets = json.loads(self.sigmoe({}, "presets", "--json"))
        return [preset["name"] for preset in presets if preset["base"] in BASES and preset["form"] == "printed"]

    def kernels(self, environment):
        """The level in use, and whether oneDNN is."""
        lines = self.sigmoe(environment, "info", "--cpu").splitlines()
        return lines[0].split()[-1], any("onednn" in line for line in lines)

    def loss(self, preset, level, dtype, onednn):
        run = f"{preset}-{level}-{dtype}-{onednn}"
        changes = [f"--set={key}={value}" for key, value in dict(SMALL, vocab_size=self.vocab_size).items()]
        self.sigmoe({"SIGMOE_CPU": level, "SIGMOE_ONEDNN": onednn}, "train", "--preset", preset, *changes, "--data", "data",
                    "--out", run, "--batch", "2", "--steps", str(STEPS), "--seed", "1", "--dtype", dtype, "--threads", "1",
                    "--quiet")
        with open(os.path.join(self.place, run, "metrics.jsonl")) as file:
            return json.loads(file.readlines()[-1])["loss"]

    def losses(self, level, dtype, onednn):
        presets = self.presets()
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(lambda preset: self.loss(preset, level, dtype, onednn), presets)
            return dict(zip(presets, found))


def compare(what, found, expected, tolerance):
    """The number of losses that are too far from those expected."""
    wrong = 0
    for preset, loss in found.items():
        if preset not in expected:
            print(f"FAILED: {what}: losses.json has no {preset}; --write adds it")
            wrong += 1
        elif abs(loss - expected[preset]) > tolerance * abs(expected[preset]):
            print(f"FAILED: {what}: {preset} ends with {loss!r} instead of {expected[preset]!r}")
            wrong += 1
    largest = max(abs(found[p] / expected[p] - 1) for p in found if p in expected)
    print(f"{what}: {len(found)} losses, {wrong} wrong, largest difference {largest:.1e} of at most {tolerance:.0e}")
    return wrong


def made_by(trainings):
    """What the last bits depend on."""
    facts = json.loads(trainings.sigmoe({}, "--version", "--verbose", "--json"))
    return f"{facts['build']['compiler']}, glibc {facts['libraries']['glibc']['loaded']}"


def kinds(best):
    """Levels and types to try: the reference, and what this processor runs."""
    return [(level, dtype) for level in dict.fromkeys(["scalar", best]) for dtype in TOLERANCE]


def write(trainings):
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {"made_by": "", "losses": {}}
    best, _ = trainings.kernels({"SIGMOE_ONEDNN": "off"})
    table["made_by"] = made_by(trainings)
    for level, dtype in kinds(best):
        table["losses"][f"{level} {dtype}"] = trainings.losses(level, dtype, "off")
    TABLE.write_text(json.dumps(table, indent=1) + "\n")


def check(trainings):
    table = json.loads(TABLE.read_text())
    best, onednn = trainings.kernels({})
    same_bits = made_by(trainings) == table["made_by"]
    wrong = 0
    for level, dtype in kinds(best):
        own = table["losses"].get(f"{level} {dtype}")
        expected = own or table["losses"][f"scalar {dtype}"]
        exact = own and same_bits
        wrong += compare(f"{level}, {dtype}", trainings.losses(level, dtype, "off"), expected,
                         0 if exact else TOLERANCE[dtype])
        if onednn and level == best:
            wrong += compare(f"{level}, {dtype}, oneDNN", trainings.losses(level, dtype, ""), expected, TOLERANCE[dtype])
    return wrong


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--write"]):
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as place:
        trainings = Trainings(sys.argv[1], place)
        if sys.argv[2:]:
            write(trainings)
        elif check(trainings):
            raise SystemExit(1)


main()

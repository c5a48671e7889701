"""The commands that are tried, where they run, and what of their results has to be equal."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from small_text import make_text

# What says how long something took; all else has to be equal. Pages and pictures hold both.
TIMED = {"report.html", "table.txt", "table.csv", "table.json", "result.json", "compare.json", "logs.json"}
PICTURES = {".png", ".svg"}
TIMED_MEMBERS = {"tokens_per_s", "seconds", "time"}
LONGEST = 300  # seconds; a command that takes longer hangs


class Failure(Exception):
    """What a command did not live up to."""


def contents(path):
    data = path.read_bytes()
    if path.name == "train.json":  # a checkpoint that could not be read is passed over: the run goes on from another step
        return {key: value for key, value in json.loads(data).items() if key not in ("history", "sha256")}
    if path.suffix != ".jsonl":
        return hashlib.sha256(data).hexdigest()
    entries = [json.loads(line) for line in data.splitlines()]
    return [{key: value for key, value in entry.items() if key not in TIMED_MEMBERS} for entry in entries]


def counts(path):
    """Whether a file has to be equal. Hidden ones are locks; which older checkpoints are left depends on where a run stopped."""
    if path.parent.parent.name == "checkpoints" and path.parent != max(path.parent.parent.glob("[0-9]*[0-9]")):
        return False
    return path.name not in TIMED and path.suffix not in PICTURES and not path.name.startswith(".")


def result_of(place):
    """Contents by path of what a command has left in a directory."""
    return {str(path.relative_to(place)): contents(path) for path in sorted(place.rglob("*"))
            if path.is_file() and counts(path)}


def expect_same(found, expected):
    wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    if wrong:
        raise Failure(f"other than without a failure: {', '.join(wrong[:5])}")


class Command:
    """`words` begin it; `resume` goes on in what it left, if it can; `begun` makes what it finds when it begins."""

    def __init__(self, name, words, resume=(), begun=()):
        self.name, self.words, self.resume, self.begun = name, list(words), list(resume), list(begun)


def all_commands():
    out = ["--out", "disk/out"]
    one = ["--threads", "1"]
    begin = ["train", "--config", "moe.json", "--data", "data", *out, *one, "--batch", "2", "--checkpoint-every", "2",
             "--valid-every", "3", "--valid-tokens", "60", "--seed", "1", "--schedule", "constant"]
    go_on = ["train", "--resume", *out, *one]
    longer = [*go_on, "--steps", "6"]
    grid = ["--data", "data", *out, *one, "--steps", "3", "--batch", "2", "--test-tokens", "100", "--seeds", "1"]
    several = ["compare", "--base", "./moe.json", "--variants", "dense,sigma-moe", *grid]
    rows = ["sweep", "sweep.json", *grid]
    return [
        Command("prepare", ["data", "prepare", "text", "text", *out]),
        Command("train", [*begin, "--steps", "6"], go_on),
        Command("resume", longer, longer, [*begin, "--steps", "3"]),
        Command("compare", several, [*several, "--resume"]),
        Command("sweep", rows, [*rows, "--resume"]),
        Command("analyze", ["analyze", "model", "--data", "data", "--limit-tokens", "200", *one, *out]),
    ]


SMALL = {"d_model": 16, "n_layers": 1, "n_heads": 2, "d_head": 8, "unroll": 12}
MOE = {"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "sigmoid", "expert_dropout": 0.1,
       "regularizer": "entropy", "regularizer_weight": 0.001}


class Workplace:
    """A directory with the inputs of all commands; what they write is in `disk`, which alone has failures."""

    def __init__(self, program, place):
        self.program, self.place = str(pathlib.Path(program).resolve()), pathlib.Path(place)
        self.disk, self.out, self.begun = self.place / "disk", self.place / "disk" / "out", self.place / "begun"
        self.expected = {}
        stand_in = pathlib.Path(__file__).resolve().parent / "stand_in"  # of gnuplot
        self.environment = {**os.environ, "PATH": f"{stand_in}:{os.environ['PATH']}"}
        self.disk.mkdir()
        (self.place / "text").write_text(make_text(20000))
        self.must("data", "prepare", "text", "text", "--out", "data")
        vocab_size = json.loads((self.place / "data" / "meta.json").read_text())["vocab_size"]
        config = {"model_type": "sigmoe", "version": 1, "vocab_size": vocab_size, "dropout": 0.1,
                  "memory_segments": {"train": 1, "eval": 2}, "tokenizer": {"type": "none"}, "ff": MOE, **SMALL}
        (self.place / "moe.json").write_text(json.dumps(config))
        sweep = {"base": "demo", "set": {**SMALL, "ff.expert_size": 4}, "rows": ["dense", "switch"]}
        (self.place / "sweep.json").write_text(json.dumps(sweep))
        self.must("train", "--config", "moe.json", "--data", "data", "--out", "model", "--batch", "2", "--steps", "1")

    def start(self, words, before=(), **more):
        return subprocess.Popen([*before, self.program, *words], cwd=self.place, stdout=subprocess.DEVNULL, env=self.environment,
                                stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True, **more)

    def run(self, words, before=()):
        """Exit status and what was said on standard error."""
        process = self.start(words, before)
        try:
            _, said = process.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failure(f"still running after {LONGEST} s") from None
        return process.returncode, said

    def must(self, *words):
        status, said = self.run(words)
        if status:
            raise Failure(f"sigmoe {' '.join(words)}: exit status {status}: {said.strip()[-300:]}")

    def reset(self, command):
        """The disk as the command finds it."""
        for entry in self.disk.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if not command.begun:
            return
        kept = self.begun / command.name
        if not kept.exists():
            self.must(*command.begun)
            kept.parent.mkdir(exist_ok=True)
            shutil.copytree(self.out, kept)
        else:
            shutil.copytree(kept, self.out)

    def reference(self, command):
        """What the command leaves when nothing fails."""
        if command.name not in self.expected:
            self.reset(command)
            self.must(*command.words)
            self.expected[command.name] = result_of(self.out)
        return self.expected[command.name]

    def next_words(self, command):
        """How a user goes on after the command ended early; nothing when there is nothing left to do."""
        if not self.out.exists():
            return command.words
        return command.resume or None

    def take_whole(self, said):
        """Renames a result that the command could only not give its name, as the user would who reads that."""
        partial = self.disk / "out.partial"
        if f"the result is whole, in {partial.relative_to(self.place)}" in said and not self.out.exists():
            partial.rename(self.out)

    def go_on(self, command):
        words = self.next_words(command)
        if not words:
            return
        # Where there is nothing to resume yet, which is wrong usage, the command is given once more.
        ways = [words] if words is command.words else [words, command.words, [*command.words, "--force"]]
        for words in ways:
            status, said = self.run(words)
            if status != 2:
                break
        if status:
            raise Failure(f"does not go on: sigmoe {' '.join(words)}: exit status {status}: {said.strip()[-300:]}")

    def check(self, command):
        expect_same(result_of(self.out), self.reference(command))
        left = [path.name for path in self.disk.iterdir() if path.name != "out"]
        if left:
            raise Failure(f"left behind: {', '.join(left)}")

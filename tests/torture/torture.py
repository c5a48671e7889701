"""Commands whose system calls fail, or that are killed, go on afterwards, to the bytes that they would have left anyway.

usage: torture.py PROGRAM WITH_FAULTS PART SCALE [STATE]

PART is one of
  calls  system calls about its output fail, one each time, and reads and writes are cut short; SCALE: after call n, the next
         to fail is n + 1 + n / SCALE (0: each call fails)
  kills  each command is killed at random moments, again and again; SCALE: kills in all
  soak   a long training with checkpoints and validations, signals, kills and resumes at random moments; SCALE: its steps

With STATE, a file, calls and kills remember there what is done, and the same command goes on.
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import commands
from commands import Failure


class Progress:
    """Counts by name, kept in a file if there is one: written aside and renamed."""

    def __init__(self, path):
        self.path = path
        self.counts = json.loads(path.read_text()) if path and path.exists() else {}

    def get(self, name):
        return self.counts.get(name, 0)

    def set(self, name, count):
        self.counts[name] = count
        if self.path:
            aside = self.path.with_suffix(".partial")
            aside.write_text(json.dumps(self.counts, indent=1))
            os.replace(aside, self.path)


# ---------------------------------------------------------------- calls

SHORT_CALLS = "read,write,pread64,pwrite64,readv,writev"


class Calls:
    def __init__(self, place, faults, scale, progress):
        self.place, self.faults, self.scale, self.progress = place, str(pathlib.Path(faults).resolve()), scale, progress
        self.report = place.place / "report"

    def one(self, command, error, n):
        """Lets call `n` fail; its name, or nothing when there are not so many."""
        self.place.reset(command)
        before = [self.faults, "--under", "disk", "--fail", error, "--nth", str(n), "--report", "report"]
        if error == "short":
            before += ["--calls", SHORT_CALLS]
        status, said = self.place.run(command.words, [*before, "--"])
        call = self.report.read_text().strip()
        try:
            if status == 77:
                raise SystemExit(77)
            if status not in (0, 1):
                raise Failure(f"exit status {status}: {said.strip()[-300:]}")
            if status == 1 and sum(line.startswith("sigmoe: ") for line in said.splitlines()) != 1:
                raise Failure(f"not one sentence: {said.strip()[-300:]}")
            if status == 1 and not call:
                raise Failure(f"failed by itself: {said.strip()[-300:]}")
            if status == 1:
                self.place.take_whole(said)
                self.place.go_on(command)
            self.place.check(command)
        except Failure as failure:
            raise Failure(f"{command.name}, {error} at call {n} ({call or 'none'}): {failure}") from None
        return call

    def run(self):
        for command in commands.all_commands():
            self.place.reference(command)
            for error in ("EIO", "short"):
                name = f"{command.name}, {error}"
                n = self.progress.get(name)
                failed = self.progress.get(f"{name}, failed")
                while self.one(command, error, n):
                    n += 1 + (n // self.scale if self.scale else 0)
                    failed += 1
                    self.progress.set(f"{name}, failed", failed)
                    self.progress.set(name, n)
                if not failed:
                    raise Failure(f"{name}: not one call failed")
                print(f"{name}: {failed} calls failed, one at a time", flush=True)


# ---------------------------------------------------------------- kills

class Kills:
    def __init__(self, place, scale, progress):
        self.place, self.scale, self.progress = place, scale, progress
        self.random = random.Random(1)

    def killed(self, words, longest):
        """Whether the command was still running when it was killed."""
        process = self.place.start(words)
        time.sleep(self.random.uniform(0, longest))
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        _, said = process.communicate()
        if process.returncode not in (0, 2, -signal.SIGKILL):  # 2: nothing to resume yet
            raise Failure(f"exit status {process.returncode}: {said.strip()[-300:]}")
        return process.returncode == -signal.SIGKILL

    def some(self, command, longest, most):
        """Kills it at most so often before it may end; how often."""
        self.place.reset(command)
        words, kills = command.words, 0
        while words and kills < most and self.killed(words, longest):
            kills += 1
            words = self.place.next_words(command)
        self.place.go_on(command)
        self.place.check(command)
        return kills

    def run(self):
        all_commands = commands.all_commands()
        longest = {}
        for command in all_commands:
            self.place.reference(command)
            self.place.reset(command)
            begun = time.monotonic()
            self.place.must(*command.words)
            longest[command.name] = time.monotonic() - begun
        while sum(self.progress.get(command.name) for command in all_commands) < self.scale:
            for command in all_commands:
                try:
                    kills = self.some(command, longest[command.name], 4)
                except Failure as failure:
                    raise Failure(f"{command.name}, killed: {failure}") from None
                self.progress.set(command.name, self.progress.get(command.name) + kills)
                print(f"{command.name}: killed {kills} times", flush=True)
        for command in all_commands:
            print(f"{command.name}: killed {self.progress.get(command.name)} times in all", flush=True)


# ---------------------------------------------------------------- soak

class Soak:
    SIGNALS = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129, signal.SIGKILL: -9, signal.SIGUSR1: None}
    GROWTH = 1 << 20  # bytes that a training may grow by after its first quarter

    def __init__(self, place, scale):
        self.place, self.scale = place, scale
        self.random = random.Random(2)

    def words(self, name):
        every = str(max(self.scale // 50, 10))
        return ["train", "--config", "moe.json", "--data", "data", "--out", name, "--batch", "2", "--steps", str(self.scale),
                "--checkpoint-every", every, "--valid-every", every, "--valid-tokens", "60", "--seed", "3"]

    def memory(self, process):
        """Resident bytes by time, while the process runs."""
        found = []
        while process.poll() is None:
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                break
            found += [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS")]
            time.sleep(0.05)
        return found

    def whole(self):
        process = self.place.start(self.words("whole"))
        resident = self.memory(process)
        _, said = process.communicate()
        if process.returncode:
            raise Failure(f"the uninterrupted training: {said.strip()[-300:]}")
        quarter = len(resident) // 4
        growth = max(resident[-quarter:]) - max(resident[quarter:2 * quarter]) if quarter else 0
        print(f"memory of {self.scale} steps: {max(resident) >> 10} KiB, grown by {growth >> 10} KiB", flush=True)
        if growth > self.GROWTH:
            raise Failure(f"memory grew by {growth} bytes")

    def disturb(self, process, often, counts):
        """Sends signals until the process ends; the last one, and what the process said."""
        chosen = signal.SIGUSR1
        while chosen == signal.SIGUSR1:  # it goes on
            try:
                return "no signal", process.communicate(timeout=self.random.uniform(0.05, max(2 * often, 0.6)))[1]
            except subprocess.TimeoutExpired:
                chosen = self.random.choice(list(self.SIGNALS))
                process.send_signal(chosen)
                counts[chosen] += 1
        return chosen.name, process.communicate(timeout=commands.LONGEST)[1]

    def interrupted(self, often):
        """Trains with a signal about once in `often` seconds; how many of each there were."""
        counts = dict.fromkeys(self.SIGNALS, 0)
        words = self.words("torn")
        while True:
            process = self.place.start(words)
            sent, said = self.disturb(process, often, counts)
            if process.returncode == 0:
                return counts
            if process.returncode not in self.SIGNALS.values():
                raise Failure(f"{sent}: exit status {process.returncode}: {said.strip()[-300:]}")
            begun = list((self.place.place / "torn" / "checkpoints").glob("[0-9]*[0-9]"))
            words = ["train", "--resume", "--out", "torn"] if begun else [*self.words("torn"), "--force"]

    def run(self):
        begun = time.monotonic()
        self.whole()
        counts = self.interrupted((time.monotonic() - begun) / 40)
        if sum(counts.values()) < 2:
            raise Failure("the training was hardly interrupted")
        expected = commands.result_of(self.place.place / "whole")
        commands.expect_same(commands.result_of(self.place.place / "torn"), expected)
        model = next(value for name, value in expected.items() if name.endswith(f"{self.scale}/model.safetensors"))
        told = ", ".join(f"{sent.name} {count}" for sent, count in counts.items())
        print(f"{self.scale} steps, {told}: model {model[:16]}, as without", flush=True)


def main():
    if len(sys.argv) not in (5, 6):
        raise SystemExit(__doc__)
    program, faults, part, scale = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    progress = Progress(pathlib.Path(sys.argv[5]).resolve() if len(sys.argv) == 6 else None)
    with tempfile.TemporaryDirectory() as directory:
        try:
            place = commands.Workplace(program, directory)
            parts = {"calls": lambda: Calls(place, faults, scale, progress), "kills": lambda: Kills(place, scale, progress),
                     "soak": lambda: Soak(place, scale)}
            if part not in parts:
                raise SystemExit(__doc__)
            parts[part]().run()
        except Failure as failure:
            raise SystemExit(f"FAILED: {failure}") from None


main()

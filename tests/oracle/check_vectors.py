"""Runs the program on every case and compares it with the oracle. Python's standard library only.

    check_vectors.py path/to/sigmoe [filter]     (filter: a part of the case's name, such as forward/moe-sinkhorn)

One line for each failure; the last line is "N passed, M failed" (cases). The exit status is 0 only if none failed.
"""
import json
import math
import os
import subprocess
import sys
import tempfile

import vector_files

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
TIME_LIMIT_S = 120


def read_json(path):
    with open(path) as file:
        return json.load(file)


def run_program(command):
    """None, or what went wrong."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        return f"ran past {TIME_LIMIT_S} s"
    except OSError as error:
        return str(error)
    if done.returncode:
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        return f"exit status {done.returncode}: {lines[-1] if lines else 'no output'}"
    return None


def place(index, shape):
    """A flat index as [i, j, ...]."""
    parts = []
    for extent in reversed(shape):
        parts.append(index % extent)
        index //= extent
    return parts[::-1]


def compare_tensors(got, expected, tolerance):
    """A list of problems; every tensor must be there, and no other."""
    problems = [f"{name}: missing" for name in expected if name not in got]
    problems += [f"{name}: not expected" for name in got if name not in expected]
    for name, (dtype, shape, values) in expected.items():
        if name not in got:
            continue
        got_dtype, got_shape, got_values = got[name]
        if got_dtype != dtype or got_shape != shape:
            problems.append(f"{name}: {got_dtype} {got_shape}, expected {dtype} {shape}")
            continue
        worst, worst_index = -1.0, None
        for index, (a, b) in enumerate(zip(got_values, values)):
            error = abs(a - b) / (tolerance * (1 + abs(b))) if math.isfinite(a) else math.inf
            if error > worst:
                worst, worst_index = error, index
        limit = 0.0 if dtype == "I32" else 1.0
        if not worst <= limit:
            problems.append(f"{name}{place(worst_index, shape)}: {got_values[worst_index]!r}, expected "
                            f"{values[worst_index]!r} ({worst:.3g} times the tolerance)")
    return problems


def check_forward(program, directory, scratch):
    case = read_json(os.path.join(directory, "case.json"))
    out = os.path.join(scratch, "out.safetensors")
    command = [program, "forward", "--model", directory, "--tokens", os.path.join(directory, "tokens.npy"),
               "--out", out]
    if case["unroll"] is not None:
        command += ["--unroll", str(case["unroll"])]
    if case["memory_segments"] is not None:
        command += ["--memory-segments", str(case["memory_segments"])]
    command += ["--training"] if case["training"] else []
    command += ["--grad"] if case["grad"] else []
    problem = run_program(command)
    if problem:
        return [problem]
    got = vector_files.read_safetensors(out)
    expected = vector_files.read_safetensors(os.path.join(directory, "expected.safetensors"))
    problems = compare_tensors(got, expected, case["tolerance"])
    for name, first, count in case.get("exact_zero", []):
        if name in got and any(value != 0 for value in got[name][2][first:first + count]):
            problems.append(f"{name}: entries {first}..{first + count - 1} must be exactly 0")
    return problems


def compare_metrics(lines, expected, tolerances):
    if len(lines) != len(expected):
        return [f"metrics.jsonl: {len(lines)} lines, expected {len(expected)}"]
    problems = []
    for want, line in zip(expected, lines):
        if line.get("step") != want["step"]:
            problems.append(f"metrics.jsonl: step {line.get('step')!r}, expected {want['step']}")
        for key in ("loss", "reg", "grad_norm", "lr"):
            got = line.get(key)
            limit = tolerances[key] * (abs(want[key]) if key in ("grad_norm", "lr") else 1)
            if not isinstance(got, (int, float)) or not abs(got - want[key]) <= limit:
                problems.append(f"step {want['step']} {key}: {got!r}, expected {want[key]!r}")
    return problems


def check_train(program, directory, scratch):
    case = read_json(os.path.join(directory, "case.json"))
    run = os.path.join(scratch, "run")
    command = [program, "train", "--init", directory, "--data", os.path.join(directory, "data"), "--out", run]
    for flag in ("batch", "unroll", "steps", "lr", "clip", "warmup", "seed"):
        command += ["--" + flag, str(case[flag])]
    problem = run_program(command)
    if problem:
        return [problem]
    with open(os.path.join(run, "metrics.jsonl")) as file:
        lines = [json.loads(line) for line in file]
    problems = compare_metrics(lines, read_json(os.path.join(directory, "expected.json")), case["tolerances"])
    checkpoints = os.path.join(run, "checkpoints")
    steps = [name for name in os.listdir(checkpoints) if name.isdigit()]
    if not steps:
        return problems + ["checkpoints/: no checkpoint"]
    got = vector_files.read_safetensors(os.path.join(checkpoints, max(steps, key=int), "model.safetensors"))
    expected = vector_files.read_safetensors(os.path.join(directory, "expected.safetensors"))
    return problems + compare_tensors(got, expected, case["tolerances"]["weights"])


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    program = os.path.abspath(arguments[0])
    wanted = arguments[1] if len(arguments) == 2 else ""
    passed = failed = 0
    for kind, check in (("forward", check_forward), ("train", check_train)):
        for name in sorted(os.listdir(os.path.join(CASES, kind))):
            case = f"{kind}/{name}"
            if wanted not in case:
                continue
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    problems = check(program, os.path.join(CASES, kind, name), scratch)
                except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                    problems = [f"{type(error).__name__}: {error}"]  # its files are missing or malformed
            for problem in problems:
                print(f"{case}: {problem}", flush=True)
            passed += not problems
            failed += bool(problems)
    if passed + failed == 0:
        print(f"no case matches {wanted!r}")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

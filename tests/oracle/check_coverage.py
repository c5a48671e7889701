"""Fails when a router x regularizer x init combination has no forward case with gradients. Standard library only.

    check_coverage.py path/to/sigmoe

The lists come from the program itself (`sigmoe help config`), so a new router without a case fails here.

A case counts when it runs in training mode with gradients and, where the regularizer is not none, the expected
loss.reg is not 0. Routers without weights (hash, random) have no regularizer: they need only `none`.
"""
import json
import os
import re
import subprocess
import sys

import vector_files

FORWARD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases", "forward")
WITHOUT_WEIGHTS = {"hash", "random"}


def covered():
    found = set()
    for name in os.listdir(FORWARD):
        directory = os.path.join(FORWARD, name)
        with open(os.path.join(directory, "config.json")) as file:
            ff = json.load(file)["ff"]
        with open(os.path.join(directory, "case.json")) as file:
            case = json.load(file)
        if ff["type"] != "moe" or not case["training"] or not case["grad"]:
            continue
        expected = vector_files.read_safetensors(os.path.join(directory, "expected.safetensors"))
        has_gradient = any(key.startswith("grad.layers.") and ".ff.experts." in key for key in expected)
        has_regularizer = expected["loss.reg"][2][0] != 0
        if has_gradient and has_regularizer == (ff["regularizer"] != "none"):
            found.add((ff["router"], ff["regularizer"], ff.get("init", "dense_equivalent")))
    return found


def choices(help_text, key):
    """The values of a key of moe blocks, from `sigmoe help config`: key [moe] meaning (one|two|three; default), on a few lines."""
    entry = re.search(rf"^ *{re.escape(key)} +\[moe\] [^()]*\(([a-z_|\s]+);\s+\w+\)$", help_text, re.MULTILINE)
    if not entry:
        sys.exit(f"check_coverage.py: `sigmoe help config` lists no choices of {key} for moe")
    return "".join(entry.group(1).split()).split("|")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    help_text = subprocess.run([sys.argv[1], "help", "config"], stdout=subprocess.PIPE, text=True, check=True).stdout
    routers, regularizers, inits = (choices(help_text, "ff." + key) for key in ("router", "regularizer", "init"))
    needed = [(router, regularizer, init) for router in routers for regularizer in regularizers
              for init in inits if regularizer == "none" or router not in WITHOUT_WEIGHTS]
    found = covered()
    missing = [combination for combination in needed if combination not in found]
    for router, regularizer, init in missing:
        print(f"no forward case with gradients: router {router}, regularizer {regularizer}, init {init}")
    print(f"{len(needed) - len(missing)} covered, {len(missing)} missing")
    return 0 if needed and not missing else 1


if __name__ == "__main__":
    sys.exit(main())

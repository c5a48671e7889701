"""complete.py SHELL SCRIPT: types command lines into SHELL (bash, zsh or fish), which has read the completion SCRIPT, presses the
tab key, and checks what the command gets. Works in the current directory, which it fills. Prints what is wrong."""
import os
import pty
import re
import subprocess
import sys

SHELL, SCRIPT = sys.argv[1:]
FILES = ["my config.json", "book.txt", "prepared.txt", "bar.npy"]
# What is typed before the tab key, and the words that the command gets then.
CASES = [
    ("comp", ["compare"]),
    ("data pre", ["data", "prepare"]),
    ("bench ker", ["bench", "kernel"]),
    ("help comp", ["help", "compare"]),
    ("help conf", ["help", "config"]),
    ("compare --vari", ["compare", "--variants"]),
    ("info --preset demo --cp", ["info", "--preset", "demo", "--cpu"]),
    ("train --resume --qui", ["train", "--resume", "--quiet"]),
    ("data prepare text book.txt --tok", ["data", "prepare", "text", "book.txt", "--tokenizer"]),
    ("bench figure9 --rep", ["bench", "figure9", "--repetitions"]),
    ("train --preset wt-s-pkm-relu-init-v", ["train", "--preset", "wt-s-pkm-relu-init-value"]),
    ("presets dem", ["presets", "demo"]),
    ("compare --base dem", ["compare", "--base", "demo"]),
    ("compare --variants noi", ["compare", "--variants", "noisy-topk"]),
    ("compare --variants dense,sigma", ["compare", "--variants", "dense,sigma-moe"]),
    ("compare --variants topk:k=64,noi", ["compare", "--variants", "topk:k=64,noisy-topk"]),
    ("train --set ff.n_e", ["train", "--set", "ff.n_experts="]),
    ("eval --split va", ["eval", "--split", "valid"]),
    ("eval --split=va", ["eval", "--split=valid"]),
    ("bench step --recompute no", ["bench", "step", "--recompute", "none"]),
    ("data prepare en", ["data", "prepare", "enwik8"]),
    ("data prepare --force en", ["data", "prepare", "--force", "enwik8"]),
    ("data prepare text bo", ["data", "prepare", "text", "book.txt"]),
    ("data prepare --vocab-size 9 text bo", ["data", "prepare", "--vocab-size", "9", "text", "book.txt"]),
    ("sweep tab4-wt-s-s", ["sweep", "tab4-wt-s-star"]),
    ("sweep bo", ["sweep", "book.txt"]),
    ("bench kernel expert_ffn_", ["bench", "kernel", "expert_ffn_bf16"]),
    ("train --data prep", ["train", "--data", "prepared/"]),  # not the file
    ("analyze prep", ["analyze", "prepared/"]),
    ("train --config my", ["train", "--config", "my config.json"]),
    ("compare --base my", ["compare", "--base", "my config.json"]),
    ("forward --tokens ba", ["forward", "--tokens", "bar.npy"]),
    ("train --steps bo", ["train", "--steps", "bo"]),  # a number: nothing is known
]


def prepare():
    os.makedirs("prepared", exist_ok=True)
    for name in FILES:
        open(name, "w", encoding="utf-8").close()


class Terminal:
    """An interactive shell, in which `sigmoe` prints the words that it gets."""

    START = {
        "bash": (["bash", "--norc", "--noprofile", "-i"], "PS1=; bind 'set enable-bracketed-paste off'; source '{0}'"),
        "zsh": (["zsh", "-f", "-i"], "PS1=; PROMPT_SP=; unsetopt prompt_cr prompt_sp auto_remove_slash; fpath=('{1}' $fpath); "
                "autoload -U compinit; compinit -u -D"),
    }

    def __init__(self, shell, script):
        words, setup = self.START[shell]
        child, self.descriptor = pty.fork()
        if child == 0:
            os.environ.update(TERM="xterm", HISTFILE="/dev/null", LC_ALL="C.UTF-8", INPUTRC="/dev/null")
            os.execvp(words[0], words)
        self.seen = ""
        self.ask(setup.format(script, os.path.dirname(script)) + "; sigmoe() { printf '<%s>' \"$@\" END; }; sigmoe BEGIN", "")

    def ask(self, line, key):
        """The words that the command gets when the line is typed, then the key, then Enter."""
        os.write(self.descriptor, (line + key + "\r").encode())
        while True:
            match = re.search(r"((?:<[^<>]*>)+)<END>", self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return re.findall(r"<([^<>]*)>", match.group(1))
            self.seen += os.read(self.descriptor, 65536).decode("utf-8", "replace")

    def complete(self, typed):
        return self.ask("sigmoe " + typed, "\t")


class Fish:
    """fish tells what it would complete."""

    def __init__(self, _, script):
        self.script = script

    def candidates(self, typed):
        command = f"source '{self.script}'; complete -C 'sigmoe {typed}'"
        output = subprocess.run(["fish", "--no-config", "-c", command], stdout=subprocess.PIPE, text=True, check=True).stdout
        return [line.split("\t")[0] for line in output.splitlines()]

    def complete(self, typed):
        words = typed.split(" ")
        # Since version 4 it lists what only contains the letters, too, but does not write it where something begins with them.
        found = [word for word in self.candidates(typed) if word.startswith(words[-1])]
        return words[:-1] + [found[0].replace("\\ ", " ") if len(found) == 1 else words[-1]]


def main():
    prepare()
    shell = (Fish if SHELL == "fish" else Terminal)(SHELL, SCRIPT)
    wrong = 0
    for typed, expected in CASES:
        got = shell.complete(typed)
        if got != expected:
            print(f"{SHELL}: sigmoe {typed}<tab> gives {got} instead of {expected}")
            wrong += 1
    sys.exit(wrong > 0)


main()

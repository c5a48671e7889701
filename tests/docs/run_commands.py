"""Runs what README.md and docs/guide/*.md tell the reader to type, and checks that they leave nothing out.

    run_commands.py build/sigmoe ROOT

Every line of a ```sh block is run, block by block, in one fresh directory for each document, where build/sigmoe is the
program, book.txt a text, and `python3` may stand in a pipe. Three things differ from what a reader would see:
  * ./run VERB is long: only checked to be a verb of ./run help;
  * what needs the network (data prepare of any kind but text, without a file) is only checked to be a kind that the help names;
  * train, compare and sweep do few steps: --steps becomes 3, and is added where it is missing (but not to --resume);
    bench figure takes few tokens.
The examples of each command's --help are run in the same way, in the order of the commands, in one directory.
Also checked: docs/guide/configuration.md names every key of `sigmoe help config`, docs/guide/comparing.md every variant,
README.md every command. The exit status is 0 only if nothing failed.
"""
import glob
import os
import random
import re
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../oracle"))
import vector_files  # noqa: E402

STEPS = "--steps 3"
TIME_LIMIT_S = 1800  # against what hangs; a busy machine is slow


def blocks(path):
    """(line number, text) of each ```sh block."""
    inside, first, lines = False, 0, []
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        if inside and line.strip() == "```":
            yield first, "".join(lines)
            inside = False
        elif inside:
            lines.append(line)
        elif line.strip() == "```sh":
            inside, first, lines = True, number + 1, []


def commands(text):
    """The logical lines of a block: continuations joined, comments and blank lines left out."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = re.sub(r"\s+#.*$|^#.*$", "", line).rstrip()
        if line:
            yield line


def shortened(command):
    if "sigmoe bench figure" in command:
        return command + " --tokens 16 --repetitions 1"
    if not re.search(r"sigmoe (train|compare|sweep)\b", command) or "--help" in command:
        return command
    if "--steps" in command:
        return re.sub(r"--steps \d+", STEPS, command)
    return command if "--resume" in command else command + " " + STEPS


class Checker:
    def __init__(self, program, root):
        self.program, self.root, self.problems, self.count = os.path.abspath(program), root, [], 0
        self.verbs = set(re.findall(r"^  ([a-z]+) ", self.output([os.path.join(root, "run"), "help"]), re.M))
        self.kinds = self.output([self.program, "data", "prepare", "--help"])

    @staticmethod
    def output(command):
        return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout

    def problem(self, place, text):
        self.problems.append(f"{place}: {text}")

    def check(self, place, command, directory):
        self.count += 1
        for verb in re.findall(r"\./run (\w+)", command):
            if verb not in self.verbs:
                self.problem(place, f"./run has no verb {verb}")
        download = re.search(r"data prepare (gcide|enwik8|wikitext103|c4|pes2o)(?= --)", command)
        if download and not re.search(rf"^  {download.group(1)} ", self.kinds, re.M):
            self.problem(place, f"data prepare knows no {download.group(1)}")
        if "./run " in command or download:
            return
        try:
            done = subprocess.run(["sh", "-euc", shortened(command)], cwd=directory, timeout=TIME_LIMIT_S, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            self.problem(place, f"{command}: ran past {TIME_LIMIT_S} s")
            return
        if done.returncode:
            last = (done.stdout.strip().splitlines() or ["no output"])[-1]
            self.problem(place, f"{command}: exit status {done.returncode}: {last}")

    def run_document(self, path):
        name = os.path.relpath(path, self.root)
        with tempfile.TemporaryDirectory() as directory:
            os.symlink(os.path.dirname(self.program), os.path.join(directory, "build"))
            write_book(os.path.join(directory, "book.txt"))
            for line, text in blocks(path):
                for command in commands(text):
                    self.check(f"{name}:{line}", command, directory)

    def run_examples(self):
        """Of all commands, which are those of `sigmoe help`, and `sigmoe` stands for the program."""
        with tempfile.TemporaryDirectory() as directory:
            os.symlink(self.program, os.path.join(directory, "sigmoe"))
            for book in ("book.txt", "books/first.txt", "books/second.txt", "more/old/third.txt"):
                os.makedirs(os.path.dirname(os.path.join(directory, book)), exist_ok=True)
                write_book(os.path.join(directory, book))
            vector_files.write_npy_int32(os.path.join(directory, "x.npy"), [[1, 2, 3, 4, 5, 6, 7, 8, 9]])
            with open(os.path.join(directory, "prompts.txt"), "w", encoding="utf-8") as file:
                file.write("a\na cabbage o\n")
            for name, line in {"questions.jsonl": '{"context": "a", "continuation": " cabbage"}', "ids.txt": "1 2 3",
                               "documents.jsonl": '{"text": "a cabbage"}'}.items():
                with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                    file.write(line + "\n")
            for name in self.command_names():
                if re.fullmatch(r"bench figure\d+", name) and name != "bench figure2":
                    continue  # the others differ from it in a number
                text = self.output([self.program, *name.split(), "--help"])
                examples = re.findall(r"^      (sigmoe .*)$", re.sub(r" \\\n\s+", " ", text), re.M)
                if not examples:
                    self.problem(f"{name} --help", "shows no example")
                for command in examples:
                    self.check(f"{name} --help", "./" + command, directory)

    def command_names(self):
        overview = self.output([self.program, "help"]).split("help config")[0]
        return [name.strip() for name in re.findall(r"^  (\S+(?: \S+)?)  ", overview, re.M)]

    def names_all(self, document, what, names):
        text = open(os.path.join(self.root, document), encoding="utf-8").read()
        for name in names:
            if f"`{name}`" not in text:
                self.problem(document, f"says nothing of the {what} `{name}`")


def write_book(path):
    """A text large enough for the demo's batches."""
    draw = random.Random(5)
    words = ["".join(draw.choice("abcdefghijklmnop") for _ in range(draw.randint(1, 8))) for _ in range(300)]
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(6000):
            file.write(" ".join(draw.choices(words, k=8)) + ".\n")


def main():
    program, root = sys.argv[1:]
    checker = Checker(program, root)
    documents = [os.path.join(root, "README.md")] + sorted(glob.glob(os.path.join(root, "docs/guide/*.md")))
    for document in documents:
        checker.run_document(document)
    listed = re.compile(r"^  (\S+) ", re.M)
    checker.names_all("docs/guide/configuration.md", "key", listed.findall(checker.output([checker.program, "help", "config"])))
    compare_help = checker.output([checker.program, "compare", "--help"]).split("Variants;")[1].split("\n\n")[0]
    checker.names_all("docs/guide/comparing.md", "variant", listed.findall(compare_help))
    checker.names_all("README.md", "command", ["sigmoe " + name for name in checker.command_names()])
    checker.run_examples()
    if checker.count < 10:
        checker.problem("documents", f"only {checker.count} commands found")
    print("\n".join(checker.problems))
    print(f"{checker.count} commands, {len(checker.problems)} problems")
    sys.exit(bool(checker.problems))


if __name__ == "__main__":
    main()

"""Runs what README.md and docs/guide/*.md tell the reader to type, and checks that they leave nothing out.

    run_commands.py build/sigmoe ROOT [DOCUMENT...]

Blocks are run in the order of the document, in one fresh directory for each, where build/sigmoe is the program, book.txt a
text, texts a directory of them, and `python3` may stand in a pipe: every line of a ```sh block; each ```c block that is a
whole program, with the library of the build; each ```python block, with the checkout's package, but not those of documents
whose blocks need PyTorch, which tests/python/torch runs. Three things differ from what a reader would see:
  * ./run VERB is long: only checked to be a verb of ./run help. What installs the wheel and the Debian packages is not run:
    ./run wheel and ./run test packages do it on systems made for that;
  * what needs the network (data prepare of any kind but text, without a file) is only checked to be a kind that the help
    names;
  * train, compare and sweep do few steps: --steps becomes 3, and is added where it is missing (but not to --resume);
    bench figure takes few tokens, bench step a small batch.
The examples of each command's --help are run in the same way, in the order of the commands, in one directory.
Also checked: docs/guide/configuration.md names every key of `sigmoe help config`, docs/guide/comparing.md every variant,
docs/guide/commands.md every command. The exit status is 0 only if nothing failed.
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
WITH_TORCH = ("python.md", "pytorch.md")
INSTALLS = re.compile(r"^(pip install dist/sigmoe-\*\.whl|sudo apt install \./dist/\S+)$")
TIME_LIMIT_S = 1800  # against what hangs; a busy machine is slow


def blocks(path):
    """(line number, language, text) of each block that has one."""
    language, first, lines = "", 0, []
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        fence = re.fullmatch(r"```(\w*)", line.strip())
        if not fence and language:
            lines.append(line)
        elif fence and language:
            yield first, language, "".join(lines)
            language = ""
        elif fence:
            language, first, lines = fence.group(1), number + 1, []


def commands(text):
    """The logical lines of a block: continuations joined, comments and blank lines left out."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = re.sub(r"\s+#.*$|^#.*$", "", line).rstrip()
        if line:
            yield line


def shortened(command):
    if "sigmoe bench figure" in command:
        return command + " --tokens 16 --repetitions 1"
    if "sigmoe bench step" in command:
        return command + " --batch 2 --steps 2"
    if not re.search(r"sigmoe (train|compare|sweep)\b", command) or "--help" in command:
        return command
    if "--steps" in command:
        return re.sub(r"--steps \d+", STEPS, command)
    return command if "--resume" in command else command + " " + STEPS


class Checker:
    def __init__(self, program, root):
        self.program, self.root, self.problems, self.count = os.path.abspath(program), os.path.abspath(root), [], 0
        self.environment = {"PYTHONPATH": os.path.join(self.root, "python"),
                            "SIGMOE_LIBRARY": os.path.join(os.path.dirname(self.program), "libsigmoe.so")}
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
        if "./run " in command or download or INSTALLS.match(command):
            return
        self.run(place, command, ["sh", "-euc", shortened(command)], directory)

    def run(self, place, name, command, directory):
        """Whether it succeeded."""
        try:
            done = subprocess.run(command, cwd=directory, timeout=TIME_LIMIT_S, text=True,
                                  env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            self.problem(place, f"{name}: ran past {TIME_LIMIT_S} s")
            return False
        if done.returncode:
            lines = done.stdout.strip().splitlines() or ["no output"]
            told = next((line for line in lines if " error: " in line), lines[-1])
            self.problem(place, f"{name}: exit status {done.returncode}: {told}")
        return done.returncode == 0

    def check_c(self, place, text, directory):
        """Compiles the program against the headers of the sources and the library of the build, and runs it."""
        self.count += 1
        library = os.path.dirname(self.program)
        with open(os.path.join(directory, "block.c"), "w", encoding="utf-8") as file:
            file.write(text)
        compiler = ["cc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(self.root, "include"), "block.c",
                    "-L", library, "-lsigmoe", f"-Wl,-rpath,{library}", "-o", "block"]
        if self.run(place, "compiling the program in C", compiler, directory):
            self.run(place, "the program in C", ["./block"], directory)

    def check_python(self, place, text, directory):
        self.count += 1
        self.run(place, "the lines of Python", [self.python_with_numpy(), "-c", text], directory)

    def python_with_numpy(self):
        """The first python3 of PATH may be another one than that whose packages were installed."""
        for python in (sys.executable, "/usr/bin/python3", os.path.join(self.root, ".venv/bin/python3")):
            has_numpy = [python, "-c", "import numpy"]
            if os.path.exists(python) and not subprocess.run(has_numpy, stderr=subprocess.DEVNULL).returncode:
                return python
        return sys.executable

    def run_document(self, path):
        name = os.path.relpath(path, self.root)
        with tempfile.TemporaryDirectory() as directory:
            os.symlink(os.path.dirname(self.program), os.path.join(directory, "build"))
            write_book(os.path.join(directory, "book.txt"))
            for number in range(20):  # enough for whole files in each split
                write_book(os.path.join(directory, f"texts/{number}.txt"), lines=300)
            for line, language, text in blocks(path):
                place = f"{name}:{line}"
                if language == "sh":
                    for command in commands(text):
                        self.check(place, command, directory)
                elif language == "c" and "int main(" in text:
                    self.check_c(place, text, directory)
                elif language == "python" and os.path.basename(path) not in WITH_TORCH:
                    self.check_python(place, text, directory)

    def run_examples(self):
        """Of all commands, which are those of `sigmoe help`, and `sigmoe` stands for the program."""
        with tempfile.TemporaryDirectory() as directory:
            os.symlink(self.program, os.path.join(directory, "sigmoe"))
            for book in ("book.txt", "books/first.txt", "books/second.txt", "more/old/third.txt"):
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

    def conclude(self):
        print("\n".join(self.problems))
        print(f"{self.count} commands and programs, {len(self.problems)} problems")
        sys.exit(bool(self.problems))

    def names_all(self, document, what, names):
        text = open(os.path.join(self.root, document), encoding="utf-8").read()
        for name in names:
            if f"`{name}`" not in text:
                self.problem(document, f"says nothing of the {what} `{name}`")


def write_book(path, lines=2000):
    """A text that is large enough for the demo's batches by default."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    draw = random.Random(5)
    words = ["".join(draw.choice("abcdefghijklmnop") for _ in range(draw.randint(1, 8))) for _ in range(300)]
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(lines):
            file.write(" ".join(draw.choices(words, k=8)) + ".\n")


def main():
    program, root, *chosen = sys.argv[1:]
    checker = Checker(program, root)
    if chosen:
        for document in chosen:
            checker.run_document(os.path.abspath(document))
        checker.conclude()
    documents = [os.path.join(root, "README.md")] + sorted(glob.glob(os.path.join(root, "docs/guide/*.md")))
    for document in documents:
        checker.run_document(document)
    listed = re.compile(r"^  (\S+) ", re.M)
    config_help = checker.output([checker.program, "help", "config"])
    checker.names_all("docs/guide/configuration.md", "key", listed.findall(config_help))
    compare_help = checker.output([checker.program, "compare", "--help"]).split("Variants;")[1].split("\n\n")[0]
    checker.names_all("docs/guide/comparing.md", "variant", listed.findall(compare_help))
    checker.names_all("docs/guide/commands.md", "command", [f"sigmoe {name}" for name in checker.command_names()])
    checker.run_examples()
    if checker.count < 10:
        checker.problem("documents", f"only {checker.count} commands found")
    checker.conclude()


if __name__ == "__main__":
    main()

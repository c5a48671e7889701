"""Texts from models: those of the program, in one piece or in parts."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import sigmoe
from conftest import make_text_model
from sigmoe._library import find_program

LETTERS = b"\n abcdefghi"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_text_model(tmp_path_factory.mktemp("generate") / "model", LETTERS)


@pytest.fixture()
def model(directory: Path) -> sigmoe.Model:
    return sigmoe.Model.load(directory, threads=2)


def program(directory: Path, *words: str) -> str:
    command = [str(find_program()), "generate", "--model", str(directory), "--quiet", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()


SETTINGS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"seed": 3}, ["--seed", "3"]),
    ({"seed": 2**64 - 1, "temperature": 0.5}, ["--seed", str(2**64 - 1), "--temperature", "0.5"]),
    ({"top_k": 2}, ["--top-k", "2"]),
    ({"top_p": 0.4}, ["--top-p", "0.4"]),
    ({"min_p": 0.8}, ["--min-p", "0.8"]),
    ({"repetition_penalty": 40}, ["--repetition-penalty", "40"]),
    ({"context": 0}, ["--context", "0"]),
    ({"do_sample": False, "temperature": 3}, ["--temperature", "0"]),
    ({"stop_strings": "a"}, ["--stop", "a"]),
    ({"stop_strings": ["zzz", b"b"]}, ["--stop", "zzz", "--stop", "b"]),
]


@pytest.mark.parametrize("options, words", SETTINGS, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_the_text_is_the_programs(
    model: sigmoe.Model, directory: Path, options: dict[str, Any], words: list[str]
) -> None:
    expected = program(directory, "-p", "a bad", "-n", "60", *words)
    assert model.generate("a bad", max_new_tokens=60, return_full_text=True, **options) == expected
    assert model.generate(b"a bad", max_new_tokens=60, **options) == expected[5:]


def test_each_setting_has_an_effect(model: sigmoe.Model) -> None:
    texts = [model.generate("a bad", max_new_tokens=60, **options) for options, _ in SETTINGS]
    assert len(set(texts)) == len(texts)


def test_defaults_are_the_programs(model: sigmoe.Model, directory: Path) -> None:
    assert model.generate("a") == program(directory, "-p", "a", "--no-echo")


def test_greedy_takes_what_the_logits_say(model: sigmoe.Model) -> None:
    np = pytest.importorskip("numpy")
    text = model.generate("hid", max_new_tokens=30, do_sample=False, return_full_text=True)
    scores = model.logits([LETTERS.index(letter) for letter in text.encode()])
    assert len(text) == 33
    for i in range(2, 32):
        assert scores[i, LETTERS.index(text[i + 1].encode())] >= np.max(scores[i]) - 1e-5


def test_a_list_is_each_of_its_prompts(model: sigmoe.Model) -> None:
    prompts = ["a bad", "", "hid", "a bad", "cage a fig", "i", "h", "g", "f", "e", "d"]
    together = model.generate(prompts, max_new_tokens=40, seed=5)
    assert together == [model.generate(prompt, max_new_tokens=40, seed=5) for prompt in prompts]
    assert together == model.generate(tuple(prompts), max_new_tokens=40, seed=5, batch_size=1)
    assert together[0] == together[3] and len(set(together)) == len(prompts) - 1
    assert together[1] == model.generate("\n", max_new_tokens=40, seed=5)
    assert model.generate([]) == []


def test_it_ends_before_a_stop_string(model: sigmoe.Model) -> None:
    text = model.generate("a bad", max_new_tokens=60)
    stop = text[20:23]
    assert model.generate("a bad", max_new_tokens=60, stop_strings=stop) == text[: text.index(stop)]
    assert model.generate("a bad", max_new_tokens=60, stop_strings=("zzz", stop)) == text[: text.index(stop)]
    assert model.generate("a bad", max_new_tokens=60, stop_strings=()) == text


def test_a_stream_is_the_text_in_parts(model: sigmoe.Model) -> None:
    parts = list(model.stream("a bad", max_new_tokens=40, seed=2))
    assert len(parts) == 40
    assert "".join(parts) == model.generate("a bad", max_new_tokens=40, seed=2)
    full = "".join(model.stream("a bad", max_new_tokens=40, seed=2, return_full_text=True))
    assert full == "a bad" + "".join(parts)


def test_a_stream_keeps_its_model_until_it_is_closed(model: sigmoe.Model) -> None:
    stream = model.stream("a bad", max_new_tokens=10**12)
    assert model.generate("a", max_new_tokens=1)  # it has not begun
    assert next(stream)
    for use in (model.reset, model.close, lambda: model.generate("a"), lambda: next(model.stream("a"))):
        with pytest.raises(ValueError, match="let its stream end"):
            use()
    stream.close()
    assert model.generate("a", max_new_tokens=1)
    stream = model.stream("a bad", max_new_tokens=10**12)
    assert next(stream)
    del stream
    gc.collect()
    assert model.generate("a", max_new_tokens=1)
    assert not any(thread.name == "sigmoe generate" for thread in threading.enumerate())


def test_bytes_that_make_no_characters(tmp_path: Path) -> None:
    directory = make_text_model(tmp_path / "model", bytes([0, 10, 0x61, 0xA9, 0xC3, 0xFF]))
    model = sigmoe.Model.load(directory)
    text = model.generate(b"a\0", max_new_tokens=300, return_full_text=True)
    assert text.startswith("a\0") and set(text) == set("\0\n\ufffd\u00e9a")
    assert "".join(model.stream(b"a\0", max_new_tokens=300, return_full_text=True)) == text


@pytest.mark.parametrize("dtype", ["bf16", "int8"])
def test_types_are_the_programs(directory: Path, dtype: str) -> None:
    model = sigmoe.Model.load(directory, dtype=dtype)
    expected = program(directory, "-p", "a bad", "-n", "60", "--dtype", dtype, "--no-echo")
    assert model.generate("a bad", max_new_tokens=60) == expected


def test_an_unknown_type_is_refused(directory: Path) -> None:
    with pytest.raises(ValueError, match="`dtype` is 'f16'"):
        sigmoe.Model.load(directory, dtype="f16")


def test_bad_requests(model: sigmoe.Model, model_directory: Path) -> None:
    def refused(kind: type[Exception], words: str, prompt: Any = "a", **options: Any) -> None:
        with pytest.raises(kind, match=words):
            model.generate(prompt, **options)

    refused(sigmoe.Error, r"byte 0x23 \(#\), at offset 1", "a#")
    refused(sigmoe.Error, r"prompt 2: byte 0x23", ["a", "a#"])
    refused(sigmoe.Error, "`temperature` is -1", temperature=-1)
    refused(sigmoe.Error, "`top_p` is 2", top_p=2)
    refused(sigmoe.Error, "`batch` is 9", batch_size=9)
    refused(sigmoe.Error, "an empty `stop`", stop_strings="")
    refused(ValueError, "zero byte", stop_strings=b"a\0b")
    refused(ValueError, "`max_new_tokens` is -1", max_new_tokens=-1)
    refused(ValueError, "`context` is -1", context=-1)
    refused(ValueError, "`seed` is 18446744073709551616", seed=2**64)
    refused(TypeError, "a prompt must be str or bytes, not int", [1])
    refused(TypeError, "a stop string must be str or bytes, not float", stop_strings=[0.5])
    refused(TypeError, "max_tokens", max_tokens=3)
    refused(TypeError, "float", top_k=0.5)
    with pytest.raises(sigmoe.Error, match="byte 0x23"):
        list(model.stream("a#"))
    assert model.generate("a", max_new_tokens=0) == ""
    with pytest.raises(sigmoe.Error, match="no tokenizer") as raised:
        sigmoe.Model.load(model_directory).generate("a")
    assert raised.value.status == 1
    model.close()
    for use in (model.generate, model.stream):
        with pytest.raises(ValueError, match="closed"):
            use("a")
    model.close()


def test_ctrl_c_ends_it(directory: Path) -> None:
    code = (
        "import os, signal, sys, threading, sigmoe\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored under nohup and the like\n"
        "def press():\n"
        "    while not any(thread.name == 'sigmoe generate' for thread in threading.enumerate()):\n"
        "        pass\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "model = sigmoe.Model.load(sys.argv[1], threads=1)\n"
        "try:\n"
        "    threading.Thread(target=press).start()\n"
        "    model.generate('a', max_new_tokens=10**12)\n"
        "except KeyboardInterrupt:\n"
        "    print(len(model.generate('a', max_new_tokens=7)), threading.active_count())\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(directory)], check=True, stdout=subprocess.PIPE, timeout=60)
    assert done.stdout == b"7 1\n"


def test_generating_needs_no_numpy(directory: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['numpy'] = None\n"
        "import sigmoe\n"
        "print(len(sigmoe.Model.load(sys.argv[1]).generate('a', max_new_tokens=7)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(directory)], check=True, stdout=subprocess.PIPE)
    assert done.stdout == b"7\n"

"""Likelihoods and tokens of texts: those of the program, and what the logits say."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

import sigmoe
from conftest import change_config, make_text_model
from sigmoe._library import find_program

np = pytest.importorskip("numpy")

LETTERS = b"\n abcdefghi\xc3"
PAIRS = [
    ("abc", "d"),
    ("abc", "def a bad face"),
    ("", "a bad cab"),
    ("abc", ""),
    ("abc def\nabc", " bad"),
]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_text_model(tmp_path_factory.mktemp("score") / "model", LETTERS)


@pytest.fixture()
def model(directory: Path) -> sigmoe.Model:
    return sigmoe.Model.load(directory, threads=2)


def program(*words: str, text: bytes = b"") -> bytes:
    return subprocess.run([str(find_program()), *words], check=True, input=text, stdout=subprocess.PIPE).stdout


def test_scores_are_the_programs(model: sigmoe.Model, directory: Path) -> None:
    lines = "".join(json.dumps({"context": a, "continuation": b}) + "\n" for a, b in PAIRS)
    printed = program("score", "--model", str(directory), "--in", "-", "--quiet", text=lines.encode())
    wanted = [json.loads(line) for line in printed.splitlines()]
    scores = model.score_all(PAIRS)
    assert [score._asdict() for score in scores] == wanted
    assert [model.score(a, b) for a, b in PAIRS] == scores
    assert model.score("abc", "") == sigmoe.Likelihood(0.0, 0, True)
    assert model.score_all([]) == []


def test_scores_are_what_the_logits_say(model: sigmoe.Model) -> None:
    context, text = "abc de", "fed a bad cab\nfade"
    ids = model.encode(context + text)
    rows = model.logits(ids).astype(float)
    nats = 0.0
    for i in range(len(context), len(ids)):
        nats += math.log(np.exp(rows[i - 1]).sum()) - rows[i - 1, ids[i]]
    score = model.score(context, text)
    assert score.nats == pytest.approx(nats, rel=1e-5) and score.tokens == len(text)
    assert not score.greedy
    assert model.score_text(text).nats == pytest.approx(model.score("\n", text).nats, rel=1e-6)
    assert model.score_text(text).nats / len(text) == pytest.approx(model.loss(model.encode("\n" + text)), rel=1e-5)


@pytest.mark.parametrize("segments", [0, 1, 3])
def test_contexts_share_what_any_memory_keeps(tmp_path: Path, segments: int) -> None:
    directory = make_text_model(tmp_path / "model", LETTERS)
    change_config(directory, memory_segments={"train": 1, "eval": segments})
    model = sigmoe.Model.load(directory, threads=1)
    text = "a bad face fed a big cab\nhid a bed "
    pairs = [(text[:cut], text[cut:end]) for cut in range(1, 36, 3) for end in (cut + 1, 36)]
    scores = model.score_all(pairs)
    assert scores == [model.score(*pair) for pair in pairs]
    for (context, rest), score in zip(pairs, scores):
        ids = model.encode(context + rest)
        rows = model.logits(ids).astype(float)
        nats = sum(math.log(np.exp(rows[i - 1]).sum()) - rows[i - 1, ids[i]] for i in range(len(context), len(ids)))
        assert score.nats == pytest.approx(nats, rel=1e-5)


def test_what_is_generated_greedily_is_greedy(model: sigmoe.Model) -> None:
    text = model.generate("a bad ", max_new_tokens=5, do_sample=False).replace("\ufffd", "\xc3")
    raw = text.encode("latin-1")
    assert model.score("a bad ", raw).greedy
    assert not model.score("a bad ", raw[:-1] + (b"a" if raw[-1:] != b"a" else b"b")).greedy


def test_memory_is_left_alone(model: sigmoe.Model) -> None:
    ids = model.encode("abcdefghi")
    model.logits(ids[:4])
    wanted = model.logits(ids[4:], keep_memory=True)
    model.logits(ids[:4])
    model.score("a", "b")
    np.testing.assert_array_equal(model.logits(ids[4:], keep_memory=True), wanted)


def test_wrong_texts_are_refused(model: sigmoe.Model) -> None:
    with pytest.raises(sigmoe.Error, match='passage 2: "continuation": byte 0x7a'):
        model.score_all([("a", "b"), ("a", "z")])
    with pytest.raises(TypeError, match="a context must be str or bytes"):
        model.score(None, "a")  # type: ignore[arg-type]
    model.close()
    with pytest.raises(ValueError, match="closed"):
        model.score("a", "b")


def test_an_interrupt_ends_the_call(directory: Path) -> None:
    code = """
import os, signal, sys, threading
import sigmoe
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored under nohup and the like
model = sigmoe.Model.load(sys.argv[1], threads=1)
threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
try:
    model.score_text("a bad cab " * 500_000)
except KeyboardInterrupt:
    print("interrupted", model.score("a", "b").tokens)
"""
    done = subprocess.run([sys.executable, "-c", code, str(directory)], stdout=subprocess.PIPE, timeout=60)
    assert done.stdout == b"interrupted 1\n"


def test_tokens_there_and_back(model: sigmoe.Model, directory: Path) -> None:
    ids = model.encode("bad\n")
    assert ids.dtype == np.int32 and ids.tolist() == [3, 2, 5, 0]
    assert model.decode(ids) == "bad\n" and model.tokens("bad\n").tolist() == ids.tolist()
    assert model.decode([11, 2]) == "\ufffda" and model.tokenizer.decode_bytes([11, 2]) == b"\xc3a"
    assert model.encode(b"\xc3a").tolist() == [11, 2]
    assert model.encode("").tolist() == [] and model.decode([]) == "" and model.decode(np.zeros(0, np.int64)) == ""
    with pytest.raises(UnicodeDecodeError):
        model.decode([11], errors="strict")
    tokenizer = sigmoe.Tokenizer.of_model(directory)
    assert tokenizer.vocab_size == 12
    everything = np.arange(12)
    assert tokenizer.decode_bytes(everything) == LETTERS
    with pytest.raises(sigmoe.Error, match="byte 0x7a .*offset 1"):
        model.encode("az")
    for wrong in ([12], [-1], [0, 1, 2**31 - 1]):
        with pytest.raises(sigmoe.Error, match="not one of the vocabulary's 0 to 11"):
            model.decode(wrong)
    with pytest.raises(ValueError, match="shape"):
        model.decode([[1, 2]])


def prepared(directory: Path, *options: str) -> Path:
    text = directory / "text.txt"
    words = ["the", "man", "had", "other", "words", "which", "could", "be", "said", "long"]
    text.write_text("".join(words[(7 * i + i // 10) % 10] + (".\n" if i % 7 == 0 else " ") for i in range(6000)))
    made = subprocess.run(
        [str(find_program()), "data", "prepare", "text", str(text), "--out", str(directory / "data"), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if made.returncode == 2 and b"SIGMOE_PREPARE" in made.stderr:
        pytest.skip("built without data preparation")
    assert made.returncode == 0, made.stderr.decode()
    return directory / "data"


def test_sentencepiece(tmp_path: Path) -> None:
    data = prepared(tmp_path, "--tokenizer", "sentencepiece", "--vocab-size", "60")
    tokenizer = sigmoe.Tokenizer.of_data(data)
    text = "the man said words which could be long."
    ids = tokenizer.encode(text)
    assert 8 <= len(ids) < len(text) and tokenizer.decode(ids) == text
    assert program("tokenize", "--data", str(data), "--text", text).split() == [b"%d" % i for i in ids]
    # A model with these tokens: the pieces of the words decide where a continuation begins.
    model = sigmoe.Model.load(piece_model(tmp_path, data), threads=1)
    before, after = model.score("the man ", "said"), model.score("the man", " said")
    assert before == after and before.tokens == len(model.encode("the man said")) - len(model.encode("the man"))
    joined = model.encode("the man could")
    assert model.score("the man cou", "ld").tokens >= 1
    assert model.score("", "the man could").tokens == len(joined)
    assert model.decode(joined) == "the man could"


def piece_model(directory: Path, data: Path) -> Path:
    config = directory / "config.json"
    size = json.loads((data / "meta.json").read_text())["vocab_size"]
    config.write_text(
        json.dumps(
            {
                "model_type": "sigmoe", "version": 1, "vocab_size": size, "d_model": 16, "n_layers": 1, "n_heads": 2,
                "d_head": 8, "dropout": 0.1, "unroll": 8, "memory_segments": {"train": 1, "eval": 1},
                "tokenizer": {"type": "none"}, "ff": {"type": "dense", "d_ff": 24},
            }
        )
    )  # fmt: skip
    run = directory / "run"
    program("train", "--config", str(config), "--data", str(data), "--out", str(run), "--steps", "0", "--batch", "2")
    return run

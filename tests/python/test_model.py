"""Models: what the library computes arrives as arrays."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import sigmoe
from conftest import change_config, make_model

np = pytest.importorskip("numpy")


@pytest.fixture()
def model(model_directory: Path) -> sigmoe.Model:
    return sigmoe.Model.load(model_directory, threads=1)


def some_tokens(*shape: int) -> Any:
    return np.random.default_rng(1).integers(0, 11, shape).astype(np.int32)


def test_logits_have_a_row_for_each_token(model: sigmoe.Model) -> None:
    tokens = some_tokens(3, 20)
    scores = model.logits(tokens)
    assert scores.shape == (3, 20, 11) and scores.dtype == np.float32
    for row in range(3):
        np.testing.assert_allclose(model.logits(tokens[row]), scores[row], atol=1e-5)
    assert np.abs(scores[0] - scores[1]).max() > 1e-3


def test_logits_depend_on_earlier_tokens_alone(model: sigmoe.Model) -> None:
    tokens = some_tokens(20)
    changed = tokens.copy()
    changed[12] = (changed[12] + 1) % 11
    before, after = model.logits(tokens), model.logits(changed)
    np.testing.assert_array_equal(before[:12], after[:12])
    assert np.abs(before[12:] - after[12:]).max() > 1e-4


def test_a_call_begins_a_text_unless_the_memory_is_kept(model: sigmoe.Model) -> None:
    tokens = some_tokens(24)
    whole = model.logits(tokens)
    model.logits(tokens[:8])
    np.testing.assert_array_equal(model.logits(tokens[8:], keep_memory=True), whole[8:])
    assert np.abs(model.logits(tokens[8:]) - whole[8:]).max() > 1e-4


def test_loss_is_the_mean_of_what_the_logits_say(model: sigmoe.Model) -> None:
    tokens = some_tokens(2, 30)
    scores, nats = model.logits(tokens).astype(float), []
    for row in range(2):
        for i in range(29):
            total = math.log(sum(math.exp(s) for s in scores[row, i]))
            nats.append(total - scores[row, i, tokens[row, i + 1]])
    assert model.loss(tokens) == pytest.approx(sum(nats) / len(nats), rel=1e-6)


def test_kinds_of_arrays_are_read_alike(model: sigmoe.Model) -> None:
    class Capsule:
        """An array that only speaks DLPack."""

        def __init__(self, array: Any) -> None:
            self.array = array

        def __dlpack__(self, **options: Any) -> Any:
            return self.array.__dlpack__()

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

    tokens = some_tokens(9)
    wanted = model.logits(tokens)
    for other in (tokens.tolist(), tokens.astype(np.int64), np.repeat(tokens, 2)[::2], Capsule(tokens)):
        np.testing.assert_array_equal(model.logits(other), wanted)


def test_int32_is_not_copied() -> None:
    from sigmoe import _arrays

    tokens = some_tokens(2, 5)
    assert _arrays.token_ids(tokens).ctypes.data == tokens.ctypes.data
    assert _arrays.token_ids(tokens[:, ::2]).tolist() == tokens[:, ::2].tolist()


def test_out_is_written_in_place(model: sigmoe.Model) -> None:
    tokens = some_tokens(9)
    out = np.zeros((9, 11), np.float32)
    assert model.logits(tokens, out=out) is out
    np.testing.assert_array_equal(out, model.logits(tokens))
    for wrong in (np.zeros((9, 12), np.float32), np.zeros((9, 11)), np.zeros((9, 22), np.float32)[:, ::2]):
        with pytest.raises(ValueError, match="`out` must be contiguous float32"):
            model.logits(tokens, out=wrong)


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        ([[[1]]], "shape"),
        ([1.5], "whole numbers"),
        ([2**40], "does not fit"),
        ([11], "token 11"),
        ([-1], "token -1"),
    ],
)
def test_wrong_tokens_are_refused(model: sigmoe.Model, tokens: Any, sentence: str) -> None:
    with pytest.raises((ValueError, TypeError, sigmoe.Error), match=sentence):
        model.logits(tokens)


def test_a_loss_needs_two_tokens_of_the_vocabulary(model: sigmoe.Model) -> None:
    with pytest.raises(ValueError, match="2 tokens"):
        model.loss([1])
    with pytest.raises(ValueError, match="0 to 10"):
        model.loss([1, 11])


def test_tokens_of_a_text_are_places_in_the_alphabet(model: sigmoe.Model, tmp_path: Path) -> None:
    assert model.config["tokenizer"] == {"type": "none"}
    with pytest.raises(sigmoe.Error, match="no tokenizer"):
        model.tokens("abc")
    directory = make_model(tmp_path / "bytes", vocab_size="4", d_model="32", n_layers="1")
    change_config(directory, tokenizer={"type": "bytes", "alphabet": [10, 97, 98, 195]})
    of_bytes = sigmoe.Model.load(directory)
    assert of_bytes.tokens("ba\n").tolist() == [2, 1, 0]
    assert of_bytes.tokens(b"\xc3").tolist() == [3]
    with pytest.raises(sigmoe.Error, match="byte 0x63 .*offset 1"):
        of_bytes.tokens("ac")


def test_a_closed_model_cannot_be_used(model: sigmoe.Model) -> None:
    model.close()
    model.close()
    with pytest.raises(ValueError, match="closed"):
        model.logits([1])

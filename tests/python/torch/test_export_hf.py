"""`sigmoe export --format hf`: what transformers loads computes what the program does, and is still a model of ours."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import engine
import pytest
import torch
from random_models import ALPHABET, FEEDFORWARDS, save
from torch import Tensor

from sigmoe.torch import TransformerXL
from sigmoe.torch.safetensors import SafetensorsFile

transformers = pytest.importorskip("transformers")
LENGTH = 27  # with segments of 5 and a memory of 10 tokens, the last of them see neither the first nor whole segments


@pytest.fixture(scope="module", autouse=True)
def own_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Exported code is copied before it runs: to here, rather than to the user's directory."""
    from transformers import dynamic_module_utils

    place = str(tmp_path_factory.mktemp("modules"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", place)
        patch.syspath_prepend(place)
        yield


def export(model: Path, out: Path, *more: Any) -> Path:
    engine.run("export", "--model", model, "--format", "hf", "--out", out, *more)
    return out


def load(directory: Path) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(directory, trust_remote_code=True).eval()


def program_logits(model: Path, tokens: Tensor, tmp_path: Path) -> Tensor:
    """tokens [B, n] -> [B, n, V]"""
    rows = torch.cat([tokens, tokens[:, :1]], dim=1)
    engine.write_npy(tmp_path / "x.npy", rows)
    engine.run("forward", "--threads", 1, "--model", model, "--tokens", tmp_path / "x.npy", "--out", tmp_path / "y")
    return SafetensorsFile(tmp_path / "y").tensor("logits").clone()


def draw_tokens(batch: int = 2, length: int = LENGTH) -> Tensor:
    torch.manual_seed(2)
    return torch.randint(0, len(ALPHABET), (batch, length))


def near(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", FEEDFORWARDS)
@torch.no_grad()
def test_logits_and_texts_are_the_programs(name: str, tmp_path: Path) -> None:
    model = save(tmp_path / "model", FEEDFORWARDS[name])
    exported = export(model, tmp_path / f"hf-{name}")
    hf, tokens = load(exported), draw_tokens()
    expected = program_logits(model, tokens, tmp_path)
    near(hf(tokens).logits, expected)
    # In pieces, with what the cache keeps of earlier ones; and padded at the left.
    cache, pieces = transformers.DynamicCache(), []
    for piece in tokens.split([7, 1, 12, 1, 6], dim=1):
        pieces.append(hf(piece, past_key_values=cache).logits)
    near(torch.cat(pieces, dim=1), expected)
    padded = torch.cat([torch.zeros(2, 3, dtype=torch.long), tokens], dim=1)
    mask = torch.ones_like(padded)
    mask[:, :3] = 0
    near(hf(padded, attention_mask=mask).logits[:, 3:], expected)
    # The most probable tokens, until what is seen no longer begins with the prompt.
    prompt = "the\nb"
    ours = engine.run("generate", "--model", model, "-p", prompt, "-n", 30, "--temperature", 0, "--json", "--threads", 1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported, trust_remote_code=True)
    ids = tokenizer(prompt, return_tensors="pt")
    theirs = hf.generate(**ids, max_new_tokens=30, do_sample=False)[0, len(prompt) :]
    assert tokenizer.decode(theirs) == json.loads(ours)["text"]


def test_it_is_a_model_of_ours(tmp_path: Path) -> None:
    model = save(tmp_path / "model", FEEDFORWARDS["hash"])
    exported, tokens = export(model, tmp_path / "hf"), draw_tokens()
    assert torch.equal(program_logits(exported, tokens, tmp_path), program_logits(model, tokens, tmp_path))
    ours = TransformerXL.from_pretrained(model)
    assert TransformerXL.from_pretrained(exported).config == ours.config
    export(exported, tmp_path / "again")
    for file in exported.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_byte_tokenizer(tmp_path: Path) -> None:
    """Ids are those of the alphabet, for every byte."""
    everything = list(range(256))
    model = save(
        tmp_path / "model", FEEDFORWARDS["dense"], vocab_size=256, tokenizer={"type": "bytes", "alphabet": everything}
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(export(model, tmp_path / "hf"), trust_remote_code=True)
    text = "".join(map(chr, range(1, 0x250))) + "  two  spaces \r\n\n é € 😀"
    assert tokenizer(text).input_ids == list(text.encode())
    assert tokenizer.decode(list(text.encode())) == text
    some = save(tmp_path / "some", FEEDFORWARDS["dense"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(export(some, tmp_path / "hf2"), trust_remote_code=True)
    assert tokenizer("bé the").input_ids == [sorted(ALPHABET).index(byte) for byte in "bé the".encode()]


def test_beams_loss_and_batches(tmp_path: Path) -> None:
    hf = load(export(save(tmp_path / "model", FEEDFORWARDS["sigmoid"]), tmp_path / "hf"))
    tokens = draw_tokens()
    out = hf(tokens, labels=tokens)
    nats = -torch.log_softmax(out.logits[:, :-1], -1).gather(-1, tokens[:, 1:, None])
    torch.testing.assert_close(out.loss, nats.mean())
    beams = hf.generate(tokens[:, :6], max_new_tokens=20, num_beams=3, do_sample=False)
    assert beams.shape == (2, 26)
    alone = hf.generate(tokens[1:, :3], max_new_tokens=20, do_sample=False)
    padded = torch.cat([tokens[:1, :6], torch.cat([tokens[1:, 3:6] * 0, tokens[1:, :3]], 1)])
    mask = torch.tensor([[1] * 6, [0] * 3 + [1] * 3])
    both = hf.generate(padded, attention_mask=mask, max_new_tokens=20, do_sample=False)
    assert torch.equal(both[1, 6:], alone[0, 3:])


def test_saved_by_transformers(tmp_path: Path) -> None:
    hf, tokens = load(export(save(tmp_path / "model", FEEDFORWARDS["pkm"]), tmp_path / "hf")), draw_tokens()
    hf.save_pretrained(tmp_path / "saved")
    again = load(tmp_path / "saved")
    assert torch.equal(again(tokens).logits, hf(tokens).logits)
    half = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf", trust_remote_code=True, dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    assert (half(tokens).logits.float() - hf(tokens).logits).abs().max() < 0.5


def test_pieces(tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    text = "\n".join(f"the cat {i} sat on mat {i * 7 % 31}; it was {i % 5}" for i in range(200)) + "\n"
    (tmp_path / "book.txt").write_text(text)
    data = ("--tokenizer", "sentencepiece", "--vocab-size", 60, "--out", tmp_path / "data")
    engine.run("data", "prepare", "text", tmp_path / "book.txt", *data)
    size = json.loads((tmp_path / "data" / "meta.json").read_text())["vocab_size"]
    model = save(tmp_path / "model", FEEDFORWARDS["dense"], vocab_size=size, tokenizer={"type": "sentencepiece"})
    (model / "tokenizer.model").write_bytes((tmp_path / "data" / "tokenizer.model").read_bytes())
    exported = export(model, tmp_path / "hf")
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported, trust_remote_code=True)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(model / "tokenizer.model"))
    for sample in ("the cat 17", "mat", "it was  2; the", "on mat zzz"):
        assert tokenizer(sample).input_ids == pieces.encode(sample)
    assert tokenizer.decode(tokenizer("the cat 17").input_ids) == "the cat 17"
    tokenizer.save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved" / "tokenizer.model").read_bytes() == (model / "tokenizer.model").read_bytes()


def test_mistakes(tmp_path: Path) -> None:
    def refusal(*arguments: Any) -> str:
        done = subprocess.run([engine.PROGRAM, "export", *map(str, arguments)], capture_output=True, text=True, timeout=60)
        assert done.returncode in (1, 2) and done.stderr.count("\n") == 1
        return done.stderr

    model = save(tmp_path / "model", FEEDFORWARDS["dense"])
    out = export(model, tmp_path / "hf")
    assert "--force" in refusal("--model", model, "--out", out)
    export(model, out, "--force")
    assert "the model" in refusal("--model", model, "--out", model, "--force")
    assert "hf" in refusal("--model", model, "--out", tmp_path / "x", "--format", "gguf")
    assert not (tmp_path / "x").exists()
    (model / "model.safetensors").write_bytes(b"no weights")
    assert "model.safetensors" in refusal("--model", model, "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists() and not (tmp_path / "x.partial").exists()

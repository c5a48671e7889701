"""Training in torch against the program's: examples/train_torch.py, on one process and on two, and its parts."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import engine
import pytest
import torch

from sigmoe.torch import TransformerXL
from sigmoe.torch.safetensors import SafetensorsFile, write_tensors
from sigmoe.torch.tokens import TokenStreams
from sigmoe.torch.training_state import read_training_state

SCRIPT = engine.ROOT / "examples" / "train_torch.py"
ORACLE = sorted((engine.CASES / "train").iterdir())
TEXT = [(i * i + i // 7) % 9 for i in range(400)]
SETTINGS = ["--lr", "0.01", "--clip", "0.5", "--warmup", "2"]
CONFIG: dict[str, Any] = {
    "vocab_size": 9,
    "d_model": 16,
    "n_layers": 2,
    "n_heads": 2,
    "d_head": 8,
    "unroll": 20,
    "ff": {
        "type": "moe",
        "n_experts": 4,
        "expert_size": 8,
        "k": 2,
        "router": "sinkhorn",
        "regularizer": "entropy",
        "regularizer_weight": 0.01,
    },
}


def train(*arguments: Any, ranks: int = 1) -> list[dict[str, float]]:
    """Runs the example; returns its lines."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks > 1 else []
    done = subprocess.run(
        [sys.executable, *launcher, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=engine.ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_same_curve(got: list[dict[str, float]], expected: list[dict[str, float]], tolerance: float = 2e-4) -> None:
    assert [line["step"] for line in got] == [line["step"] for line in expected]
    for ours, theirs in zip(got, expected):
        for key in ("loss", "reg", "grad_norm", "lr"):
            assert ours[key] == pytest.approx(theirs[key], rel=tolerance, abs=tolerance * 1e-2), (ours, theirs)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data, of which an epoch has 4 steps of 4 x 20 tokens; a run of 3 steps, and the same run resumed to 10."""
    place = tmp_path_factory.mktemp("training")
    torch.manual_seed(1)
    TransformerXL(**CONFIG).save_pretrained(place / "model")
    engine.write_data(place / "data", 9, TEXT)
    engine.run(
        "train",
        "--init",
        place / "model",
        "--data",
        place / "data",
        "--out",
        place / "run",
        "--batch",
        4,
        "--steps",
        3,
        "--weight-decay",
        0.1,
        *SETTINGS,
    )
    shutil.copytree(place / "run", place / "resumed")
    engine.run("train", "--resume", "--out", place / "resumed", "--steps", 10)
    return place


def metrics(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_goes_on_as_in_the_program(place: Path, tmp_path: Path) -> None:
    got = train("--init", place / "run", "--data", place / "data", "--steps", 7, "--out", tmp_path / "model")
    assert_same_curve(got, metrics(place / "resumed")[3:])
    ours, theirs = (TransformerXL.from_pretrained(path) for path in (tmp_path / "model", place / "resumed"))
    for (name, a), b in zip(ours.state_dict().items(), theirs.state_dict().values()):
        torch.testing.assert_close(a, b, rtol=2e-3, atol=2e-3, msg=lambda m: f"{name}: {m}")
    scores = [
        json.loads(engine.run("eval", "--model", path, "--data", place / "data", "--json"))["nats_per_token"]
        for path in (tmp_path / "model", place / "resumed")
    ]
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)


def test_two_processes_train_as_one(place: Path, tmp_path: Path) -> None:
    got = train("--init", place / "run", "--data", place / "data", "--steps", 7, "--out", tmp_path / "model", ranks=2)
    assert_same_curve(got, metrics(place / "resumed")[3:])
    engine.run("eval", "--model", tmp_path / "model", "--data", place / "data")


def test_a_model_begins_at_step_0(place: Path, tmp_path: Path) -> None:
    options = ["--data", place / "data", "--steps", 10, "--batch", 4, *SETTINGS]
    engine.run("train", "--init", place / "model", "--out", tmp_path / "run", *options)
    assert_same_curve(train("--init", place / "model", *options), metrics(tmp_path / "run"))


def test_another_batch_begins_the_data_anew(place: Path) -> None:
    got = train("--init", place / "run", "--data", place / "data", "--steps", 2, "--batch", 2, "--schedule", "constant")
    assert [line["lr"] for line in got] == [0.01, 0.01]
    model = TransformerXL.from_pretrained(place / "run").train()
    inputs, targets, _ = TokenStreams(place / "data", "train", batch=2, unroll=20, vocab_size=9).segment(0)
    assert got[0]["loss"] == pytest.approx(model(inputs, None, targets).loss.item(), rel=1e-5)


def test_bf16(place: Path) -> None:
    got = train("--init", place / "run", "--data", place / "data", "--steps", 3, "--dtype", "bf16")
    expected = metrics(place / "resumed")[3:6]
    for ours, theirs in zip(got, expected):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=0.02)
        assert ours["loss"] != theirs["loss"]


@pytest.mark.parametrize("directory", ORACLE, ids=lambda path: path.name)
def test_oracle(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The oracle's trainings: the script's main in this process."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import train_torch

    case = json.loads((directory / "case.json").read_text())
    model = shutil.copytree(directory, tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "unroll": case["unroll"]}))
    options = [
        part for key in ("batch", "steps", "lr", "clip", "warmup", "seed") for part in ("--" + key, str(case[key]))
    ]
    monkeypatch.setattr(
        sys,
        "argv",
        [
            str(SCRIPT),
            "--init",
            str(model),
            "--data",
            str(directory / "data"),
            "--out",
            str(tmp_path / "out"),
            *options,
        ],
    )
    train_torch.main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = json.loads((directory / "expected.json").read_text())
    assert len(lines) == len(expected)
    for got, want in zip(lines, expected):
        for key, tolerance in case["tolerances"].items():
            if key != "weights":
                assert abs(got[key] - want[key]) <= tolerance * (abs(want[key]) if key in ("grad_norm", "lr") else 1), (
                    got,
                    want,
                )
    weights, trained = (
        SafetensorsFile(directory / "expected.safetensors"),
        TransformerXL.from_pretrained(tmp_path / "out"),
    )
    for name, value in trained.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(
                value, weights.tensor(name), rtol=case["tolerances"]["weights"], atol=case["tolerances"]["weights"]
            )


def test_regularizers_and_sinkhorn_see_all_ranks(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            "2",
            str(Path(__file__).with_name("two_ranks.py")),
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        env=engine.ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rank0", "rank1"]


# ---------------------------------------------------------------- mistakes


def test_a_batch_that_cannot_be_shared(place: Path) -> None:
    with pytest.raises(AssertionError, match="a batch of 3 cannot be shared evenly by 2 processes"):
        train("--init", place / "model", "--data", place / "data", "--steps", 1, "--batch", 3, ranks=2)


@pytest.mark.parametrize(
    "edit, pattern",
    [
        (lambda state: state.pop("moment1.head.bias"), "'moment1.head.bias' is missing"),
        (lambda state: state.update({"moment2.head.bias": torch.zeros(3)}), "'moment2.head.bias' has shape"),
        (lambda state: state.pop("memory.1"), "'memory.1' is missing"),
        (lambda state: state.update({"memory.1": state["memory.1"][1:].clone()}), "'memory.1' has shape"),
        (lambda state: state.update(more=torch.zeros(1)), "no place for the tensor 'more'"),
    ],
)
def test_damaged_states(place: Path, tmp_path: Path, edit: Any, pattern: str) -> None:
    run = shutil.copytree(place / "run", tmp_path / "run")
    (checkpoint,) = (run / "checkpoints").iterdir()
    model = TransformerXL.from_pretrained(run)
    state = read_training_state(run, model)
    assert state is not None and state.step == 3 and state.settings["batch"] == 4 and state.memory is not None
    assert state.memory.shape == (2, 4, 20, 16)
    path = checkpoint / "trainer.safetensors"
    file = SafetensorsFile(path)
    tensors = {name: file.tensor(name).clone() for name in file.entries}
    edit(tensors)
    with open(path, "wb") as out:
        write_tensors(out, tensors)
    with pytest.raises(ValueError, match="trainer.safetensors is not as it was written"):
        read_training_state(run, model)
    counters = json.loads((checkpoint / "trainer.json").read_text())
    (checkpoint / "trainer.json").write_text(json.dumps({**counters, "version": 1}))  # as of before there were sums
    (checkpoint / "manifest.json").unlink()
    with pytest.raises(ValueError, match=pattern):
        read_training_state(run, model)


def test_a_model_directory_has_no_state(place: Path) -> None:
    assert read_training_state(place / "model", TransformerXL.from_pretrained(place / "model")) is None


# ---------------------------------------------------------------- tokens


def test_streams(tmp_path: Path) -> None:
    engine.write_data(tmp_path / "data", 9, list(range(9)) * 3)  # 26 // 3 = 8 tokens a stream, 2 segments of 3
    streams = TokenStreams(tmp_path / "data", "train", batch=3, unroll=3, vocab_size=9)
    inputs, targets, new_epoch = streams.segment(1)
    assert inputs.tolist() == [[3, 4, 5], [2, 3, 4], [1, 2, 3]] and targets.tolist() == [
        [4, 5, 6],
        [3, 4, 5],
        [2, 3, 4],
    ]
    assert not new_epoch and streams.segment(2)[2] and torch.equal(streams.segment(2)[0], streams.segment(0)[0])
    own = TokenStreams(tmp_path / "data", "train", batch=3, unroll=3, vocab_size=9, streams=range(1, 3))
    assert torch.equal(own.segment(1)[0], inputs[1:])


def test_split_shards_and_wide_tokens(tmp_path: Path) -> None:
    parts = [[1, 2, 3], [70000], [5, 6, 7, 8]]
    for number, part in enumerate(parts):
        header = struct.pack("<256i", 20240801, 7, len(part), *[0] * 253)
        (tmp_path / f"train_{number:06d}.bin").write_bytes(header + struct.pack(f"<{len(part)}I", *part))
    streams = TokenStreams(tmp_path, "train", batch=1, unroll=7, vocab_size=70001)
    assert streams.segment(0)[0].tolist() == [[1, 2, 3, 70000, 5, 6, 7]]
    assert streams.segment(0)[1].tolist() == [[2, 3, 70000, 5, 6, 7, 8]]
    with pytest.raises(ValueError, match="the data has a token 70000, the model knows 70000"):
        TokenStreams(tmp_path, "train", batch=1, unroll=7, vocab_size=70000).segment(0)


def test_large_short_tokens(tmp_path: Path) -> None:
    engine.write_shard(tmp_path / "train.bin", [65535, 0, 40000])
    assert TokenStreams(tmp_path, "train", batch=1, unroll=2, vocab_size=65536).segment(0)[1].tolist() == [[0, 40000]]


@pytest.mark.parametrize(
    "raw, pattern",
    [
        (b"", "with 0 bytes it is too short"),
        (b"\0" * 2000, "magic 0 and version 0 are not those"),
        (struct.pack("<256i", 20240520, 7, *[0] * 254), "magic 20240520 and version 7 are not those"),
        (struct.pack("<256i", 20240520, 1, 10, *[0] * 253), "1024 bytes do not hold a header and 10 tokens"),
        (struct.pack("<256i", 20240520, 1, -1, *[0] * 253), "1024 bytes do not hold a header and -1 tokens"),
    ],
)
def test_damaged_shards(tmp_path: Path, raw: bytes, pattern: str) -> None:
    (tmp_path / "train.bin").write_bytes(raw)
    with pytest.raises(ValueError, match=pattern):
        TokenStreams(tmp_path, "train", batch=1, unroll=2, vocab_size=9)


def test_no_shards(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="neither train.bin nor train_000000.bin"):
        TokenStreams(tmp_path, "train", batch=1, unroll=2, vocab_size=9)
    engine.write_shard(tmp_path / "train.bin", [1, 2, 3])
    with pytest.raises(ValueError, match=re.escape("3 tokens in 2 streams give fewer than 2 a stream")):
        TokenStreams(tmp_path, "train", batch=2, unroll=2, vocab_size=9)

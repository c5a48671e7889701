"""lm-evaluation-harness with the model ``sigmoe``: its own command line gives the figures that our scores make."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sigmoe
from conftest import make_text_model

pytest.importorskip("lm_eval")

TASKS = Path(__file__).parent / "harness"
LETTERS = b"\n abcdefghi"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_text_model(tmp_path_factory.mktemp("lm_eval") / "model", LETTERS)


@pytest.fixture(scope="module")
def model(directory: Path) -> sigmoe.Model:
    return sigmoe.Model.load(directory, threads=1)


@pytest.fixture(scope="module")
def results(directory: Path, model: sigmoe.Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the harness says of all three tasks, without a network."""
    place = tmp_path_factory.mktemp("harness")
    for file in TASKS.iterdir():
        shutil.copy(file, place)
    # Of two answers one is what the model generates.
    questions, answers = ["a bad ", "i hid "], []
    for i, question in enumerate(questions):
        text = model.generate(question, max_new_tokens=6, do_sample=False, stop_strings="\n")
        answers.append(text if i == 0 else text + "a")
    lines = [json.dumps({"question": q, "answer": a}) + "\n" for q, a in zip(questions, answers)]
    (place / "generated.jsonl").write_text("".join(lines))
    environment = {**os.environ, "HF_HOME": str(place / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    environment["PYTHONPATH"] = str(Path(sigmoe.__file__).parents[1])  # beside this file is a folder named torch
    command = [sys.executable, "-m", "sigmoe.lm_eval", "--model", "sigmoe"]
    command += ["--model_args", f"pretrained={directory},threads=1", "--include_path", str(place)]
    command += ["--tasks", "sigmoe_choice,sigmoe_document,sigmoe_generated"]
    command += ["--output_path", str(place / "out"), "--log_samples"]
    done = subprocess.run(command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
    assert done.returncode == 0, done.stdout.decode()
    (file,) = (place / "out").rglob("results_*.json")
    found: dict[str, Any] = json.loads(file.read_text())["results"]
    for file in (place / "out").rglob("samples_*.jsonl"):
        task = file.name[len("samples_") :].rsplit("_", 1)[0]
        found[task]["samples"] = [json.loads(line) for line in file.read_text().splitlines()]
    return found


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (TASKS / name).read_text().splitlines()]


def test_likelihoods_of_choices(results: dict[str, Any], model: sigmoe.Model) -> None:
    right = 0
    samples = {sample["doc_id"]: sample for sample in results["sigmoe_choice"]["samples"]}
    for i, item in enumerate(lines("choice.jsonl")):
        scores = [model.score(item["question"], " " + choice) for choice in item["choices"]]
        nats = [score.nats for score in scores]
        right += nats.index(min(nats)) == item["answer"]
        answers = [float(answer[0][0]) for answer in samples[i]["resps"]]
        assert answers == pytest.approx([-n for n in nats], rel=1e-6)
        assert [str(answer[0][1]) for answer in samples[i]["resps"]] == [str(score.greedy) for score in scores]
    assert results["sigmoe_choice"]["acc,none"] == pytest.approx(right / 4)


def test_likelihoods_of_documents(results: dict[str, Any], model: sigmoe.Model) -> None:
    pages = [item["page"] for item in lines("document.jsonl")]
    nats = sum(model.score_text(page).nats for page in pages)
    size, words = sum(map(len, pages)), sum(len(page.split()) for page in pages)
    found = results["sigmoe_document"]
    assert found["bits_per_byte,none"] == pytest.approx(nats / math.log(2) / size, rel=1e-6)
    assert found["byte_perplexity,none"] == pytest.approx(math.exp(nats / size), rel=1e-6)
    assert found["word_perplexity,none"] == pytest.approx(math.exp(nats / words), rel=1e-6)


def test_texts_are_generated_until_they_stop(results: dict[str, Any]) -> None:
    assert results["sigmoe_generated"]["exact_match,none"] == pytest.approx(0.5)


def test_settings_of_generation() -> None:
    from sigmoe.lm_eval import _generation

    greedy = {"max_new_tokens": 256, "stop_strings": [], "do_sample": False, "temperature": 1.0}
    assert _generation({}) == greedy
    assert _generation({"until": "x", "max_gen_toks": 3}) == {**greedy, "max_new_tokens": 3, "stop_strings": ["x"]}
    assert _generation({"do_sample": False, "temperature": 0.7, "until": ["", "a"]})["do_sample"] is False
    sampled = {**greedy, "do_sample": True, "temperature": 0.7, "top_k": 3}
    assert _generation({"temperature": 0.7, "top_k": 3}) == sampled
    assert _generation({"do_sample": True}) == {**greedy, "do_sample": True}
    with pytest.raises(ValueError, match="'beams'"):
        _generation({"beams": 3})

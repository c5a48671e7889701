"""Hugging Face's models with experts_implementation="sigmoe" beside their own eager experts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

transformers = pytest.importorskip("transformers")

import sigmoe.transformers  # noqa: E402, F401

SMALL = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "use_cache": False,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
ROUTED = {"n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
FAMILIES: dict[str, dict[str, Any]] = {
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen2_moe": {
        "num_experts": 6,
        "num_experts_per_tok": 3,
        "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16,
    },
    "qwen3_moe": {"num_experts": 6, "num_experts_per_tok": 3, "moe_intermediate_size": 16, "head_dim": 8},
    "olmoe": {"num_experts": 6, "num_experts_per_tok": 3},
    "deepseek_v3": {
        **ROUTED,
        "n_group": 2,
        "topk_group": 1,
        "first_k_dense_replace": 1,
        "q_lora_rank": 16,
        "kv_lora_rank": 16,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "v_head_dim": 8,
        "num_key_value_heads": 4,
    },
    "glm4_moe": {**ROUTED, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "head_dim": 8},
    "nemotron_h": {
        **ROUTED,
        "moe_shared_expert_intermediate_size": 16,
        "layers_block_type": ["moe", "attention"],
        "head_dim": 8,
        "mamba_num_heads": 4,
        "mamba_head_dim": 16,
        "ssm_state_size": 8,
        "n_groups": 2,
        "chunk_size": 8,
    },
    "granitemoe": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "phimoe": {"num_local_experts": 4, "num_experts_per_tok": 2},
}


def make(family: str, **more: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(family, **{**SMALL, **FAMILIES.get(family, {}), **more})
    model = transformers.AutoModelForCausalLM.from_config(config, experts_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.1)
    return model


def token_ids(*shape: int) -> torch.Tensor:
    return torch.randint(3, 64, shape, generator=torch.Generator().manual_seed(1))


def results(model: Any, implementation: str, ids: torch.Tensor) -> tuple[float, dict[str, torch.Tensor]]:
    model.set_experts_implementation(implementation)
    model.zero_grad()
    loss = model(ids, labels=ids).loss
    loss.backward()
    return loss.item(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("family", list(FAMILIES))
def test_loss_and_gradients_are_those_of_eager(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, ids = make(family), token_ids(2, 16)
    loss, gradients = results(model, "eager", ids)
    calls = []
    real = sigmoe.transformers.experts
    monkeypatch.setattr(sigmoe.transformers, "experts", lambda *a, **o: calls.append(1) or real(*a, **o))
    other_loss, other = results(model, "sigmoe", ids)
    assert calls
    assert abs(loss - other_loss) < 1e-5
    assert gradients.keys() == other.keys() and any("experts" in name for name in gradients)
    for name, gradient in gradients.items():
        assert (gradient - other[name]).abs().max() <= 1e-4 * gradient.abs().max() + 1e-9, name


@pytest.mark.parametrize("activation", ["relu", "gelu", "gelu_pytorch_tanh", "gelu_new", "silu", "swish", "relu2"])
def test_activations_by_their_names(activation: str) -> None:
    model, ids = make("mixtral", hidden_act=activation), token_ids(1, 8)
    loss, _ = results(model, "eager", ids)
    assert abs(loss - results(model, "sigmoe", ids)[0]) < 1e-5


def test_bfloat16() -> None:
    model, ids = make("qwen3_moe").bfloat16(), token_ids(2, 16)
    loss, gradients = results(model, "eager", ids)
    other_loss, other = results(model, "sigmoe", ids)
    assert abs(loss - other_loss) < 2e-2
    name = "model.layers.1.mlp.experts.down_proj"
    assert (gradients[name] - other[name]).float().norm() < 0.05 * gradients[name].float().norm()


def test_gates_of_their_own_are_refused_in_a_sentence() -> None:
    model = make("gpt_oss", num_local_experts=4, num_experts_per_tok=2, head_dim=8, layer_types=["full_attention"] * 2)
    model.set_experts_implementation("sigmoe")
    with pytest.raises(NotImplementedError, match="GptOssExperts: its gate is one of its own.*grouped_mm"):
        model(token_ids(1, 4))


def test_unknown_activations_are_refused_in_a_sentence() -> None:
    model = make("mixtral", hidden_act="tanh")
    model.set_experts_implementation("sigmoe")
    with pytest.raises(NotImplementedError, match="MixtralExperts: its activation is Tanh"):
        model(token_ids(1, 4))


def test_compiled_forward() -> None:
    torch._dynamo.reset()
    model, ids = make("qwen3_moe"), token_ids(2, 16)
    model.set_experts_implementation("sigmoe")
    with torch.no_grad():
        expected = model(ids).logits
        compiled = torch.compile(model, fullgraph=True)(ids).logits
    torch.testing.assert_close(compiled, expected, rtol=1e-4, atol=1e-4)


def test_twenty_steps_of_the_trainer(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    rows = [{"input_ids": row, "labels": row} for row in token_ids(8, 16)]
    finals = {}
    for implementation in ("eager", "sigmoe"):
        model = make("olmoe").train()
        model.set_experts_implementation(implementation)
        arguments = transformers.TrainingArguments(
            output_dir=str(tmp_path / implementation),
            max_steps=20,
            per_device_train_batch_size=4,
            learning_rate=1e-2,
            logging_steps=1,
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            seed=1,
        )
        trainer = transformers.Trainer(model=model, args=arguments, train_dataset=rows)
        trainer.train()
        finals[implementation] = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    losses = finals["sigmoe"]
    assert len(losses) == 20 and losses[-1] < losses[0] - 0.5
    assert max(abs(a - b) for a, b in zip(finals["eager"], losses)) < 1e-2

"""Importing this registers the library's experts with Hugging Face's transformers, as ``experts_implementation="sigmoe"``.

``AutoModelForCausalLM.from_pretrained(..., experts_implementation="sigmoe")``, or
``model.set_experts_implementation("sigmoe")``, then runs and trains the experts of every model that uses transformers'
interface for experts.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import activations
from transformers.integrations import moe

from .torch._activation import name_of
from .torch._experts import experts

_CLASSES: dict[type[Any], str] = {
    activations.SiLUActivation: "silu",
    activations.ReLUSquaredActivation: "relu2",
    activations.GELUActivation: "gelu",
    activations.GELUTanh: "gelu_tanh",
    activations.NewGELUActivation: "gelu_tanh",
}


def _refuse(module: torch.nn.Module, reason: str) -> NotImplementedError:
    return NotImplementedError(
        f'experts_implementation="sigmoe" cannot compute {type(module).__name__}: {reason}. '
        'model.set_experts_implementation("grouped_mm") or "eager" can'
    )


def _activation(module: Any) -> str:
    name = _CLASSES.get(type(module.act_fn)) or name_of(module.act_fn)
    if name is None:
        raise _refuse(module, f"its activation is {type(module.act_fn).__name__}, not relu, relu2, gelu, gelu_tanh or silu")
    return name


def _check_form(module: Any) -> None:
    if module.has_gate and type(module)._apply_gate is not moe._default_apply_gate:
        raise _refuse(module, "its gate is one of its own, not activation(gate) * value")
    if module.has_post_expert_norm:
        raise _refuse(module, "it normalizes each expert's output")


def experts_forward(
    self: Any,
    hidden_states: torch.Tensor,
    top_k_index: torch.Tensor,
    top_k_weights: torch.Tensor,
) -> torch.Tensor:
    """The forward pass of a module of experts: ``[T, d]``, ``[T, K]`` and ``[T, K]`` to ``[T, d]``."""
    _check_form(self)
    prefix = "gate_up_proj" if self.has_gate else "up_proj"
    return experts(
        hidden_states,
        getattr(self, prefix),
        self.down_proj,
        top_k_index,
        top_k_weights,
        activation=_activation(self),
        gated=self.has_gate,
        up_bias=getattr(self, prefix + "_bias") if self.has_bias else None,
        down_bias=self.down_proj_bias if self.has_bias else None,
        layout="edg" if self.is_transposed else "egd",
    )


moe.ALL_EXPERTS_FUNCTIONS.register("sigmoe", experts_forward)

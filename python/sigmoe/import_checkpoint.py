"""Makes a model directory of a checkpoint of the paper's public experiment code (model-N.pth).

    python -m sigmoe.import_checkpoint --checkpoint save/run/checkpoint/model-100000.pth --out DIR [--tokenizer FILE]

Sizes are those of the weights; what they do not tell is read from the settings that the checkpoint holds, or given by --set.
The file is read without executing anything in it (``weights_only``).
"""

from __future__ import annotations

import argparse
import os
import pickle
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .torch.model_directory import check_config, write

# What a model must be to be one of ours: settings, and the values with which they change nothing here.
ANY_LAYER: dict[str, tuple[Any, ...]] = {
    "transformer.output_mode": ("normal",),
    "transformer.ln_affine": (True,),
    "embedding_size": (None,),
    "tied_embedding": (False,),
    "kvmem.standard_parallel": (False,),
    "lm.trafo.last_layer_context": (False,),
    "lm.trafo.same_length": (False,),
    "lm.trafo.same_length_eval": (False,),
    "lm.trafo.test_pos_clamp": (None,),
}
RELU = {"transformer.activation": ("relu",)}
PKM = {
    "kvmem.linproj": (False,),
    "kvmem.head_merge_topk": (False,),
    "kvmem.randomize_indices": (False,),
    "kvmem.approx_topk": (False,),
    "kvmem.factorize": (False,),
    "kvmem.full_key": (False,),
    "kvmem.key_redundancy_factor": (1,),
    "kvmem.two_stage": (False,),
    "kvmem.head_exclusive": (False,),
    "pkm.slice_values": (False,),
}
MOE: dict[str, tuple[Any, ...]] = {
    **RELU,
    "pkm.knn": (0,),
    "moe.key_mode": ("moe",),
    "moe.half_key": (False,),
    "moe.mlp_selection": (False,),
    "moe.norm_expert_scores": (False,),
    "moe.bias": (False,),
    "moe.sel_bias": (False,),
    "moe.sel_norm": ("none",),
    "moe.topk_mode": ("full",),
    "moe.slope_multiplier": (1,),
}
# State that no forward pass reads.
UNUSED = ("self_attn.s_bias", "pkm.kv_sel_counts_100", "pkm.kv_sel_counts", "pkm.usage_count", "pkm.seq")
ROUTERS = {"sigmoid": "sigmoid", "sinkmoid": "sinkhorn", "sinkmoid2": "sinkhorn"}
REGULARIZERS = {"entropy": "entropy", "switch": "switch_mean"}


class Settings:
    """The checkpoint's settings, and those given by --set; names are those of the public code's options."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def get(self, name: str, default: Any) -> Any:
        return self._values.get(name, default)

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise ValueError(f"the checkpoint does not say what {name!r} is: give it by --set {name}=VALUE")
        return self._values[name]

    def integer(self, name: str) -> int:
        value = self[name]
        if type(value) not in (int, float) or value % 1 != 0:
            raise ValueError(f"the setting {name!r} is {value!r} where an integer is needed")
        return int(value)

    def number(self, name: str, default: float | None = None) -> float:
        value = self[name] if default is None else self.get(name, default)
        if type(value) not in (int, float):
            raise ValueError(f"the setting {name!r} is {value!r} where a number is needed")
        return float(value)

    def text(self, name: str, default: str | None = None) -> str:
        value = self[name] if default is None else self.get(name, default)
        if not isinstance(value, str):
            raise ValueError(f"the setting {name!r} is {value!r} where a word is needed")
        return value

    def require(self, needed: Mapping[str, tuple[Any, ...]]) -> None:
        for name, values in needed.items():
            value = self.get(name, values[0])
            if value not in values:
                raise ValueError(f"the setting {name!r} is {value!r}: sigmoe has no such model, only {values[0]!r}")


class State:
    """The tensors of the model, taken one after the other."""

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        self._tensors = dict(tensors)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def layers(self) -> int:
        numbers = {name.split(".")[1] for name in self._tensors if name.startswith("layers.")}
        if not numbers or numbers != {str(i) for i in range(len(numbers))}:
            raise ValueError("its layers are not numbered from 0: is it a model of the public code?")
        return len(numbers)

    def shape(self, name: str, dimensions: int) -> list[int]:
        tensor = self._tensors.get(name)
        if not isinstance(tensor, Tensor):
            raise ValueError(f"the tensor {name!r} is missing: is it a model of the public code?")
        if tensor.dim() != dimensions:
            raise ValueError(f"the tensor {name!r} has shape {list(tensor.shape)}; {dimensions} dimensions are needed")
        return list(tensor.shape)

    def take(self, name: str, *shape: int) -> Tensor:
        if self.shape(name, len(shape)) != list(shape):
            raise ValueError(f"the tensor {name!r} has shape {self.shape(name, len(shape))} where {list(shape)} is needed")
        tensor: Tensor = self._tensors.pop(name)
        return tensor.detach().float().contiguous()

    def refuse_rest(self) -> None:
        rest = [name for name in self._tensors if not name.endswith(UNUSED)]
        if rest:
            raise ValueError(f"there is no place for the tensor {rest[0]!r}: sigmoe has no such model")


# ---------------------------------------------------------------- feedforward blocks


def _first_layer(state: State) -> str:
    if "layers.0.pkm.expert_sel" in state:
        return "moe"
    if "layers.0.pkm.values.weight" in state:
        return "pkm"
    if "layers.0.linear1.weight" in state:
        return "dense"
    raise ValueError("layer 0 has neither linear1 nor pkm: is it a model of the public code?")


def _dense_options(state: State, settings: Settings) -> dict[str, Any]:
    settings.require(RELU)
    d_ff = state.shape("layers.0.linear1.weight", 2)[0]
    variant = settings.text("transformer.variant")
    if variant == "preln_relative":
        return {"type": "dense", "d_ff": d_ff}
    if variant == "preln_topk":
        compensated = bool(settings["transformer.topk_use_norm"])
        return {"type": "topk", "d_ff": d_ff, "k": settings.integer("transformer.topk_value"), "norm_compensation": compensated}
    raise ValueError(f"the setting 'transformer.variant' is {variant!r}: sigmoe has preln_relative and preln_topk")


def _pkm_options(state: State, settings: Settings) -> dict[str, Any]:
    settings.require(PKM)
    activation = settings.text("transformer.activation")
    if activation not in ("relu", "softmax"):
        raise ValueError(f"the setting 'transformer.activation' is {activation!r}: sigmoe has relu and softmax")
    heads, n, _ = state.shape("layers.0.pkm.keys.0", 3)
    knn = settings.integer("pkm.knn")
    init = "dense_equivalent" if settings.get("pkm.custom_init", 0) in (3, 5) else "standard"
    return {"type": "pkm", "n_heads": heads, "n_subkeys": n, "knn": knn or n, "activation": activation, "init": init}


def _router(settings: Settings) -> str:
    mode = settings.text("moe.selection_mode")
    if mode == "gate":
        return "softmax_topk" if settings.get("moe.activation_after_topk", False) else "softmax"
    if mode not in ROUTERS:
        known = ", ".join(sorted([*ROUTERS, "gate"]))
        raise ValueError(f"the setting 'moe.selection_mode' is {mode!r}: sigmoe has {known}")
    return ROUTERS[mode]


def _moe_options(state: State, settings: Settings) -> dict[str, Any]:
    settings.require(MOE)
    n_experts, _, size = state.shape("layers.0.pkm.keys", 3)
    inside = settings.get("kvmem.dropout", "none") == "score"
    weight, kind = settings.number("moe.perplexity_reg", 0.0), settings.text("moe.reg_type", "entropy")
    if weight and kind not in REGULARIZERS:
        print(f"note: sigmoe has no regularizer {kind!r}; the model is imported without one", file=sys.stderr)
    regularizer = REGULARIZERS.get(kind, "none") if weight else "none"
    return {
        "type": "moe",
        "n_experts": n_experts,
        "expert_size": size,
        "k": settings.integer("pkm.n_heads"),
        "router": _router(settings),
        "expert_dropout": settings.number("moe.drop_expert", 0.0),
        "dropout": settings.number("dropout") * settings.number("moe.dropout_factor", 1.0) if inside else 0.0,
        "regularizer": regularizer,
        "regularizer_weight": weight if regularizer != "none" else 0.0,
        "init": "standard" if settings.get("moe.expert_size_init", False) else "dense_equivalent",
    }


OPTIONS = {"dense": _dense_options, "pkm": _pkm_options, "moe": _moe_options}


def _feedforward(state: State, layer: str, ff: Mapping[str, Any], d: int) -> dict[str, Tensor]:
    if ff["type"] in ("dense", "topk"):
        return {
            "up.weight": state.take(layer + "linear1.weight", ff["d_ff"], d),
            "up.bias": state.take(layer + "linear1.bias", ff["d_ff"]),
            "down.weight": state.take(layer + "linear2.weight", d, ff["d_ff"]),
            "down.bias": state.take(layer + "linear2.bias", d),
        }
    if ff["type"] == "pkm":
        heads, n = ff["n_heads"], ff["n_subkeys"]
        return {
            "subkeys.0": state.take(layer + "pkm.keys.0", heads, n, d // 2),
            "subkeys.1": state.take(layer + "pkm.keys.1", heads, n, d // 2),
            "values": state.take(layer + "pkm.values.weight", n * n, d),
        }
    n_experts, size = ff["n_experts"], ff["expert_size"]
    return {
        "router.weight": state.take(layer + "pkm.expert_sel", n_experts, d),
        "experts.up": state.take(layer + "pkm.keys", n_experts, d, size),
        "experts.down": state.take(layer + "pkm.values", n_experts, size, d),
    }


# ---------------------------------------------------------------- the whole model


def _attention(state: State, layer: str, d: int, heads: int, width: int) -> dict[str, Tensor]:
    attn, inner = layer + "self_attn.", heads * width
    # Rows of the joint projection: for each head its keys, then its values.
    both = state.take(attn + "data_to_kv.weight", 2 * inner, d).view(heads, 2, width, d)
    return {
        "q.weight": state.take(attn + "data_to_q.weight", inner, d),
        "k.weight": both[:, 0].reshape(inner, d),
        "v.weight": both[:, 1].reshape(inner, d),
        "position.weight": state.take(attn + "pos_to_pq.weight", inner, d),
        "out.weight": state.take(attn + "multi_head_merge.weight", d, inner),
        "content_bias": state.take(attn + "global_content_bias", heads, width),
        "position_bias": state.take(attn + "global_pos_bias", heads, width),
        "scale": state.take(attn + "scale", 1),
    }


def _norm(state: State, name: str, d: int) -> dict[str, Tensor]:
    return {"weight": state.take(name + ".weight", d), "bias": state.take(name + ".bias", d)}


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def convert(
    state_dict: Mapping[str, Any], arguments: Mapping[str, Any], tokenizer: str = "none"
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The configuration and the tensors of a model directory, in their order there."""
    state, settings = State(state_dict), Settings(arguments)
    settings.require(ANY_LAYER)
    vocab_size, d = state.shape("embedding.weight", 2)
    heads, width = state.shape("layers.0.self_attn.global_content_bias", 2)
    blocks = settings.integer("lm.trafo.context_blocks")
    own_test_blocks = settings.get("lm.trafo.test_context_blocks", None) not in (None, 0)
    test_blocks = settings.integer("lm.trafo.test_context_blocks") if own_test_blocks else blocks
    config = check_config(
        {
            "vocab_size": vocab_size,
            "d_model": d,
            "n_layers": state.layers(),
            "n_heads": heads,
            "d_head": width,
            "dropout": settings.number("dropout"),
            "unroll": settings.integer("lm.unroll"),
            "memory_segments": {"train": blocks, "eval": test_blocks},
            "tokenizer": {"type": tokenizer},
            "ff": OPTIONS[_first_layer(state)](state, settings),
        }
    )
    tensors = {"embed.weight": state.take("embedding.weight", vocab_size, d)}
    for i in range(config["n_layers"]):
        theirs, ours = f"layers.{i}.", f"layers.{i}."
        tensors |= _named(ours + "attn_norm.", _norm(state, theirs + "norm1", d))
        tensors |= _named(ours + "attn.", _attention(state, theirs, d, heads, width))
        tensors |= _named(ours + "ff_norm.", _norm(state, theirs + "norm2", d))
        tensors |= _named(ours + "ff.", _feedforward(state, theirs, config["ff"], d))
    tensors |= _named("final_norm.", _norm(state, "out_norm", d))
    tensors["head.weight"] = state.take("output.weight", vocab_size, d)
    tensors["head.bias"] = state.take("output.bias", vocab_size)
    state.refuse_rest()
    return config, tensors


# ---------------------------------------------------------------- files


def _allow_their_dictionary() -> None:
    """The run's counters are in a subclass of dict, instead of which a plain one is made."""
    members = {"__module__": "framework.data_structures.dotdict", "__new__": lambda cls: {}}
    stand_in = type("DotDict", (), members)
    torch.serialization.add_safe_globals([stand_in])


def _reason(error: Exception) -> str:
    """The sentence of PyTorch's several that says what is wrong."""
    text = str(error)
    found = re.search(r"WeightsUnpickler error:\s*(.+)", text) or re.search("(.+)", text)
    return found[1].strip() if found else type(error).__name__


def read_checkpoint(path: Path) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """The model's state, and the settings of the run."""
    _allow_their_dictionary()
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"this is no checkpoint that can be read without executing it: {_reason(error)}") from None
    if not isinstance(saved, Mapping) or not isinstance(saved.get("model"), Mapping):
        raise ValueError("it has no 'model' with tensors: is it a model-N.pth of the public code?")
    invariants = saved.get("run_invariants")
    arguments = invariants.get("args") if isinstance(invariants, Mapping) else None
    return saved["model"], dict(arguments) if isinstance(arguments, Mapping) else {}


def _value(text: str) -> Any:
    """A setting as the public code's options read it."""
    named = {"none": None, "true": True, "false": False}
    if text.lower() in named:
        return named[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _assignments(given: list[str]) -> dict[str, Any]:
    for text in given:
        if "=" not in text:
            raise ValueError(f"--set {text} must read NAME=VALUE, as in lm.unroll=256")
    return {name: _value(value) for name, value in (text.split("=", 1) for text in given)}


def import_checkpoint(
    checkpoint: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    settings: Mapping[str, Any] | None = None,
    tokenizer: str | os.PathLike[str] | None = None,
) -> None:
    """Makes the model directory ``out``, which must not exist; ``settings`` replace those of the checkpoint."""
    path, directory = Path(checkpoint), Path(out)
    if directory.exists():
        raise FileExistsError(f"{directory} exists already: choose another output")
    pieces = Path(tokenizer).read_bytes() if tokenizer is not None else None
    try:
        state, arguments = read_checkpoint(path)
        config, tensors = convert(
            state, {**arguments, **(settings or {})}, "none" if pieces is None else "sentencepiece"
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    write(directory, config, tensors, pieces)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sigmoe.import_checkpoint", description="Makes a model directory of the public code's model-N.pth."
    )
    parser.add_argument("--checkpoint", required=True, metavar="FILE", help="model-N.pth of a run")
    parser.add_argument("--out", required=True, metavar="DIR", help="model directory to make")
    parser.add_argument("--tokenizer", metavar="FILE", help="the SentencePiece model that the run used")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting that the checkpoint does not have"
    )
    given = parser.parse_args()
    try:
        import_checkpoint(given.checkpoint, given.out, settings=_assignments(given.set), tokenizer=given.tokenizer)
    except (ValueError, OSError) as error:
        print(f"sigmoe.import_checkpoint: {error}", file=sys.stderr)
        return 1
    print(f"next: sigmoe info --model {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

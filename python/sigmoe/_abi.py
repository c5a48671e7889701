"""``include/sigmoe.h`` for ctypes: what the package calls, in the header's order. Structs begin with their size."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

F32, BF16, INT8 = 0, 1, 2  # sigmoe_dtype
DTYPES = {"f32": F32, "bf16": BF16, "int8": INT8}
ACTIVATIONS = {"relu": 0, "relu2": 1, "gelu": 2, "gelu_tanh": 3, "silu": 4}  # sigmoe_activation
GATES = {"none": 0, "first": 1, "interleaved": 2}  # sigmoe_gate
LAYOUTS = {"edg": 0, "egd": 1}  # sigmoe_expert_layout


class _Sized(ctypes.Structure):
    """A struct whose first member is its size; everything else is 0 until it is set."""

    def __init__(self, **members: Any) -> None:
        super().__init__(size=ctypes.sizeof(self), **members)


class Observer(_Sized):
    _fields_ = [
        ("size", c_size_t),
        ("progress", c_void_p),
        ("note", c_void_p),
        ("context", c_void_p),
        ("stop", c_void_p),
        ("threads", c_int),
        ("save", c_void_p),
    ]


# void text(void *receiver, int64_t prompt, const char *part, size_t bytes)
TEXT_RECEIVER = ctypes.CFUNCTYPE(None, c_void_p, c_int64, c_void_p, c_size_t)


class GenerateRequest(_Sized):
    _fields_ = [
        ("size", c_size_t),
        ("prompts", c_void_p),
        ("prompt_sizes", c_void_p),
        ("prompt_count", c_int64),
        ("max_tokens", c_int64),
        ("temperature", c_double),
        ("top_k", c_int64),
        ("top_p", c_double),
        ("min_p", c_double),
        ("repetition_penalty", c_double),
        ("seed", c_uint64),
        ("stop", c_void_p),
        ("stop_count", c_int),
        ("context", c_int64),
        ("batch", c_int64),
        ("echo", c_bool),
        ("text", TEXT_RECEIVER),
        ("finished", c_void_p),
        ("receiver", c_void_p),
    ]


class Generation(ctypes.Structure):
    _fields_ = [
        ("text", c_void_p),
        ("size", c_size_t),
        ("prompt_tokens", c_int64),
        ("tokens", c_int64),
        ("stopped", c_bool),
    ]


class Passage(ctypes.Structure):
    _fields_ = [
        ("context", c_char_p),
        ("context_size", c_size_t),
        ("continuation", c_char_p),
        ("continuation_size", c_size_t),
        ("line", c_int64),
    ]


class LikelihoodRequest(_Sized):
    _fields_ = [
        ("size", c_size_t),
        ("passages", c_void_p),
        ("count", c_int64),
        ("file", c_char_p),
        ("out", c_char_p),
    ]


class LikelihoodResult(ctypes.Structure):
    _fields_ = [
        ("nats", c_double),
        ("tokens", c_int64),
        ("greedy", c_bool),
    ]


class ExpertsOptions(_Sized):
    _fields_ = [
        ("size", c_size_t),
        ("experts", c_int64),
        ("width", c_int64),
        ("expert_size", c_int64),
        ("out_width", c_int64),
        ("activation", c_int),
        ("gate", c_int),
        ("layout", c_int),
        ("dtype", c_int),
        ("gradients", c_int),
    ]


class ExpertsCall(_Sized):
    _fields_ = [
        ("size", c_size_t),
        ("tokens", c_int64),
        ("slots", c_int64),
        ("index", c_void_p),
        ("weight", c_void_p),
        ("x", c_void_p),
        ("x_stride", c_int64),
        ("up", c_void_p),
        ("down", c_void_p),
        ("up_bias", c_void_p),
        ("down_bias", c_void_p),
        ("saved", c_void_p),
    ]


class ExpertsGradients(_Sized):
    _fields_ = [
        ("size", c_size_t),
        ("dy", c_void_p),
        ("dy_stride", c_int64),
        ("dx", c_void_p),
        ("dx_stride", c_int64),
        ("dup", c_void_p),
        ("ddown", c_void_p),
        ("dup_bias", c_void_p),
        ("ddown_bias", c_void_p),
        ("dweight", c_void_p),
        ("accumulate", c_bool),
    ]


class WeightedRowsCall(_Sized):
    _fields_ = [
        ("size", c_size_t),
        ("tokens", c_int64),
        ("slots", c_int64),
        ("count", c_int64),
        ("width", c_int64),
        ("rows", c_void_p),
        ("index", c_void_p),
        ("weight", c_void_p),
    ]


# name: (result, arguments)
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "sigmoe_message": (c_char_p, []),
    "sigmoe_version": (c_char_p, []),
    "sigmoe_free": (None, [c_void_p]),
    "sigmoe_flag_set": (None, [c_void_p, c_int]),
    "sigmoe_observer_defaults_sized": (None, [POINTER(Observer), c_size_t]),
    "sigmoe_config_from_model": (c_int, [c_char_p, POINTER(c_void_p)]),
    "sigmoe_config_free": (None, [c_void_p]),
    "sigmoe_config_json": (c_int, [c_void_p, POINTER(c_char_p)]),
    "sigmoe_model_load_as": (c_int, [c_char_p, c_int, c_int, POINTER(c_void_p)]),
    "sigmoe_model_free": (None, [c_void_p]),
    "sigmoe_model_logits": (c_int, [c_void_p, c_void_p, c_int64, c_int64, c_void_p]),
    "sigmoe_model_reset": (None, [c_void_p]),
    "sigmoe_generate_defaults_sized": (None, [POINTER(GenerateRequest), c_size_t]),
    "sigmoe_generate": (c_int, [c_void_p, POINTER(GenerateRequest), POINTER(Observer), POINTER(Generation)]),
}

# sigmoe_texts.h
_TEXT_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "sigmoe_likelihoods": (c_int, [c_void_p, POINTER(LikelihoodRequest), POINTER(Observer), POINTER(LikelihoodResult)]),
    "sigmoe_tokenizer_of_model": (c_int, [c_char_p, POINTER(c_void_p)]),
    "sigmoe_tokenizer_of_data": (c_int, [c_char_p, POINTER(c_void_p)]),
    "sigmoe_tokenizer_free": (None, [c_void_p]),
    "sigmoe_tokenizer_vocab_size": (c_int64, [c_void_p]),
    "sigmoe_tokenizer_encode": (c_int, [c_void_p, c_char_p, c_size_t, c_void_p, c_int64, POINTER(c_int64)]),
    "sigmoe_tokenizer_decode": (c_int, [c_void_p, c_void_p, c_int64, POINTER(c_void_p), POINTER(c_size_t)]),
}

# The chapter of layers.
_LAYER_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "sigmoe_experts_create": (c_int, [POINTER(ExpertsOptions), POINTER(c_void_p)]),
    "sigmoe_experts_free": (None, [c_void_p]),
    "sigmoe_experts_saved_bytes": (c_size_t, [c_void_p, c_int64, c_int64]),
    "sigmoe_experts_forward": (c_int, [c_void_p, c_void_p, c_void_p, c_int64]),
    "sigmoe_experts_backward": (c_int, [c_void_p, c_void_p, c_void_p]),
    "sigmoe_product_key_top_k": (c_int, [c_void_p, c_void_p, c_int64, c_int64, c_int64, c_void_p, c_void_p]),
    "sigmoe_weighted_rows": (c_int, [POINTER(WeightedRowsCall), c_void_p]),
    "sigmoe_weighted_rows_backward": (c_int, [POINTER(WeightedRowsCall), c_void_p, c_void_p, c_void_p, c_bool]),
    "sigmoe_layer_threads": (c_int, [c_int]),
    "sigmoe_layer_torch_threads": (c_bool, []),
}


def declare(library: ctypes.CDLL) -> None:
    """Gives each function its types."""
    for name, (result, arguments) in {**_FUNCTIONS, **_TEXT_FUNCTIONS, **_LAYER_FUNCTIONS}.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments

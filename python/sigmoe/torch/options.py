"""Which options a model and its feedforward blocks have: names, ranges and defaults, as in config.json."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """An integer, a number, a flag or a choice. ``default`` None: the option is required."""

    type: type
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    default: Any = None

    def check(self, path: str, value: Any) -> Any:
        """The value as it is stored; a ValueError names ``path`` and what would be right."""
        if self.type is bool:
            if not isinstance(value, bool):
                raise ValueError(f"{path} must be true or false, not {value!r}")
            return value
        if self.type is str:
            if value not in self.choices:
                raise ValueError(
                    f"{path} is {value!r}; it must be one of {', '.join(self.choices)}"
                    + did_you_mean(str(value), self.choices)
                )
            return value
        number = self._number(path, value)
        if not self.low <= number <= self.high:
            raise ValueError(f"{path} is {value}; it must lie between {self.low:.15g} and {self.high:.15g}")
        return number

    def _number(self, path: str, value: Any) -> int | float:
        try:
            if isinstance(value, (bool, str)):
                raise TypeError
            return operator.index(value) if self.type is int else float(value)
        except TypeError:
            raise ValueError(
                f"{path} must be {'an integer' if self.type is int else 'a number'}, not {value!r}"
            ) from None


def integer(low: int, high: int, default: int | None = None) -> Option:
    return Option(int, low, high, default=default)


def number(low: float, high: float, default: float | None = None) -> Option:
    return Option(float, low, high, default=default)


def choice(*choices: str, default: str | None = None) -> Option:
    return Option(str, choices=choices, default=default)


MODEL = {
    "vocab_size": integer(1, 1 << 30),
    "d_model": integer(1, 1 << 20),
    "n_layers": integer(1, 4096),
    "n_heads": integer(1, 65536),
    "d_head": integer(1, 65536),
    "dropout": number(0, 0.999),
    "unroll": integer(1, 1 << 20),
}
MEMORY_SEGMENTS = {"train": integer(0, 4096, 1), "eval": integer(0, 4096, 4)}
FEEDFORWARD: dict[str, dict[str, Option]] = {
    "dense": {"d_ff": integer(1, 1 << 24)},
    "topk": {
        "d_ff": integer(1, 1 << 24),
        "k": integer(1, 1 << 24),
        "norm_compensation": Option(bool, default=False),
    },
    "pkm": {
        "n_heads": integer(1, 1 << 10, 4),
        "n_subkeys": integer(1, 1 << 12),
        "knn": integer(1, 1 << 24, 128),
        "activation": choice("relu", "softmax"),
        "init": choice("standard", "dense_equivalent", default="standard"),
    },
    "moe": {
        "n_experts": integer(1, 1 << 16),
        "expert_size": integer(1, 1 << 14),
        "k": integer(1, 1 << 16),
        "router": choice("sigmoid", "softmax", "softmax_topk", "sinkhorn", "noisy_topk", "hash", "random"),
        "expert_dropout": number(0, 0.999, 0.0),
        "dropout": number(0, 0.999, 0.0),
        "regularizer": choice("none", "entropy", "switch", "switch_mean", "cv"),
        "regularizer_weight": number(0, 1e6, 0.0),
        "channels_kept": integer(0, 1 << 30, 0),
        "init": choice("dense_equivalent", "standard", "switch", default="dense_equivalent"),
    },
}


def did_you_mean(name: str, known: Iterable[str], path: str = "") -> str:
    """The end of a sentence about an unknown name; empty if none of the known ones is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {path + near[0]!r}?" if near else ""


def refuse_unknown(given: Iterable[str], known: Iterable[str], path: str = "") -> None:
    known = list(known)
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known, path) or f"; known: {', '.join(known)}"
            raise ValueError(f"unknown key {path + name!r}{hint}")


def read_options(given: Mapping[str, Any], table: Mapping[str, Option], path: str = "") -> dict[str, Any]:
    """All options of the table in its order, with defaults for those that are not given."""
    refuse_unknown(given, table, path)
    values = {}
    for name, option in table.items():
        value = given.get(name, option.default)
        if name not in given and value is None:
            raise ValueError(f"{path + name!r} is missing")
        values[name] = option.check(path + name, value)
    return values


def read_feedforward(
    kind: str, d_model: int, given: Mapping[str, Any], also: Mapping[str, Option] = {}
) -> dict[str, Any]:
    """The options of a block: those of its kind in config.json and, for a block by itself, those in ``also``."""
    if kind not in FEEDFORWARD:
        hint = did_you_mean(kind, FEEDFORWARD) or f"; known: {', '.join(FEEDFORWARD)}"
        raise ValueError(f"there is no feedforward block {kind!r}{hint}")
    values = read_options(given, {**FEEDFORWARD[kind], **also}, "ff.")
    if kind == "topk":
        _check_topk(values)
    if kind == "moe":
        _check_moe(values)
    if kind == "pkm" and d_model % 2:
        raise ValueError(
            f"d_model is {d_model}, but ff.type pkm halves it between its two sets of sub-keys: choose an even one"
        )
    return values


def _check_topk(values: Mapping[str, Any]) -> None:
    if values["k"] > values["d_ff"]:
        raise ValueError(f"ff.k is {values['k']}, but ff.d_ff is {values['d_ff']}: choose at most so many")


def _check_moe(values: Mapping[str, Any]) -> None:
    if values["k"] > values["n_experts"]:
        raise ValueError(f"ff.k is {values['k']}, but ff.n_experts is {values['n_experts']}: choose at most so many")
    channels = values["k"] * values["expert_size"]
    if values["channels_kept"] > channels:
        raise ValueError(
            f"ff.channels_kept is {values['channels_kept']}, but a token has ff.k * ff.expert_size = "
            f"{channels} channels: choose at most so many, or 0 for all"
        )
    router = values["router"]
    if router in ("hash", "random") and values["regularizer"] != "none":
        raise ValueError(
            f"ff.regularizer is {values['regularizer']}, but the {router} router (ff.router) has no "
            "logits to regularize: set it to none"
        )
    if router in ("hash", "random", "noisy_topk") and values["expert_dropout"] != 0:
        raise ValueError(
            f"ff.expert_dropout is {values['expert_dropout']:g}, but the {router} router (ff.router) "
            "knows no expert dropout: set it to 0"
        )

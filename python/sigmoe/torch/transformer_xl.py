"""The pre-LN Transformer-XL language model, with any feedforward block."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import model_directory
from .attention import RelativeAttention, sinusoids
from .feedforward import FeedForward


class Output(NamedTuple):
    """What a segment of T tokens of B sequences gives."""

    logits: Tensor  # [B, T, V]
    memory: Tensor  # [L, B, M, d]: the input of the next segment's `memory`
    loss: Tensor | None  # mean cross entropy in nats per token; None without targets
    reg_loss: Tensor  # the regularizers, times their weights, summed over layers


class Layer(nn.Module):
    """x + drop(attention(LN1(x))), then x + drop(FF(LN2(x)))."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        d = config["d_model"]
        ff = dict(config["ff"])
        kind = ff.pop("type")
        if "dropout" in FeedForward.kinds[kind].extra_options:
            ff["dropout"] = config["dropout"]
        self.dropout: float = config["dropout"]
        self.attn_norm = nn.LayerNorm(d)
        self.attn = RelativeAttention(d, config["n_heads"], config["d_head"], config["n_layers"])
        self.ff_norm = nn.LayerNorm(d)
        self.ff = FeedForward(kind, d, n_layers=config["n_layers"], vocab_size=config["vocab_size"], **ff)

    def forward(self, x: Tensor, memory: Tensor, positions: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, T, d], memory [B, M, d], positions [M + T, d], tokens [B, T]; returns the layer's output [B, T, d] and its
        regularizer."""
        normed = self.attn_norm(torch.cat([memory, x], dim=1))
        x = x + self.drop(self.attn(normed, memory.shape[1], positions))
        return x + self.drop(self.ff(self.ff_norm(x), tokens)), self.ff.reg_loss

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class TransformerXL(nn.Module):
    """The model of the sigmoe program; arguments are the keys of config.json.

    ``ff`` is a mapping with ``type`` and the options of `FeedForward`. The names of parameters and of the hash router's
    tables in ``state_dict`` are those of model.safetensors. ``config`` holds everything that config.json does.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        d_model: int,
        n_layers: int,
        n_heads: int,
        d_head: int,
        unroll: int,
        ff: Mapping[str, Any],
        dropout: float = 0.0,
        memory_segments: Mapping[str, int] | None = None,
        tokenizer: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.config = model_directory.check_config(
            {
                "vocab_size": vocab_size,
                "d_model": d_model,
                "n_layers": n_layers,
                "n_heads": n_heads,
                "d_head": d_head,
                "dropout": dropout,
                "unroll": unroll,
                "memory_segments": memory_segments or {},
                "tokenizer": tokenizer or {"type": "none"},
                "ff": ff,
            }
        )
        self.tokenizer_model: bytes | None = None  # the file tokenizer.model of the directory it was read from
        self.embed = nn.Embedding(vocab_size, d_model)
        self.layers = nn.ModuleList(Layer(self.config) for _ in range(n_layers))
        self.final_norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size)
        nn.init.xavier_uniform_(self.embed.weight)
        for parameter in (self.head.weight, self.head.bias):
            nn.init.uniform_(parameter, -(d_model**-0.5), d_model**-0.5)

    @classmethod
    def from_pretrained(cls, directory: str | os.PathLike[str], *, device: torch.device | str = "cpu") -> TransformerXL:
        """Reads a model directory, or the newest checkpoint of a run directory. The model is in evaluation mode."""
        path = model_directory.locate(directory)
        config = model_directory.read_config(path)
        with torch.device("meta"):  # a config can ask for any size: nothing is allocated before the weights are seen
            model = cls(**config)
        tensors = model_directory.read_weights(path, model.state_dict())
        model.to_empty(device=device).load_state_dict(tensors)
        model.tokenizer_model = model_directory.read_tokenizer_model(path, config)
        return model.eval()

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Writes config.json, model.safetensors (float32) and, if there is one, tokenizer.model, each in one piece."""
        model_directory.write(directory, self.config, self.state_dict(), self.tokenizer_model)

    def empty_memory(self, batch: int) -> Tensor:
        """The memory before the first segment of B sequences, [L, B, 0, d]."""
        return self.embed.weight.new_empty(len(self.layers), batch, 0, self.config["d_model"])

    @property
    def memory_length(self) -> int:
        """How many positions the memory keeps: in training or in evaluation, whichever the model is in."""
        segments: int = self.config["memory_segments"]["train" if self.training else "eval"]
        return segments * int(self.config["unroll"])

    def forward(
        self,
        tokens: Tensor,
        memory: Tensor | None = None,
        targets: Tensor | None = None,
        *,
        memory_length: int | None = None,
    ) -> Output:
        """Processes the segment ``tokens`` [B, T], which follows what ``memory`` [L, B, M, d] is of.

        With ``targets`` [B, T] there is a loss; train on ``loss + reg_loss``. The memory is constant: it gets no gradient.
        ``memory_length`` is how many positions the new memory may have, by default `memory_length` of the model.
        """
        if memory is None:
            memory = self.empty_memory(tokens.shape[0])
        keep = self.memory_length if memory_length is None else memory_length
        x = self.drop(self.embed(tokens))
        positions = sinusoids(memory.shape[2] + tokens.shape[1], x.shape[-1], x)
        remembered = []
        reg_loss = x.new_zeros(())
        for layer, old in zip(self.layers, memory):
            joined = torch.cat([old, x.detach()], dim=1)
            remembered.append(joined[:, max(joined.shape[1] - keep, 0) :])
            x, reg = layer(x, old, positions, tokens)
            reg_loss = reg_loss + reg
        logits = self.head(self.drop(self.final_norm(x)))
        loss = None if targets is None else F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
        return Output(logits, torch.stack(remembered), loss, reg_loss)

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.config["dropout"], self.training)

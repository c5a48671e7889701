"""A sigmoe model in PyTorch for Hugging Face's transformers: inference, with keys and values of earlier tokens cached.

A text is read in segments of `unroll` tokens. A token sees the tokens of its own segment up to itself, and the
`unroll * memory_segments["eval"]` tokens before that segment. Dropout, router noise and balancing belong to training, which is
not done here.

Shapes: B texts, n tokens of the call, S columns that attention looks at, N = B·n; d the model's width, H heads of width c.
"""

import dataclasses
import math
from typing import Any, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast

from .configuration_sigmoe import SigmoeConfig

# Versions of transformers call the cache, as an argument and as a result, by one of these names.
CACHE_NAME = "cache" if "cache" in {f.name for f in dataclasses.fields(CausalLMOutputWithPast)} else "past_key_values"


def largest(scores: Tensor, k: int) -> Tensor:
    """The indices of the k largest of the last axis, largest first; of equal ones the lower index comes first."""
    return scores.sort(dim=-1, descending=True, stable=True).indices[..., :k]


# ---------------------------------------------------------------- feedforward blocks: x [N, d], tokens [N] -> [N, d]


class DenseBlock(nn.Module):
    """Two linear maps with a ReLU between them; as Top-K, only the k largest channels of each token are summed."""

    def __init__(self, config: SigmoeConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.d_model, config.ff["d_ff"])
        self.down = nn.Linear(config.ff["d_ff"], config.d_model)
        self.k = config.ff["k"] if config.ff["type"] == "topk" else None
        self.norm_compensation = config.ff.get("norm_compensation", False)

    def forward(self, x: Tensor, tokens: Tensor) -> Tensor:
        u = F.relu(self.up(x))
        if self.k is not None:
            ranking = u * self.down.weight.norm(dim=0) if self.norm_compensation else u
            least = ranking.topk(self.k, dim=-1).values[..., -1:]
            u = u * (ranking >= least)  # all that equal the k-th stay
        return self.down(u)


class ProductKeyBlock(nn.Module):
    """Value i·n + j has the score a[i] + b[j] of two sub-keys; each of h heads finds its knn best values."""

    def __init__(self, config: SigmoeConfig) -> None:
        super().__init__()
        ff = config.ff
        self.n, self.knn, self.activation = ff["n_subkeys"], ff["knn"], ff["activation"]
        half = config.d_model // 2
        self.subkeys = nn.ParameterList([nn.Parameter(torch.empty(ff["n_heads"], self.n, half)) for _ in range(2)])
        self.values = nn.Parameter(torch.empty(self.n**2, config.d_model))

    def activate(self, scores: Tensor) -> Tensor:
        return F.relu(scores) if self.activation == "relu" else scores.softmax(dim=-1)

    def forward(self, x: Tensor, tokens: Tensor) -> Tensor:
        halves = x.chunk(2, dim=-1)
        a, b = (torch.einsum("hnc,tc->thn", keys, half) for keys, half in zip(self.subkeys, halves))
        if self.knn >= self.n:  # the heads' scores are summed, and all values are
            scores = (a.sum(1)[..., :, None] + b.sum(1)[..., None, :]).flatten(-2)
            return self.activate(scores) @ self.values
        # What is among the knn best pairs has its halves among the knn best halves. In ascending order of indices, equal
        # pairs rank by their index, too.
        first, second = (largest(scores, self.knn).sort(dim=-1).values for scores in (a, b))
        pairs = (a.gather(-1, first)[..., :, None] + b.gather(-1, second)[..., None, :]).flatten(-2)
        index = (first[..., :, None] * self.n + second[..., None, :]).flatten(-2)
        best = largest(pairs, self.knn)
        weights = self.activate(pairs.gather(-1, best).flatten(1))  # of all heads together
        return F.embedding_bag(index.gather(-1, best).flatten(1), self.values, per_sample_weights=weights, mode="sum")


class Router(nn.Module):
    """Chooses k experts for each token, and their weights."""

    def __init__(self, config: SigmoeConfig) -> None:
        super().__init__()
        ff = config.ff
        self.kind, self.k, self.n_experts = ff["router"], ff["k"], ff["n_experts"]
        if self.kind == "hash":
            self.register_buffer("table", torch.zeros(config.vocab_size, self.k, dtype=torch.int32))
        elif self.kind != "random":
            self.weight = nn.Parameter(torch.empty(self.n_experts, config.d_model))
        if self.kind == "noisy_topk":
            self.noise = nn.Parameter(torch.empty(self.n_experts, config.d_model))  # for training

    def forward(self, x: Tensor, tokens: Tensor) -> Tuple[Tensor, Tensor]:
        """index, weight: [N, k]."""
        if self.kind == "hash":
            index = self.table[tokens].long()
            return index, x.new_ones(index.shape)
        if self.kind == "random":
            index = largest(torch.rand(x.shape[0], self.n_experts, device=x.device), self.k)
            return index, x.new_ones(index.shape)
        logits = F.linear(x, self.weight)
        if self.kind in ("softmax_topk", "noisy_topk"):  # normalized over the chosen experts
            index = largest(logits, self.k)
            return index, logits.gather(-1, index).softmax(dim=-1)
        weights = logits.softmax(dim=-1) if self.kind == "softmax" else logits.sigmoid()
        index = largest(logits if self.kind == "sinkhorn" else weights, self.k)
        return index, weights.gather(-1, index)


class Experts(nn.Module):
    def __init__(self, config: SigmoeConfig) -> None:
        super().__init__()
        count, size = config.ff["n_experts"], config.ff["expert_size"]
        self.channels_kept = config.ff["channels_kept"]
        self.up = nn.Parameter(torch.empty(count, config.d_model, size))
        self.down = nn.Parameter(torch.empty(count, size, config.d_model))

    def forward(self, x: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        index, order = index.sort(dim=-1)  # equal channels rank by their expert
        weight = weight.gather(-1, order)
        hidden = x.new_zeros(*index.shape, self.up.shape[2])
        served = [(e, *(index == e).nonzero(as_tuple=True)) for e in index.unique().tolist()]
        for e, token, slot in served:
            hidden[token, slot] = F.relu(x[token] @ self.up[e]) * weight[token, slot, None]
        channels = hidden.flatten(1)
        if 0 < self.channels_kept < channels.shape[1]:
            kept = torch.zeros_like(channels).scatter(-1, largest(channels, self.channels_kept), 1.0)
            hidden = (channels * kept).view_as(hidden)
        y = torch.zeros_like(x)
        for e, token, slot in served:
            y.index_add_(0, token, hidden[token, slot] @ self.down[e])
        return y


class MixtureBlock(nn.Module):
    def __init__(self, config: SigmoeConfig) -> None:
        super().__init__()
        self.router = Router(config)
        self.experts = Experts(config)

    def forward(self, x: Tensor, tokens: Tensor) -> Tensor:
        return self.experts(x, *self.router(x, tokens))


BLOCKS = {"dense": DenseBlock, "topk": DenseBlock, "pkm": ProductKeyBlock, "moe": MixtureBlock}


# ---------------------------------------------------------------- attention


def sinusoids(count: int, width: int, like: Tensor) -> Tensor:
    """[count, width]: what stands for keys that lie 0, 1, 2 … tokens back; positions count forward, so they are negative."""
    positions = -torch.arange(count, dtype=torch.float64, device=like.device)
    even = torch.arange(0, width, 2, dtype=torch.float64, device=like.device)
    angles = positions[:, None] * 10000.0 ** (-even / width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width].to(like.dtype)


class RelativeAttention(nn.Module):
    """score(i, j) = scale · ((q_i + content_bias)·k_j + (q_i + position_bias)·position(j - i))"""

    def __init__(self, config: SigmoeConfig, index: int) -> None:
        super().__init__()
        self.index, self.heads, self.width = index, config.n_heads, config.d_head
        inner = self.heads * self.width
        self.q = nn.Linear(config.d_model, inner, bias=False)
        self.k = nn.Linear(config.d_model, inner, bias=False)
        self.v = nn.Linear(config.d_model, inner, bias=False)
        self.position = nn.Linear(config.d_model, inner, bias=False)
        self.out = nn.Linear(inner, config.d_model, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(self.heads, self.width))
        self.position_bias = nn.Parameter(torch.zeros(self.heads, self.width))
        self.scale = nn.Parameter(torch.full((1,), 1 / math.sqrt(self.width)))

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, self.width)).transpose(-2, -3)

    def forward(self, x: Tensor, visible: Tensor, distance: Tensor, waves: Tensor, cache: Cache) -> Tensor:
        """x [B, n, d]; visible [B, 1, n, S]; distance [n, S], how far back a key lies; waves [S, d] -> [B, n, d]"""
        q, k, v = self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))
        k, v = cache.update(k, v, self.index)
        seen = visible.shape[-1]
        k, v = k[:, :, -seen:], v[:, :, -seen:]
        content = (q + self.content_bias[:, None]) @ k.transpose(-1, -2)
        by_distance = (q + self.position_bias[:, None]) @ self.split(self.position(waves)).transpose(-1, -2)
        position = by_distance.gather(-1, distance.expand(*by_distance.shape[:2], -1, -1))
        scores = (self.scale * (content + position)).masked_fill(~visible, torch.finfo(x.dtype).min)
        return self.out((scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2))


# ---------------------------------------------------------------- the model


class SigmoeLayer(nn.Module):
    def __init__(self, config: SigmoeConfig, index: int) -> None:
        super().__init__()
        self.attn_norm = nn.LayerNorm(config.d_model)
        self.attn = RelativeAttention(config, index)
        self.ff_norm = nn.LayerNorm(config.d_model)
        self.ff = BLOCKS[config.ff["type"]](config)

    def forward(self, x: Tensor, tokens: Tensor, *attention: Any) -> Tensor:
        x = x + self.attn(self.attn_norm(x), *attention)
        return x + self.ff(self.ff_norm(x).flatten(0, 1), tokens.flatten()).view_as(x)


class SigmoeForCausalLM(PreTrainedModel, GenerationMixin):
    config_class = SigmoeConfig
    base_model_prefix = ""
    _no_split_modules = ["SigmoeLayer"]
    _supports_cache_class = True

    def __init__(self, config: SigmoeConfig) -> None:
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.d_model)
        self.layers = nn.ModuleList([SigmoeLayer(config, i) for i in range(config.n_layers)])
        self.final_norm = nn.LayerNorm(config.d_model)
        self.head = nn.Linear(config.d_model, config.vocab_size)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Weights that no file gives; those of a model to be trained are sigmoe's own."""
        for parameter in module.parameters(recurse=False):
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def get_input_embeddings(self) -> nn.Module:
        return self.embed

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.embed = value

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def set_output_embeddings(self, value: nn.Module) -> None:
        self.head = value

    def _chunk(self, tokens: Tensor, known: Tensor, positions: Tensor, end: int, cache: Cache) -> Tensor:
        """tokens [B, n <= unroll], the columns before `end` -> [B, n, d]. known, positions: [B, all columns]."""
        memory, first = self.config.unroll * self.config.memory_segments["eval"], end - tokens.shape[1]
        begin = max(0, first - memory - self.config.unroll + 1)  # columns before are seen by none of the tokens
        at, keys = positions[:, first:end, None], positions[:, None, begin:end]
        segment = at - at % self.config.unroll
        visible = (keys <= at) & (keys >= segment - memory) & known[:, None, begin:end]
        columns = torch.arange(begin, end, device=tokens.device)
        distance = (columns[first - begin :, None] - columns).clamp(min=0)
        waves = sinusoids(end - begin, self.config.d_model, self.embed.weight)
        x = self.embed(tokens)
        for layer in self.layers:
            x = layer(x, tokens, visible[:, None], distance, waves, cache)
        return self.final_norm(x)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Optional[Tensor] = None,
        past_key_values: Optional[Cache] = None,
        cache: Optional[Cache] = None,
        labels: Optional[Tensor] = None,
        use_cache: Optional[bool] = None,
        logits_to_keep: Union[int, Tensor] = 0,
        return_dict: Optional[bool] = None,
        **unused: Any,
    ) -> Union[Tuple[Tensor, ...], CausalLMOutputWithPast]:
        """input_ids [B, n] follow what the cache holds; attention_mask [B, all so far] is 0 where a text is padded, which may
        be on either side. labels [B, n]: the tokens themselves, -100 for those that do not count."""
        cache = past_key_values if cache is None else cache
        cache = DynamicCache() if cache is None else cache
        past, count = cache.get_seq_length(), input_ids.shape[1]
        if attention_mask is None:
            attention_mask = input_ids.new_ones(input_ids.shape[0], past + count)
        known = attention_mask.bool()
        positions = (known.long().cumsum(dim=1) - 1).clamp(min=0)
        chunks, first = [], 0
        for chunk in input_ids.split(self.config.unroll, dim=1):
            first += chunk.shape[1]
            chunks.append(self._chunk(chunk, known, positions, past + first, cache))
        x = torch.cat(chunks, dim=1)
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.head(x[:, kept])
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=-100)
        kept_cache = cache if use_cache is None or use_cache else None
        output = CausalLMOutputWithPast(loss=loss, logits=logits, **{CACHE_NAME: kept_cache})
        return output if return_dict or return_dict is None else output.to_tuple()

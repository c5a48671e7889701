"""The configuration of a sigmoe model for Hugging Face's transformers: config.json as sigmoe writes it."""

from typing import Any, Dict, Optional

from transformers import PretrainedConfig

FEEDFORWARD_DEFAULTS: Dict[str, Dict[str, Any]] = {
    "dense": {},
    "topk": {"norm_compensation": False},
    "pkm": {"n_heads": 4, "knn": 128},
    "moe": {"channels_kept": 0},
}


class SigmoeConfig(PretrainedConfig):
    model_type = "sigmoe"
    attribute_map = {
        "hidden_size": "d_model",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "head_dim": "d_head",
    }

    def __init__(
        self,
        vocab_size: int = 256,
        d_model: int = 64,
        n_layers: int = 2,
        n_heads: int = 2,
        d_head: int = 32,
        dropout: float = 0.0,
        unroll: int = 64,
        memory_segments: Optional[Dict[str, int]] = None,
        tokenizer: Optional[Dict[str, Any]] = None,
        ff: Optional[Dict[str, Any]] = None,
        **kwargs: Any,
    ) -> None:
        self.version = kwargs.pop("version", 1)
        self.vocab_size = vocab_size
        self.d_model = d_model
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.d_head = d_head
        self.dropout = dropout
        self.unroll = unroll
        self.memory_segments = {"train": 1, "eval": 4, **(memory_segments or {})}
        self.tokenizer = tokenizer or {"type": "none"}
        ff = ff or {"type": "dense", "d_ff": 128}
        if ff.get("type") not in FEEDFORWARD_DEFAULTS:
            raise ValueError(f"ff.type is {ff.get('type')!r}; known: {', '.join(FEEDFORWARD_DEFAULTS)}")
        self.ff = {**FEEDFORWARD_DEFAULTS[ff["type"]], **ff}
        kwargs.setdefault("tie_word_embeddings", False)
        kwargs.setdefault("is_decoder", True)
        super().__init__(**kwargs)

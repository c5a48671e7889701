"""The tokenizer of a sigmoe model that was trained on SentencePiece's pieces; needs the package `sentencepiece`.

A text becomes the ids that SentencePiece gives, and nothing is added: these models know no token that begins or ends a text.
"""

import os
import shutil
from typing import Any, Dict, List, Optional, Tuple

import sentencepiece
from transformers import PreTrainedTokenizer


class SigmoeTokenizer(PreTrainedTokenizer):
    vocab_files_names = {"vocab_file": "tokenizer.model"}
    model_input_names = ["input_ids", "attention_mask"]

    def __init__(self, vocab_file: str, **kwargs: Any) -> None:
        self.vocab_file = vocab_file
        self.pieces = sentencepiece.SentencePieceProcessor(model_file=vocab_file)
        super().__init__(**kwargs)

    @property
    def vocab_size(self) -> int:
        return self.pieces.get_piece_size()

    def get_vocab(self) -> Dict[str, int]:
        vocab = {self.pieces.id_to_piece(i): i for i in range(self.vocab_size)}
        return {**vocab, **self.added_tokens_encoder}

    def _tokenize(self, text: str, **kwargs: Any) -> List[str]:
        return self.pieces.encode(text, out_type=str)

    def _convert_token_to_id(self, token: str) -> int:
        return self.pieces.piece_to_id(token)

    def _convert_id_to_token(self, index: int) -> str:
        return self.pieces.id_to_piece(index)

    def convert_tokens_to_string(self, tokens: List[str]) -> str:
        return self.pieces.decode_pieces(tokens)

    def build_inputs_with_special_tokens(self, first: List[int], second: Optional[List[int]] = None) -> List[int]:
        return first + (second or [])

    def save_vocabulary(self, save_directory: str, filename_prefix: Optional[str] = None) -> Tuple[str]:
        prefix = filename_prefix + "-" if filename_prefix else ""
        path = os.path.join(save_directory, prefix + "tokenizer.model")
        if os.path.abspath(path) != os.path.abspath(self.vocab_file):
            shutil.copyfile(self.vocab_file, path)
        return (path,)

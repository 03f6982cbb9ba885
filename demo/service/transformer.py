"""A small causal transformer in torch: random weights from a seed, paged KV cache, no training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from demo.service.openai_api import VOCABULARY


@dataclass(frozen=True)
class Shape:
    """Sizes of the model and of its KV cache (`blocks` blocks of `block_size` tokens)."""

    width: int = 128
    layers: int = 2
    heads: int = 4
    blocks: int = 128
    block_size: int = 16

    @property
    def cache_tokens(self) -> int:
        return self.blocks * self.block_size


@dataclass(frozen=True)
class Layer:
    """Weights of one block: attention and a feed-forward of four times the width."""

    qkv: torch.Tensor
    out: torch.Tensor
    up: torch.Tensor
    down: torch.Tensor


class Transformer:
    """Pre-norm decoder; `prefill` reads a prompt, `decode` adds one token to each sequence."""

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        self.shape = shape
        self._random = torch.Generator().manual_seed(seed)
        width = shape.width
        self.embedding = self._weights(VOCABULARY, width) * math.sqrt(width)
        self.layers = [
            Layer(
                qkv=self._weights(width, 3 * width),
                out=self._weights(width, width),
                up=self._weights(width, 4 * width),
                down=self._weights(4 * width, width),
            )
            for _ in range(shape.layers)
        ]
        size = (shape.layers, shape.cache_tokens, shape.heads, width // shape.heads)
        self.keys, self.values = torch.zeros(size), torch.zeros(size)
        self.positions = _positions(shape.cache_tokens, width)

    def _weights(self, rows: int, columns: int) -> torch.Tensor:
        return torch.randn(rows, columns, generator=self._random) / math.sqrt(rows)

    @property
    def weight_bytes(self) -> int:
        tensors = [self.embedding, *(t for one in self.layers for t in vars(one).values())]
        return sum(tensor.nbytes for tensor in tensors)

    @property
    def block_bytes(self) -> int:
        """Bytes of one KV block over all layers, keys and values."""
        return (self.keys.nbytes + self.values.nbytes) // self.shape.blocks

    def flops(self, tokens: int, attended: int) -> float:
        """Work of a pass over `tokens` that look back at `attended` positions in all."""
        width, layers = self.shape.width, self.shape.layers
        return 2.0 * tokens * 12 * width**2 * layers + 4.0 * attended * width * layers

    def slots(self, table: list[int], length: int) -> torch.Tensor:
        """Cache rows of the first `length` tokens of a sequence that owns the blocks `table`."""
        size = self.shape.block_size
        rows = torch.tensor(table)[:, None] * size + torch.arange(size)
        return rows.flatten()[:length]

    @torch.inference_mode()
    def prefill(self, tokens: list[int], table: list[int]) -> torch.Tensor:
        """Read a prompt into the cache; logits [vocabulary] after its last token."""
        slots = self.slots(table, len(tokens))
        hidden = self.embedding[tokens] + self.positions[: len(tokens)]
        for index, layer in enumerate(self.layers):
            query, key, value = self._project(hidden, layer)
            self.keys[index, slots], self.values[index, slots] = key, value
            hidden = self._finish(hidden, _attend(query, key, value, causal=True), layer)
        return self._logits(hidden[-1:])[0]

    @torch.inference_mode()
    def decode(
        self, tokens: list[int], tables: list[list[int]], lengths: list[int]
    ) -> torch.Tensor:
        """Add one token to each sequence of the batch; logits [batch, vocabulary].

        `lengths` count the tokens of each sequence with the new one.
        """
        slots = [self.slots(*of) for of in zip(tables, lengths, strict=True)]
        newest = torch.stack([rows[-1] for rows in slots])
        hidden = self.embedding[tokens] + self.positions[[length - 1 for length in lengths]]
        for index, layer in enumerate(self.layers):
            query, key, value = self._project(hidden, layer)
            keys, values = self.keys[index], self.values[index]
            keys[newest], values[newest] = key, value
            attended = [
                _attend(query[row : row + 1], keys[rows], values[rows], causal=False)
                for row, rows in enumerate(slots)
            ]
            hidden = self._finish(hidden, torch.cat(attended), layer)
        return self._logits(hidden)

    def _project(self, hidden: torch.Tensor, layer: Layer) -> tuple[torch.Tensor, ...]:
        joined = _normed(hidden) @ layer.qkv
        split = joined.view(len(hidden), 3, self.shape.heads, -1)
        return split[:, 0], split[:, 1], split[:, 2]

    def _finish(self, hidden: torch.Tensor, attended: torch.Tensor, layer: Layer) -> torch.Tensor:
        hidden = hidden + attended @ layer.out
        return hidden + functional.gelu(_normed(hidden) @ layer.up) @ layer.down

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return _normed(hidden) @ self.embedding.T


def _normed(hidden: torch.Tensor) -> torch.Tensor:
    return functional.layer_norm(hidden, hidden.shape[-1:])


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, causal: bool
) -> torch.Tensor:
    """Attention over [tokens, heads, head width], heads joined again in the result."""
    mixed = functional.scaled_dot_product_attention(
        query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1), is_causal=causal
    )
    return mixed.transpose(0, 1).reshape(len(query), -1)


def _positions(length: int, width: int) -> torch.Tensor:
    """Sinusoidal positions [length, width] (Vaswani et al., 2017, section 3.5)."""
    angles = torch.arange(length)[:, None] / 10_000 ** (torch.arange(0, width, 2) / width)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).view(length, width)

from __future__ import annotations

import torch

from demo.service.transformer import Shape, Transformer

SHAPE = Shape(width=32, layers=2, heads=4, blocks=16, block_size=4)
PROMPT = list(b"busy before its users")


def test_a_cached_decode_equals_a_full_forward_pass():
    model = Transformer(SHAPE, seed=3)
    whole = model.prefill(PROMPT, [0, 1, 2, 3, 4, 5])

    model.prefill(PROMPT[:-1], [9, 8, 7, 6, 11, 10])
    cached = model.decode([PROMPT[-1]], [[9, 8, 7, 6, 11, 10]], [len(PROMPT)])[0]

    torch.testing.assert_close(whole, cached, rtol=1e-4, atol=1e-5)


def test_a_batch_gives_each_sequence_what_it_gets_alone():
    model = Transformer(SHAPE, seed=3)
    tables = [[0, 1, 2], [3, 4], [5, 6, 7]]
    prompts = [PROMPT[:9], PROMPT[:4], PROMPT[2:12]]
    for prompt, table in zip(prompts, tables, strict=True):
        model.prefill(prompt, table)

    together = model.decode([1, 2, 3], tables, [10, 5, 11])

    for row, (prompt, table) in enumerate(zip(prompts, tables, strict=True)):
        model.prefill(prompt, table)
        alone = model.decode([row + 1], [table], [len(prompt) + 1])[0]
        torch.testing.assert_close(together[row], alone, rtol=1e-4, atol=1e-5)


def test_no_token_sees_a_later_one():
    model = Transformer(SHAPE, seed=3)
    model.prefill(PROMPT, [0, 1, 2, 3, 4, 5])
    keys = model.keys[:, : len(PROMPT) - 1].clone()

    model.prefill([*PROMPT[:-1], 0], [0, 1, 2, 3, 4, 5])

    torch.testing.assert_close(keys, model.keys[:, : len(PROMPT) - 1])


def test_the_same_seed_gives_the_same_model():
    one, other, third = Transformer(SHAPE, 1), Transformer(SHAPE, 1), Transformer(SHAPE, 2)

    assert torch.equal(one.embedding, other.embedding)
    assert not torch.equal(one.embedding, third.embedding)

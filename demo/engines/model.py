"""A random model, made on the spot, in the two forms that engines load: GGUF, and a folder.

Its vocabulary is the printable ASCII characters, so that one character is one token, as for the
demo's own model, and every token it says is text. Nothing is downloaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SPECIAL: Final = ("<s>", "</s>", "<pad>")
SPACE, NEWLINE = "\u0120", "\u010a"
"""How GPT-2's byte-level tokenizers spell them."""

MERGE: Final = ("~", "~")
"""llama.cpp loads no vocabulary without a merge; prompts hardly hold this one."""

VOCABULARY: Final = (*SPECIAL, NEWLINE, SPACE, *map(chr, range(33, 127)), "".join(MERGE))
CHAT: Final = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


@dataclass(frozen=True)
class Shape:
    """Sizes of a Llama: the width of a token, layers, heads of 32 and tokens of context."""

    hidden: int = 128
    layers: int = 2
    context: int = 2304

    @property
    def heads(self) -> int:
        return self.hidden // 32

    @property
    def kv_heads(self) -> int:
        return max(1, self.hidden // 64)

    @property
    def inner(self) -> int:
        return self.hidden * 2


def write_folder(folder: Path, shape: Shape) -> None:
    """Write config and tokenizer as Hugging Face's libraries read them; weights are the loader's.

    No token ends an answer, so that each is as long as it was asked to be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in (
        ("config.json", _config(shape)),
        ("tokenizer.json", _tokenizer()),
        ("tokenizer_config.json", {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": shape.context,
            "chat_template": CHAT,
        }),
        ("generation_config.json", {"bos_token_id": 0, "pad_token_id": 2}),
    ):  # fmt: skip
        (folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")


def _config(shape: Shape) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": 32,
        "vocab_size": len(VOCABULARY),
        "max_position_embeddings": shape.context,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "bos_token_id": 0,
        "eos_token_id": None,
        "pad_token_id": 2,
        "torch_dtype": "bfloat16",
    }


def _tokenizer() -> dict[str, Any]:
    special = [
        {
            "id": number, "content": text, "special": True, "single_word": False,
            "lstrip": False, "rstrip": False, "normalized": False,
        }
        for number, text in enumerate(SPECIAL)
    ]  # fmt: skip
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                  "use_regex": True}  # fmt: skip
    return {
        "version": "1.0",
        "added_tokens": special,
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "vocab": {text: number for number, text in enumerate(VOCABULARY)},
            "merges": [" ".join(MERGE)],
        },
    }


def write_gguf(path: Path, shape: Shape, seed: int = 0) -> None:
    """Write the model with random weights as GGUF, which llama.cpp loads."""
    import gguf  # noqa: PLC0415 - for llama-server alone
    import numpy as np  # noqa: PLC0415 - the same

    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer, gguf, shape)
    random = np.random.default_rng(seed)

    def add(name: str, *sizes: int) -> None:
        drawn = (random.standard_normal(sizes) * 0.02).astype(np.float16)
        writer.add_tensor(f"{name}.weight", drawn)

    def add_norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(shape.hidden, np.float32))

    width, inner, narrow = shape.hidden, shape.inner, shape.kv_heads * 32
    add("token_embd", len(VOCABULARY), width)
    add("output", len(VOCABULARY), width)
    add_norm("output_norm")
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        add_norm(f"{block}.attn_norm")
        add_norm(f"{block}.ffn_norm")
        for name, size in (("q", width), ("k", narrow), ("v", narrow), ("output", width)):
            add(f"{block}.attn_{name}", size, width)
        add(f"{block}.ffn_gate", inner, width)
        add(f"{block}.ffn_up", inner, width)
        add(f"{block}.ffn_down", width, inner)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: Any, gguf: Any, shape: Shape) -> None:
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_name("random")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(32)
    writer.add_vocab_size(len(VOCABULARY))
    writer.add_file_type(1)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(list(VOCABULARY))
    writer.add_token_types([control if text in SPECIAL else normal for text in VOCABULARY])
    writer.add_token_merges([" ".join(MERGE)])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_chat_template(CHAT)

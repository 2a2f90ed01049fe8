"""A Qwen2 network of a few thousand random weights as a GGUF file, with the tokenizer of single bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType
from gguf.quants import quantize
from tokenizers.pre_tokenizers import ByteLevel

HIDDEN, INNER, HEADS, GROUPS, LAYERS = 32, 64, 4, 2, 2
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write(path: Path, seed: int = 0, *, rounded: bool = False) -> dict[str, np.ndarray]:
    """Write the file, with matrices in 8 bits if they are to be rounded; its tensors by their names in it."""
    rng = np.random.default_rng(seed)
    tokens = [*sorted(ByteLevel.alphabet()), "ab", *SPECIAL]
    writer = GGUFWriter(path, "qwen2")
    if rounded:
        writer.add_file_type(LlamaFileType.MOSTLY_Q8_0)
    writer.add_block_count(LAYERS)
    writer.add_context_length(4096)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(GROUPS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (len(tokens) - len(SPECIAL)) + [3] * len(SPECIAL))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(tokens.index(SPECIAL[0]))
    writer.add_eos_token_id(tokens.index(SPECIAL[2]))
    writer.add_chat_template(CHAT)
    key = HIDDEN // HEADS * GROUPS
    shapes = {"token_embd.weight": (len(tokens), HIDDEN), "output_norm.weight": (HIDDEN,)}
    shapes["output.weight"] = (len(tokens), HIDDEN)
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.{name}": shape
            for name, shape in {
                "attn_norm.weight": (HIDDEN,),
                "ffn_norm.weight": (HIDDEN,),
                "attn_q.weight": (HIDDEN, HIDDEN),
                "attn_q.bias": (HIDDEN,),
                "attn_k.weight": (key, HIDDEN),
                "attn_k.bias": (key,),
                "attn_v.weight": (key, HIDDEN),
                "attn_v.bias": (key,),
                "attn_output.weight": (HIDDEN, HIDDEN),
                "ffn_gate.weight": (INNER, HIDDEN),
                "ffn_up.weight": (INNER, HIDDEN),
                "ffn_down.weight": (HIDDEN, INNER),
            }.items()
        }
    tensors = {}
    for name, shape in shapes.items():
        around = 1.0 if name.endswith("norm.weight") else 0.0
        tensors[name] = (around + 0.1 * rng.standard_normal(shape)).astype(np.float32)
        if rounded and len(shape) == 2:
            packed = quantize(tensors[name], GGMLQuantizationType.Q8_0)
            writer.add_tensor(name, packed, raw_dtype=GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(name, tensors[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors

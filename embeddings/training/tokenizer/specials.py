"""Special tokens: which ones a style has, and how they wrap a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

SENTINELS = 100
"""Tokens that stand for cut-out spans in style t5, `<extra_id_0>` to `<extra_id_99>`."""


@dataclass(frozen=True, slots=True)
class Wrapping:
    """A style.

    Attributes:
        named: special tokens by the name transformers has for them, in the order of their ids.
        single: the template of a text, None leaves it as it is.
        pair: of two texts.
        sentinels: how many `<extra_id_N>` there are.
    """

    named: dict[str, str]
    single: str | None = None
    pair: str | None = None
    sentinels: int = 0

    def tokens(self) -> list[str]:
        """All of them, in the order of their ids."""
        extra = [f"<extra_id_{number}>" for number in range(self.sentinels)]
        return [*dict.fromkeys(self.named.values()), *extra]


WRAPPINGS = {
    "bert": Wrapping(
        {
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "mask_token": "[MASK]",
        },
        "[CLS] $A [SEP]",
        "[CLS] $A [SEP] $B:1 [SEP]:1",
    ),
    "gpt2": Wrapping(
        {"pad_token": "<pad>", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
        | {"unk_token": "<unk>"}
    ),
    "t5": Wrapping(
        {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"},
        "$A </s>",
        "$A </s> $B </s>",
        SENTINELS,
    ),
}


def wrap(tokenizer: Tokenizer, wrapping: Wrapping) -> None:
    """Have texts wrapped in the style's template."""
    from tokenizers import processors

    if wrapping.single is None:
        return
    known = tokenizer.get_vocab()
    used = [token for token in wrapping.tokens() if token in wrapping.single]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=wrapping.single,
        pair=wrapping.pair or wrapping.single,
        special_tokens=[(token, known[token]) for token in used],
    )


def as_transformers(
    tokenizer: Tokenizer, wrapping: Wrapping, *, max_tokens: int | None
) -> PreTrainedTokenizerFast:
    """The tokenizer as transformers' class, which AutoTokenizer opens with normaliser and all.

    BertTokenizer and the like build their own normaliser on opening and would forget this one.
    """
    from transformers import PreTrainedTokenizerFast

    fast: Any = PreTrainedTokenizerFast
    given = {} if max_tokens is None else {"model_max_length": max_tokens}
    wrapped: PreTrainedTokenizerFast = fast(tokenizer_object=tokenizer, **wrapping.named, **given)
    return wrapped

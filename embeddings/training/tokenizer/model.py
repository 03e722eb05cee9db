"""The model whose tokenizer is extended: opened, given more rows, and written."""
# ruff: noqa: ANN401 - models are the libraries'

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import RecipeError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    from embeddings.training.tokenizer.starts import Starts

_STALE = ("vocab.txt", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "vocab.json")
"""Files of the old tokenizer that would contradict the new one."""


@dataclass(slots=True, eq=False)
class Opened:
    """A model to extend.

    Attributes:
        folder: where it is from.
        model: as sentence-transformers opens it.
        head: the same weights with a language model's head on top; None without one.
        backend: its tokenizer without truncation and padding.
    """

    folder: Path
    model: SentenceTransformer
    head: Any
    backend: Tokenizer

    @property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The tokenizer as transformers has it."""
        first: Any = self.model[0]
        found: PreTrainedTokenizerFast = first.tokenizer
        return found


def open_model(name: str) -> Opened:
    """A model and its tokenizer.

    Raises:
        RecipeError: it has no tokenizer of pieces.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer
    from tokenizers import Tokenizer

    from embeddings.progress import without_bars
    from embeddings.training.bodies import find_body

    folder = find_body(name)
    if folder is None:
        message = f"{name!r} is made from scratch and has no tokenizer to extend; name a folder"
        raise RecipeError(message)
    with without_bars():
        model = SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
        model.float()
        head = open_head(folder)
    tokenizer = getattr(model[0], "tokenizer", None)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if not isinstance(model[0], Transformer) or backend is None:
        message = (
            f"the tokenizer of {name} is {type(tokenizer).__name__}, not one of pieces that "
            "`tokenizers` reads; Transformers with a tokenizer.json can be extended"
        )
        raise RecipeError(message)
    made = Tokenizer.from_str(backend.to_str())
    made.no_truncation()
    made.no_padding()
    return Opened(folder, model, head, made)


def open_head(folder: Path) -> Any:
    """The weights with their language model's head, where the folder has one."""
    import transformers

    from embeddings.contents import read_json

    config = folder / "config.json"
    names = (read_json(config).get("architectures") if config.is_file() else None) or []
    heads = ("ForMaskedLM", "ForPreTraining", "LMHeadModel", "ForCausalLM")
    name = next((each for each in names if each.endswith(heads)), None)
    kind = getattr(transformers, name, None) if name else None
    if kind is None:
        return None
    return kind.from_pretrained(str(folder), local_files_only=True, use_safetensors=True).float()


def table_of(model: SentenceTransformer) -> np.ndarray:
    """float32 (n pieces, dim): the vectors that pieces are looked up in."""
    first: Any = model[0]
    weights: np.ndarray = first.auto_model.get_input_embeddings().weight.detach().float().numpy()
    return weights.copy()


def grow(opened: Opened, new: Tokenizer, starts: Starts, first: int) -> None:
    """Give the model a row for each new piece, and heads that are tied to the table one too."""
    import torch

    transformer: Any = opened.model[0]
    total = max(new.get_vocab().values()) + 1
    for each in [transformer.auto_model, opened.head]:
        if each is None:
            continue
        rows = each.get_input_embeddings().num_embeddings
        # Tables are sometimes padded beyond the vocabulary; they never become smaller.
        each.resize_token_embeddings(max(total, rows), mean_resizing=False)
        with torch.no_grad():
            table = each.get_input_embeddings().weight
            table[first:total] = torch.from_numpy(starts.vectors).to(table.dtype)


def save(opened: Opened, new: Tokenizer, out: Path) -> None:
    """Write the encoder with its new tokenizer; the head's weights too, where there is one."""
    from embeddings.progress import without_bars

    with without_bars():
        opened.model.save(str(out), create_model_card=False)
        if opened.head is not None:
            opened.head.save_pretrained(str(out))
    for name in _STALE:
        (out / name).unlink(missing_ok=True)
    wrap_like(opened.tokenizer, new).save_pretrained(str(out))


def wrap_like(old: PreTrainedTokenizerFast, new: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer with the special tokens and limits that the old one had.

    Its class is the plain one: BertTokenizer would put its own normaliser back on opening.
    """
    from transformers import PreTrainedTokenizerFast

    named = {
        name: str(token)
        for name, token in old.special_tokens_map.items()
        if isinstance(token, str) and name.endswith("_token")
    }
    fast: Any = PreTrainedTokenizerFast
    wrapped: PreTrainedTokenizerFast = fast(
        tokenizer_object=new,
        model_max_length=old.model_max_length,
        padding_side=old.padding_side,
        truncation_side=old.truncation_side,
        model_input_names=list(old.model_input_names),
        **named,
    )
    return wrapped

"""Language models of each objective: from scratch, or the weights of a folder."""
# ruff: noqa: ANN401 - models and tokenizers are the libraries'

from __future__ import annotations

import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import RecipeError, TrainingError

if TYPE_CHECKING:
    import torch

    from embeddings.training.pretraining.recipe import PretrainRecipe


_MARK = "tells_chosen"
"""Set on a model whose head is computed at labelled positions alone."""


def find_weights(recipe: PretrainRecipe) -> Path | None:
    """The folder of the weights to go on from, checked; None from scratch.

    Raises:
        RecipeError: it is none of those that can be trained here.
    """
    from embeddings.training.bodies import SCRATCH, find_body

    if recipe.is_from_scratch:
        return None
    if recipe.body_name in SCRATCH:
        message = (
            f"recipe key 'body' is {recipe.body_name!r}, which `train siamese` makes; here it is "
            "bert, gpt2, t5, a folder or a hub name"
        )
        raise RecipeError(message)
    folder = find_body(recipe.body_name)
    if folder is None or not (folder / "config.json").is_file():
        message = f"{recipe.body_name} has no config.json at its top; no Transformer to go on from"
        raise RecipeError(message)
    return folder


def open_tokenizer(recipe: PretrainRecipe, weights: Path | None) -> Any:
    """The recipe's tokenizer, or that of the weights.

    Raises:
        RecipeError: it is not there.
        TrainingError: it is not the one that the weights were made with.
    """
    own = None if weights is None else _read_tokenizer(weights)
    if recipe.tokenizer is None:
        return own
    given = _read_tokenizer(Path(recipe.tokenizer).expanduser())
    if own is not None and given.get_vocab() != own.get_vocab():
        theirs, ours = own.get_vocab(), given.get_vocab()
        same = sum(theirs.get(piece) == row for piece, row in ours.items())
        message = (
            f"the tokenizer in {recipe.tokenizer} has {len(ours):,} pieces, of which {same:,} have "
            f"the id that {recipe.body_name} ({len(theirs):,} pieces) knows them by: its weights "
            "were made with another one. Leave `tokenizer` out, or add pieces to its own with "
            "`meari train tokenizer --extend`"
        )
        raise TrainingError(message)
    return given


def check_fits(tokenizer: Any, model: Any, name: str) -> None:
    """Refuse a tokenizer with ids that the model's table does not have.

    Raises:
        TrainingError: it has.
    """
    rows = model.get_input_embeddings().num_embeddings
    highest = max(tokenizer.get_vocab().values())
    if highest >= rows:
        message = (
            f"the tokenizer has ids up to {highest:,}, the table of {name} rows up to "
            f"{rows - 1:,}: they were not made for each other"
        )
        raise TrainingError(message)


def make_model(recipe: PretrainRecipe, tokenizer: Any, weights: Path | None) -> Any:
    """A model to train; new weights are drawn by torch's generator: seed it before.

    Raises:
        RecipeError: the architecture of the weights cannot be trained for the objective.
        TrainingError: the weights cannot be read, or do not fit the tokenizer.
    """
    from embeddings.training.initialisation import initialise
    from embeddings.training.pretraining.quiet import quietly

    if weights is None:
        made = _MAKERS[recipe.body_name](recipe, tokenizer)
        initialise(made, recipe.size.initialisation)
    else:
        with quietly():
            made = _open(recipe, weights)
    check_fits(tokenizer, made, recipe.body_name)
    if recipe.objective == "masked":
        tell_chosen(made)
    return made


def tell_chosen(model: Any) -> bool:
    """Have a BERT compute its head at labelled positions alone; True if it is one.

    The head over a vocabulary costs more than the body of a small model, and six of seven
    positions are not asked for.
    """
    from transformers import BertForMaskedLM, BertForPreTraining

    if not isinstance(model, BertForMaskedLM | BertForPreTraining):
        return False

    def forward(self: Any, labels: torch.Tensor, **given: Any) -> dict[str, torch.Tensor]:
        found = self.bert(**given, return_dict=True)
        chosen = found.last_hidden_state[labels != -100]
        made = {"logits": self.cls.predictions(chosen)}
        if isinstance(self, BertForPreTraining):
            made["pair_logits"] = self.cls.seq_relationship(found.pooler_output)
        return made

    model.forward = types.MethodType(forward, model)
    setattr(model, _MARK, True)
    return True


def tells_chosen(model: Any) -> bool:
    """True if `tell_chosen` was done to a model."""
    return bool(getattr(model, _MARK, False))


def tell_all(model: Any) -> None:
    """Undo `tell_chosen`, and what mixed precision wrapped around it."""
    vars(model).pop("forward", None)
    vars(model).pop(_MARK, None)


def _read_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    if not (folder / "tokenizer.json").is_file():
        message = (
            f"{folder} holds no tokenizer.json; `tokenizer` names a folder of "
            "`meari train tokenizer`"
        )
        raise RecipeError(message)
    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        message = f"the tokenizer in {folder} cannot be opened: {error}"
        raise RecipeError(message) from error


def _open(recipe: PretrainRecipe, weights: Path) -> Any:
    import transformers
    from safetensors import SafetensorError

    kinds = {"masked": "AutoModelForMaskedLM", "causal": "AutoModelForCausalLM"}
    kinds |= {"spans": "AutoModelForSeq2SeqLM", "denoising": "AutoModelForMaskedLM"}
    name = "BertForPreTraining" if recipe.is_paired else kinds[recipe.objective]
    config = transformers.AutoConfig.from_pretrained(str(weights), local_files_only=True)
    if recipe.is_paired and config.model_type != "bert":
        message = (
            f"sentences = {recipe.sentences!r} needs a BERT; {recipe.body_name} is a "
            f"{config.model_type}"
        )
        raise RecipeError(message)
    limit = getattr(config, "max_position_embeddings", None)
    if limit and recipe.max_tokens > limit:
        message = (
            f"recipe key 'max_tokens' is {recipe.max_tokens}; {recipe.body_name} reads {limit} at "
            "most"
        )
        raise RecipeError(message)
    try:
        opened = getattr(transformers, name).from_pretrained(
            str(weights), local_files_only=True, use_safetensors=True
        )
        return opened.float()
    except ValueError as error:
        message = (
            f"{recipe.body_name} is a {config.model_type}, which has no head for objective "
            f"{recipe.objective!r}"
        )
        raise RecipeError(message) from error
    except (OSError, KeyError, RuntimeError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = f"the weights of {recipe.body_name} cannot be read: {reason}"
        raise TrainingError(message) from error


def _bert(recipe: PretrainRecipe, tokenizer: Any) -> Any:
    from transformers import BertConfig, BertForMaskedLM, BertForPreTraining

    size = recipe.size
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=size.inner or 4 * size.width,
        max_position_embeddings=recipe.max_tokens,
        hidden_dropout_prob=size.dropout,
        attention_probs_dropout_prob=size.dropout,
        pad_token_id=tokenizer.pad_token_id,
    )
    return (BertForPreTraining if recipe.is_paired else BertForMaskedLM)(config)


def _gpt2(recipe: PretrainRecipe, tokenizer: Any) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    size = recipe.size
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer),
            n_embd=size.width,
            n_layer=size.layers,
            n_head=size.heads,
            n_inner=size.inner,
            n_positions=recipe.max_tokens,
            resid_pdrop=size.dropout,
            embd_pdrop=size.dropout,
            attn_pdrop=size.dropout,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _t5(recipe: PretrainRecipe, tokenizer: Any) -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    size = recipe.size
    make: Any = T5Config  # its signature leaves out what all configurations take
    return T5ForConditionalGeneration(
        make(
            vocab_size=len(tokenizer),
            d_model=size.width,
            d_kv=size.width // size.heads,
            d_ff=size.inner or 4 * size.width,
            num_layers=size.layers,
            num_heads=size.heads,
            dropout_rate=size.dropout,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            decoder_start_token_id=tokenizer.pad_token_id,
        )
    )


_MAKERS = {"bert": _bert, "gpt2": _gpt2, "t5": _t5}

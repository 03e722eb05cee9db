"""Bodies of encoders: one recipe key to a pipeline of sentence-transformers' own modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from embeddings.training.errors import RecipeError, TrainingError
from embeddings.training.initialisation import initialise, set_dropout
from embeddings.training.options import Initialisation  # noqa: TC001 - read with the fields
from embeddings.training.recipe import Count, FileName, Within

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

SCRATCH = ("bow", "words", "cnn", "lstm", "transformer")
"""Bodies made here; any other name is a folder, a built-in or a hub name."""
Pool = Literal["auto", "mean", "cls", "max", "weightedmean", "lasttoken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The shape of a body made from scratch.

    Attributes:
        tokenizer: `words` (parted at blanks), `pieces` (WordPiece, Wu et al. 2016, learned from
            the training texts), a tokenizer's folder, or `auto`: words for bow, pieces for the
            others.
        vocabulary: words or pieces at most, the most frequent ones.
        vectors: word vectors to begin with: a folder of `train words` or word2vec text; the
            vocabulary is then theirs, and texts are cut into its longest entries.
        tune: whether vectors go on learning.
        width: of a token; of word vectors where none are given.
        layers: of lstm and transformer.
        heads: of attention; they divide the width.
        inner: width of the transformer's feed-forward layers; None is 4 widths.
        channels: of each kernel of the cnn; of each direction of the lstm.
        kernels: lengths of the cnn's kernels, in tokens; odd.
        initialisation: of all that is made from scratch.
    """

    tokenizer: Annotated[str, FileName(or_name=True)] = "auto"
    vocabulary: Annotated[int, Within(least=10, most=2_000_000)] = 30_000
    vectors: Annotated[str, FileName()] | None = None
    tune: bool = True
    width: Count = 256
    layers: Count = 2
    heads: Count = 4
    inner: Count | None = None
    channels: Count = 256
    kernels: tuple[Count, ...] = (1, 3, 5)
    initialisation: Initialisation = "default"

    def __post_init__(self) -> None:
        if self.width % self.heads:
            message = f"shape.heads ({self.heads}) does not divide shape.width ({self.width})"
            raise RecipeError(message)
        if any(kernel % 2 == 0 for kernel in self.kernels):
            message = f"shape.kernels is {list(self.kernels)}; kernels have odd lengths"
            raise RecipeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """An encoder to train.

    Attributes:
        name: `bow`, `words`, `cnn`, `lstm`, `transformer` (from scratch), `minilm`, a folder or
            a hub name; a decoder is pooled at its last token, a T5 is its encoder half.
        shape: of a body made from scratch.
        pooling: how token states become one vector; `auto` is the model's own, the last token
            for decoders, the mean otherwise.
        max_tokens: tokens read of a text; None is the model's own limit (128 from scratch).
        dense: width of a layer with tanh behind the pooling; None has none.
        normalise: vectors of length 1; None keeps what the model does.
        dropout: share of numbers set to 0 in training; None keeps the model's.
        freeze: train only what stands behind the body.
    """

    name: str
    shape: Shape
    pooling: Pool = "auto"
    max_tokens: int | None = None
    dense: int | None = None
    normalise: bool | None = None
    dropout: float | None = None
    freeze: bool = False


def find_body(name: str) -> Path | None:
    """The folder of a trained body, checked; None for one made from scratch.

    Raises:
        EncoderNotFoundError: no folder, built-in or hub model of that name.
        EncoderRefusedError: it asks for code or pickle.
    """
    from pathlib import Path

    from embeddings.folder import check_folder
    from embeddings.minilm import bundled_folder
    from embeddings.sentence import download_folder

    if name in SCRATCH:
        return None
    if name == "minilm":
        return bundled_folder()
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if name.startswith((".", "/", "~")) or name.count("/") != 1:
            message = (
                f"recipe key 'body' is {name!r}: neither a folder, nor `minilm`, nor one made "
                f"from scratch ({', '.join(SCRATCH)}); hub names are organisation/model"
            )
            raise RecipeError(message)
        folder = download_folder(name)
    check_folder(folder)
    return folder


def build_body(body: Body, texts: Iterable[str], *, device: str) -> SentenceTransformer:
    """A model to train, its first weights drawn from torch's own generator: seed it before.

    Args:
        body: what to build.
        texts: of the training data, for vocabularies made here.
        device: where it lies.

    Raises:
        RecipeError: the body's parts do not fit each other.
        TrainingError: its tokenizer is not the one its weights were made with.
    """
    from embeddings.progress import without_bars

    folder = find_body(body.name)
    with without_bars():
        if folder is None:
            model = _scratch(body, list(texts), device)
        else:
            model = _trained(body, folder, device)
    _add_head(model, body)
    return make_ready(model, body, device=device)


def reopen_body(folder: Path, body: Body, *, device: str) -> SentenceTransformer:
    """The model of `build_body`, as it was saved into a folder before the first step.

    Vocabularies are not learned twice: the libraries break ties at random.
    """
    from sentence_transformers import SentenceTransformer

    from embeddings.progress import without_bars

    with without_bars():
        model = SentenceTransformer(str(folder), device=device, local_files_only=True)
    return make_ready(model, body, device=device)


def make_ready(model: SentenceTransformer, body: Body, *, device: str) -> SentenceTransformer:
    """The model with frozen weights, dropout and tokenizer as the recipe has them.

    Raises:
        RecipeError: dropout is asked for and there are no such layers.
        TrainingError: its tokenizer is not the one its weights were made with.
    """
    heads = {"Dense", "Normalize"}
    for module in model if body.freeze else ():
        if type(module).__name__ not in heads or body.dense is None:
            module.requires_grad_(requires_grad=False)
    if body.dropout is not None and not set_dropout(model, body.dropout):
        message = f"recipe key 'dropout' does nothing: body {body.name!r} has no dropout layers"
        raise RecipeError(message)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        message = (
            f"body {body.name!r} has no weights to train{' once it is frozen' * body.freeze}; "
            "put a layer behind it (`dense = 256`)"
        )
        raise RecipeError(message)
    check_tokenizer(model)
    _forgive_tasks(model)
    return model.to(device)


def check_tokenizer(model: SentenceTransformer) -> None:
    """Refuse a tokenizer with ids that the embedding table does not have.

    Raises:
        TrainingError: the tokenizer is of another model.
    """
    from torch.nn import Embedding

    first: Any = model[0]
    tokenizer = getattr(first, "tokenizer", None)
    tokenizer = getattr(tokenizer, "tokenizer", tokenizer)
    table = next((m for m in first.modules() if isinstance(m, Embedding)), None)
    if table is None or not hasattr(tokenizer, "get_vocab"):
        return
    highest = max(tokenizer.get_vocab().values(), default=0)
    if highest >= table.num_embeddings:
        message = (
            f"the tokenizer has ids up to {highest:,}, the model's table has rows up to "
            f"{table.num_embeddings - 1:,}: they were not made for each other. Put the model's own "
            "tokenizer into its folder"
        )
        raise TrainingError(message)


def _trained(body: Body, folder: Path, device: str) -> SentenceTransformer:
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    try:
        if (folder / "modules.json").is_file():
            model = SentenceTransformer(
                str(folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
            _set_pooling(model, body.pooling)
        else:
            first = Transformer(str(folder), model_kwargs={"use_safetensors": True})
            _give_padding(first)
            pooling = body.pooling
            if pooling == "auto":
                pooling = "lasttoken" if _is_decoder(first) else "mean"
            width = first.get_embedding_dimension()
            model = SentenceTransformer(modules=[first, Pooling(width, pooling)], device=device)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = f"body {body.name} cannot be loaded: {reason}"
        raise TrainingError(message) from error
    if body.max_tokens is not None:
        limit = _positions(model)
        if limit is not None and body.max_tokens > limit:
            message = f"max_tokens is {body.max_tokens}; body {body.name} reads {limit} at most"
            raise RecipeError(message)
        model.max_seq_length = body.max_tokens
    return model


def _scratch(body: Body, texts: Sequence[str], device: str) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import CNN, LSTM, Dropout, Pooling

    from embeddings.training.vocabularies import bag_of_words, small_transformer, word_table

    shape = body.shape
    if body.name == "bow":
        modules: list[Any] = [bag_of_words(shape, texts)]
    elif body.name == "transformer":
        modules = [small_transformer(body, texts)]
    else:
        modules = [word_table(body, texts)]
        width = modules[0].get_embedding_dimension()
        if body.name == "cnn":
            modules.append(CNN(width, shape.channels, list(shape.kernels)))
        elif body.name == "lstm":
            modules.append(LSTM(width, shape.channels, shape.layers, dropout=0.0))
    for module in modules[0 if shape.vectors is None else 1 :]:
        initialise(module, shape.initialisation)
    if body.name != "bow":
        pooling = "mean" if body.pooling == "auto" else body.pooling
        modules.append(Pooling(modules[-1].get_embedding_dimension(), pooling))
    if body.dropout is not None and body.name != "transformer":
        modules.append(Dropout(body.dropout))
    return SentenceTransformer(modules=modules, device=device)


def _add_head(model: SentenceTransformer, body: Body) -> None:
    """Dense behind the pooling, Normalize at the end."""
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    ends_normalised = type(model[-1]).__name__ == "Normalize"
    wanted = ends_normalised if body.normalise is None else body.normalise
    if ends_normalised and (body.dense is not None or not wanted):
        del model[-1]
        ends_normalised = False
    if body.dense is not None:
        width = model.get_embedding_dimension()
        layer = Dense(int(width or 0), body.dense)
        initialise(layer, body.shape.initialisation)
        model.append(layer)
    if wanted and not ends_normalised:
        model.append(Normalize())


def _set_pooling(model: SentenceTransformer, mode: Pool) -> None:
    if mode == "auto":
        return
    from sentence_transformers.sentence_transformer.modules import Pooling

    for name, module in list(model.named_children()):
        if isinstance(module, Pooling):
            width = module.embedding_dimension
            model[int(name)] = Pooling(width, mode)
            return
    message = f"recipe key 'pooling' is {mode!r}; this body has no pooling that could be changed"
    raise RecipeError(message)


def _give_padding(first: Any) -> None:  # noqa: ANN401 - the library's module
    """Decoders often have no padding token; the end of text stands in, masked."""
    tokenizer = first.tokenizer
    if tokenizer.pad_token is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token


def _is_decoder(first: Any) -> bool:  # noqa: ANN401 - the library's module
    config = first.auto_model.config
    if getattr(config, "is_encoder_decoder", False):
        return False
    architectures = getattr(config, "architectures", None) or []
    causal = any("CausalLM" in name or "LMHead" in name for name in architectures)
    return causal or config.model_type in {"gpt2", "gpt_neox", "llama", "mistral", "qwen2", "qwen3"}


def _positions(model: SentenceTransformer) -> int | None:
    """Positions the body has weights for; None where there is no such limit."""
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    found = getattr(config, "max_position_embeddings", None)
    return int(found) if found else None


def _forgive_tasks(model: SentenceTransformer) -> None:
    """Let a wrapped tokenizer take the `task` the library tells it of, and drops itself elsewhere.

    sentence-transformers 6.2's TransformersTokenizerWrapper refuses every keyword, the trainer
    and `encode_query` give it one.
    """
    wrapper: Any = getattr(model[0], "tokenizer", None)
    if type(wrapper).__name__ != "TransformersTokenizerWrapper":
        return
    tokenize = type(wrapper).tokenize

    def forgiving(text: str, **_: object) -> list[int]:
        ids: list[int] = tokenize(wrapper, text)
        return ids

    wrapper.tokenize = forgiving

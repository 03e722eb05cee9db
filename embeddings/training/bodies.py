"""Bodies of encoders: one recipe key to a pipeline of sentence-transformers' own modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from embeddings.training.errors import RecipeError, TrainingError
from embeddings.training.initialisation import set_dropout
from embeddings.training.options import Initialisation  # noqa: TC001 - read with the fields
from embeddings.training.recipe import Count, FileName, Within

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

SCRATCH = ("bow", "words", "cnn", "lstm", "transformer", "static")
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
        encoder: of static: the table begins with the vectors that this encoder (a folder,
            `minilm` or a hub name) gives to each of its pieces alone: `width` numbers of
            them, the first where they were trained to be cut, else by PCA; the tokenizer is then
            the encoder's.
        sif: of static: rows begin a / (a + p) as long, for this a and the share p of a piece in
            the training texts (Arora et al. 2017); None leaves them.
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
    encoder: Annotated[str, FileName(or_name=True)] | None = None
    sif: Annotated[float, Within(above=0, most=1)] | None = None

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
        name: `bow`, `words`, `cnn`, `lstm`, `transformer`, `static` (from scratch),
            `meari-ko-en`, `minilm`, a folder or a hub name; a decoder is pooled at its last token,
            a T5 is its encoder half.
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


def find_body(name: str, *, key: str = "body") -> Path | None:
    """The folder of a trained body, checked; None for one made from scratch.

    Args:
        name: of the body.
        key: of the recipe, for messages.

    Raises:
        EncoderNotFoundError: no folder, built-in or hub model of that name.
        EncoderRefusedError: it asks for code or pickle.
    """
    from pathlib import Path

    from embeddings.bundled import BUNDLED, find_bundled
    from embeddings.folder import check_folder
    from embeddings.minilm import bundled_folder
    from embeddings.sentence import download_folder

    if name in SCRATCH:
        return None
    if name in BUNDLED:
        return find_bundled(name)
    if name == "minilm":
        return bundled_folder()
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if name.startswith((".", "/", "~")) or name.count("/") != 1:
            message = (
                f"recipe key {key!r} is {name!r}: neither a folder, nor bundled "
                f"({', '.join([*BUNDLED, 'minilm'])}), nor one made from scratch "
                f"({', '.join(SCRATCH)}); hub names are organisation/model"
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
    from embeddings.training.pipelines import add_head, scratch_pipeline, trained_pipeline

    folder = find_body(body.name)
    with without_bars():
        if folder is None:
            model = scratch_pipeline(body, list(texts), device)
        else:
            model = trained_pipeline(body, folder, device)
    add_head(model, body)
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
    from torch.nn import Embedding, EmbeddingBag

    first: Any = model[0]
    tokenizer: Any = getattr(first, "tokenizer", None)
    tokenizer = getattr(tokenizer, "tokenizer", tokenizer)
    table = next((m for m in first.modules() if isinstance(m, Embedding | EmbeddingBag)), None)
    vocabulary = tokenizer.get_vocab() if hasattr(tokenizer, "get_vocab") else None
    if table is None or not isinstance(vocabulary, dict):
        return
    highest = max(vocabulary.values(), default=0)
    if highest >= table.num_embeddings:
        message = (
            f"the tokenizer has ids up to {highest:,}, the model's table has rows up to "
            f"{table.num_embeddings - 1:,}: they were not made for each other. Put the model's own "
            "tokenizer into its folder"
        )
        raise TrainingError(message)


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

"""Encoders kept as sentence-transformers folders, computed by torch.

Reimers and Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", 2019,
arXiv:1908.10084.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.contents import read_json
from embeddings.device import check_device
from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.fingerprint import fingerprint_folder
from embeddings.folder import check_folder
from embeddings.opening import check_rows, check_vectors, check_weights, opening
from embeddings.progress import without_bars
from embeddings.tokens import Tokens, tokens_of
from embeddings.types import EncoderCard, Encoding, as_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self

    import torch
    from sentence_transformers import SentenceTransformer

    from embeddings.types import Counts, Modality, Role

logger = logging.getLogger(__name__)

_BAG_TOKENS = 262_144
"""Tokens of a batch that is not padded: threads take turns every few hundredths of a second."""
_BATCH_TOKENS = {"cpu": 2_048, "cuda": 65_536, "mps": 16_384}
"""Tokens of a batch, padding counted. On a CPU a batch should stay in the second-level cache."""
_PROMPT_NAMES = {"query": ("query",), "document": ("document", "passage", "corpus")}
LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, TypeError, ImportError)
"""What the library raises of folders that it cannot load."""
_PROBES = ["a", "가 b 1"]
"""Encoded once when a folder is opened, to find out whether it works."""
_HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]


class SentenceEncoder:
    """A sentence-transformers model, batched by length and token budget.

    Vectors agree with the library's own `encode_query` and `encode_document` to float rounding.

    Use `from_folder` and `from_hub`.
    """

    def __init__(self, model: SentenceTransformer, card: EncoderCard) -> None:
        self._model = model
        self._card = card
        self._tokens: Tokens = tokens_of(model, card.max_tokens)
        self._computing = threading.Lock()
        self._budget = _BATCH_TOKENS.get(model.device.type, _BATCH_TOKENS["cpu"])

    @classmethod
    def from_folder(
        cls,
        folder: Path,
        *,
        name: str | None = None,
        device: str | None = None,
        languages: tuple[str, ...] = (),
    ) -> Self:
        """The encoder in a model folder; nothing is fetched and no code of the folder is run.

        Args:
            folder: in the sentence-transformers layout.
            name: what it is called on cards; None is the folder's path.
            device: `cpu`, `cuda`, ...; None takes a GPU where there is one.
            languages: ISO 639-1 codes; empty takes those of the folder's own card.

        Raises:
            EncoderNotFoundError: no model there.
            EncoderRefusedError: it asks for code or pickle, cannot be loaded, or gives vectors
                that are none.
            DeviceError: the device is unknown, or not here.
        """
        check_folder(folder)
        check_device(device)
        with opening(folder):
            model = _load_model(folder, device)
            check_weights(folder, model)
            check_rows(folder, model)
            made = cls(model, _make_card(model, folder, name or str(folder), languages))
            for role in ("query", "document"):
                check_vectors(folder, made.encode(_PROBES, role=role).vectors, made.dim)
        return made

    @classmethod
    def from_hub(cls, name: str, *, device: str | None = None) -> Self:
        """The encoder of a hub name, from this machine's cache if it is there.

        Raises:
            EncoderNotFoundError: not in the cache, and the hub has none or is out of reach.
            EncoderRefusedError: it asks for code or pickle.
        """
        return cls.from_folder(download_folder(name), name=name, device=device)

    @property
    def model(self) -> SentenceTransformer:
        """The library's model."""
        return self._model

    @property
    def tokens(self) -> Tokens:
        """How its texts become features."""
        return self._tokens

    def with_fallback(self, reason: str) -> SentenceEncoder:
        """The same encoder, with why no faster runtime computes it on its card."""
        return SentenceEncoder(self._model, replace(self._card, fallback=reason))

    @property
    def card(self) -> EncoderCard:
        """The identity of this encoder."""
        return self._card

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self._card.dim

    @property
    def max_tokens(self) -> int:
        """Tokens read of one text."""
        return self._card.max_tokens

    @property
    def modalities(self) -> frozenset[Modality]:
        """Text alone."""
        return frozenset({"text"})

    def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
        """Vectors of the texts behind the role's prompt, in order; see `Encoder.encode`."""
        texts = as_texts(inputs)
        prompt = self._card.prompts.get(role, "")
        counted = self._tokens.count([prompt + text for text in texts])
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for rows in self._batches(np.minimum(counted.tokens, self.max_tokens)):
            batch = [texts[row] for row in rows]
            features = self._tokens.features(counted, rows, batch, prompt)
            vectors[rows] = self._compute(features)
        return Encoding(vectors, counted.tokens, counted.tokens > self.max_tokens, counted.unknown)

    def count_tokens(self, inputs: Sequence[str], *, role: Role) -> Counts:
        """int32 (n,): tokens with prompt and special tokens, before any cut."""
        prompt = self._card.prompts.get(role, "")
        return self._tokens.count([prompt + text for text in as_texts(inputs)]).tokens

    def tokenizer_json(self) -> str | None:
        """The tokenizer as Hugging Face JSON, without truncation or padding."""
        return self._tokens.to_json()

    def _batches(self, lengths: Counts) -> Iterator[np.ndarray]:
        if self._tokens.is_padded:
            return _batches(lengths, self._budget)
        return _slices(lengths, _BAG_TOKENS)

    def _compute(self, features: dict[str, torch.Tensor]) -> np.ndarray:
        """float32 (n, dim); one batch at a time, so that threads take turns batch by batch."""
        import torch

        device = self._model.device
        moved = {
            key: value.to(device, non_blocking=True) if hasattr(value, "to") else value
            for key, value in features.items()
        }
        with self._computing, torch.inference_mode():
            output = self._model(moved)["sentence_embedding"]
            vectors: np.ndarray = output.to(device="cpu", dtype=torch.float32).numpy()
            return vectors


def _batches(lengths: Counts, budget: int) -> Iterator[np.ndarray]:
    """Rows in batches of like length whose padded tokens stay within the budget.

    Longest first: what does not fit into memory fails at once and not at the end.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(int(lengths[order[start]]), 1)
        end = start + max(budget // longest, 1)
        yield order[start:end]
        start = end


def _slices(lengths: Counts, budget: int) -> Iterator[np.ndarray]:
    """Rows in their order, in batches that end with the row that goes beyond the budget."""
    parts = np.cumsum(lengths, dtype=np.int64) // budget
    for part in np.unique(parts):
        yield np.flatnonzero(parts == part)


def _load_model(folder: Path, device: str | None) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    with without_bars():
        model = SentenceTransformer(
            str(folder),
            device=device,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
    if model.device.type == "cpu":
        # Weights kept in half precision: a CPU computes with them slowly, and rounds at each step.
        model.float()
    return model.eval()


def _make_card(
    model: SentenceTransformer, folder: Path, name: str, languages: tuple[str, ...]
) -> EncoderCard:
    dim = model.get_embedding_dimension()
    if dim is None:
        message = f"{folder} does not say how wide its vectors are; refused"
        raise EncoderRefusedError(message)
    prompts = role_prompts(model)
    max_tokens = window_of(model)
    if max_tokens < 1 or dim < 1:
        message = f"{folder} gives {dim} numbers for {max_tokens} tokens; 1 at least; refused"
        raise EncoderRefusedError(message)
    kinds = [type(module).__name__ for module in model]
    own = folder / "encoder_card.json"
    if not languages and own.is_file():
        languages = tuple(read_json(own).get("languages", ()))
    return EncoderCard(
        name=name,
        kind="sentence-transformers",
        dim=int(dim),
        max_tokens=max_tokens,
        pooling=pooling_of(model),
        normalised=kinds[-1] == "Normalize",
        dtype=str(model.dtype).removeprefix("torch."),
        runtime=f"torch {version('torch')}",
        fingerprint=fingerprint_folder(folder, prompts=prompts, max_tokens=max_tokens),
        prompts=prompts,
        languages=languages,
    )


def role_prompts(model: SentenceTransformer) -> dict[str, str]:
    """The prompts that the library's `encode_query` and `encode_document` would choose.

    The first name that the model has decides, even if its prompt is empty.
    """
    chosen: dict[str, str] = {}
    for role, names in _PROMPT_NAMES.items():
        name = next((name for name in names if name in model.prompts), model.default_prompt_name)
        prompt = model.prompts.get(name or "", "")
        if prompt:
            chosen[role] = prompt
    return chosen


def window_of(model: SentenceTransformer) -> int:
    """Tokens read of one text; a module without a limit reads everything."""
    first: Any = model[0]
    # A table's window is its tokenizer's: the library gives it none of its own.
    truncation = getattr(getattr(first, "tokenizer", None), "truncation", None)
    if type(first).__name__ == "StaticEmbedding" and truncation is not None:
        return int(truncation["max_length"])
    limit = model.max_seq_length
    return int(limit) if limit is not None and limit < 1 << 24 else 1 << 24


def pooling_of(model: SentenceTransformer) -> str:
    """How token states become one vector; the first module's name where nothing is pooled."""
    for module in model:
        if type(module).__name__ == "Pooling":
            pooling: Any = module
            mode = pooling.pooling_mode
            return mode if isinstance(mode, str) else "+".join(mode)
    return type(model[0]).__name__.lower()


def download_folder(name: str) -> Path:
    """The folder of a hub name, from this machine's cache if it is there; see `from_hub`."""
    from pathlib import Path

    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True, allow_patterns=_HUB_FILES))
    except (LocalEntryNotFoundError, HFValidationError):
        logger.info("encoder %s is not in this machine's cache, asking the hub", name)
    try:
        return Path(snapshot_download(name, allow_patterns=_HUB_FILES))
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        message = (
            f"encoder {name!r} is neither a folder nor in this machine's cache, and the hub "
            "cannot be reached or has no model of that name; give a model folder instead, or "
            "`meari-ko-en`, which needs no network"
        )
        raise EncoderNotFoundError(message) from error

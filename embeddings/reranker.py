"""Rerankers: they read query and text side by side, which is slower and surer than two vectors.

Nogueira and Cho, "Passage re-ranking with BERT", 2019, arXiv:1901.04085.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from embeddings.errors import EncoderRefusedError
from embeddings.folder import check_folder, read_json
from embeddings.types import as_texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

    from sentence_transformers import CrossEncoder

Relevances: TypeAlias = npt.NDArray[np.float32]
"""float32 (n,), 0 to 1, higher is better."""

_BATCH = 16
_LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, TypeError, ImportError)
_NO_WINDOW = 1 << 24
_CLASSIFIER = "ForSequenceClassification"


@runtime_checkable
class Reranker(Protocol):
    """Says how well each text answers a query."""

    @property
    def name(self) -> str:
        """What receipts call it."""

    @property
    def max_tokens(self) -> int:
        """Tokens read of query and text together, special tokens counted."""

    def score(self, query: str, texts: Sequence[str]) -> Relevances:
        """float32 (n,), 0 to 1, in the order of the texts; no texts give shape (0,).

        Raises:
            TypeError: `texts` is a bare string, or holds something that is not one.
            InvalidInputError: the query or a text is empty, blank or not valid Unicode.
        """

    def truncated(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Of shape (n,): True where `score` does not read query and text to their ends."""


class CrossEncoderReranker:
    """A sentence-transformers cross-encoder with one output, its logit taken through a sigmoid.

    Any number of threads may ask; they take turns.

    Use `from_folder`.
    """

    def __init__(self, model: CrossEncoder, name: str) -> None:
        self._model = model
        self._name = name
        self._computing = threading.Lock()

    @classmethod
    def from_folder(
        cls, folder: Path, *, name: str | None = None, device: str | None = None
    ) -> Self:
        """The cross-encoder in a model folder; nothing is fetched and no code of it is run.

        Args:
            folder: as sentence-transformers saves it.
            name: what receipts call it; None is the folder's own name.
            device: `cpu`, `cuda`, ...; None takes a GPU where there is one.

        Raises:
            EncoderNotFoundError: no model there.
            EncoderRefusedError: it asks for code or pickle, cannot be loaded, or has more than one
                output.
        """
        from safetensors import SafetensorError

        check_folder(folder)
        _check_kind(folder)
        try:
            model = _load_model(folder, device)
            outputs = model.num_labels
        except (*_LOAD_ERRORS, SafetensorError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            message = f"reranker folder {folder} cannot be loaded as a cross-encoder: {reason}"
            raise EncoderRefusedError(message) from error
        if outputs != 1:
            message = (
                f"reranker folder {folder} gives {outputs} numbers a pair; one is needed: a "
                "cross-encoder that was trained to rank"
            )
            raise EncoderRefusedError(message)
        return cls(model, name or folder.resolve().name)

    @property
    def name(self) -> str:
        """What receipts call it."""
        return self._name

    @property
    def max_tokens(self) -> int:
        """Tokens read of query and text together; a model without a limit reads everything."""
        limit = self._model.max_seq_length
        return _NO_WINDOW if limit is None else min(int(limit), _NO_WINDOW)

    def score(self, query: str, texts: Sequence[str]) -> Relevances:
        """Relevances of the texts; see `Reranker.score`."""
        import torch

        pairs = _pairs(query, texts)
        if not pairs:
            return np.empty(0, dtype=np.float32)
        with self._computing:
            scores = self._model.predict(
                pairs,
                batch_size=_BATCH,
                show_progress_bar=False,
                activation_fn=torch.nn.Sigmoid(),
                convert_to_numpy=True,
            )
        return np.asarray(scores, dtype=np.float32)

    def truncated(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which pairs are longer than the window; see `Reranker.truncated`."""
        pairs = _pairs(query, texts)
        if not pairs:
            return np.zeros(0, dtype=bool)
        tokenizer: Any = self._model.tokenizer
        with self._computing:
            ids = tokenizer(
                [pair[0] for pair in pairs], [pair[1] for pair in pairs], verbose=False
            )["input_ids"]
        return np.array([len(row) > self.max_tokens for row in ids], dtype=bool)


def load_reranker(folder: Path, *, device: str | None = None) -> CrossEncoderReranker:
    """The reranker in a model folder; see `CrossEncoderReranker.from_folder`."""
    return CrossEncoderReranker.from_folder(folder, device=device)


def _pairs(query: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    asked = as_texts([query])[0]
    return [(asked, text) for text in as_texts(texts)]


def _check_kind(folder: Path) -> None:
    """Refuse other models: the library would put an untrained layer on top and score at random."""
    settings, config = folder / "config_sentence_transformers.json", folder / "config.json"
    kind = read_json(settings).get("model_type") if settings.is_file() else None
    classes = read_json(config).get("architectures") or [] if config.is_file() else []
    if kind != "CrossEncoder" and not any(str(name).endswith(_CLASSIFIER) for name in classes):
        found = kind or ", ".join(map(str, classes)) or "something else"
        message = f"reranker folder {folder} holds {found}, not a cross-encoder; refused"
        raise EncoderRefusedError(message)


def _load_model(folder: Path, device: str | None) -> CrossEncoder:
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging

    progress: Any = logging
    shown = progress.is_progress_bar_enabled()
    progress.disable_progress_bar()
    try:
        model: CrossEncoder = CrossEncoder(
            str(folder),
            device=device,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
    finally:
        if shown:
            progress.enable_progress_bar()
    model.eval()
    return model

"""Query and text read side by side: slower than two vectors, and surer.

Nogueira and Cho, "Passage re-ranking with BERT", 2019, arXiv:1901.04085.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import EncoderRefusedError
from embeddings.progress import without_bars
from embeddings.types import as_texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

    import numpy.typing as npt
    from sentence_transformers import CrossEncoder

    from embeddings.reranker import Relevances, RerankerKind

_BATCH = 16
_NO_WINDOW = 1 << 24
_CHARS = 32
"""Characters read for each token of the window: a megabyte is not tokenised to read its start."""


class CrossEncoderReranker:
    """A sentence-transformers cross-encoder with one output, its logit taken through a sigmoid.

    Any number of threads may ask; they take turns. Use `embeddings.reranker.load_reranker`.
    """

    def __init__(self, model: CrossEncoder, name: str) -> None:
        self._model = model
        self._name = name
        self._computing = threading.Lock()

    @classmethod
    def from_folder(cls, folder: Path, name: str, device: str | None) -> Self:
        """The cross-encoder in a folder that was checked.

        Raises:
            EncoderRefusedError: it gives more than one number a pair.
        """
        from sentence_transformers import CrossEncoder

        with without_bars():
            model: CrossEncoder = CrossEncoder(
                str(folder),
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        if model.num_labels != 1:
            message = (
                f"reranker folder {folder} gives {model.num_labels} numbers a pair; one is needed: "
                "a cross-encoder that was trained to rank"
            )
            raise EncoderRefusedError(message)
        model.eval()
        return cls(model, name)

    @property
    def name(self) -> str:
        """What receipts call it."""
        return self._name

    @property
    def kind(self) -> RerankerKind:
        """How it reads: query and text at once."""
        return "cross-encoder"

    @property
    def max_tokens(self) -> int:
        """Tokens read of query and text together; a model without a limit reads everything."""
        limit = self._model.max_seq_length
        return _NO_WINDOW if limit is None else min(int(limit), _NO_WINDOW)

    def score(self, query: str, texts: Sequence[str]) -> Relevances:
        """Relevances of the texts; see `Reranker.score`."""
        logits = self.score_raw(query, texts)
        # Of the two forms of the logistic function, each where it cannot overflow.
        small = np.exp(-np.abs(logits))
        return np.where(logits < 0, small / (1 + small), 1 / (1 + small)).astype(np.float32)

    def score_raw(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """float32 (n,): the logits of the pairs."""
        import torch

        pairs = self._pairs(query, texts)
        if not pairs:
            return np.empty(0, dtype=np.float32)
        with self._computing:
            scores = self._model.predict(
                pairs,
                batch_size=_BATCH,
                show_progress_bar=False,
                activation_fn=torch.nn.Identity(),
                convert_to_numpy=True,
            )
        return np.asarray(scores, dtype=np.float32)

    def truncated(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which pairs are longer than the window; see `Reranker.truncated`."""
        pairs = self._pairs(query, texts)
        if not pairs:
            return np.zeros(0, dtype=bool)
        tokenizer: Any = self._model.tokenizer
        asked, read = zip(*pairs, strict=True)
        with self._computing:
            ids = tokenizer(list(asked), list(read), verbose=False)["input_ids"]
        cut = [len(text) > _CHARS * self.max_tokens for text in texts]
        longer = [len(row) > self.max_tokens for row in ids]
        return np.logical_or(longer, cut)

    def _pairs(self, query: str, texts: Sequence[str]) -> list[tuple[str, str]]:
        most = _CHARS * self.max_tokens
        asked = as_texts([query])[0]
        return [(asked[:most], text[:most]) for text in as_texts(texts)]

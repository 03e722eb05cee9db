"""A vector for each token of query and text, the best met by each query token counted.

Khattab and Zaharia, "ColBERT: Efficient and effective passage search via contextualized late
interaction over BERT", 2020, arXiv:2004.12832, equation 3.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.progress import without_bars
from embeddings.types import as_texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

    import numpy.typing as npt
    from sentence_transformers import MultiVectorEncoder

    from embeddings.reranker import Relevances, RerankerKind

_BATCH = 16
_NO_WINDOW = 1 << 24
_CHARS = 32
"""Characters read for each token of the window: a megabyte is not tokenised to read its start."""


class LateInteractionReranker:
    """A sentence-transformers multi-vector encoder.

    The equation's sum over the query's tokens is divided by their number: the mean m of the best
    cosines, -1 to 1, becomes the relevance (1 + m) / 2.

    Any number of threads may ask; they take turns. Use `embeddings.reranker.load_reranker`.
    """

    def __init__(self, model: MultiVectorEncoder, name: str) -> None:
        self._model = model
        self._name = name
        self._computing = threading.Lock()

    @classmethod
    def from_folder(cls, folder: Path, name: str, device: str | None) -> Self:
        """The multi-vector encoder in a folder that was checked."""
        from sentence_transformers import MultiVectorEncoder

        with without_bars():
            model: MultiVectorEncoder = MultiVectorEncoder(
                str(folder),
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        model.eval()
        return cls(model, name)

    @property
    def name(self) -> str:
        """What receipts call it."""
        return self._name

    @property
    def kind(self) -> RerankerKind:
        """How it reads: each alone, token against token."""
        return "late-interaction"

    @property
    def max_tokens(self) -> int:
        """Tokens read of a text; a model without a limit reads everything."""
        return self._window("document_length")

    def score(self, query: str, texts: Sequence[str]) -> Relevances:
        """Relevances of the texts; see `Reranker.score`."""
        relevances = (np.float32(1) + self.score_raw(query, texts)) / np.float32(2)
        found: Relevances = np.clip(relevances, 0, 1)
        return found

    def score_raw(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """float32 (n,): the means of the best cosines, -1 to 1."""
        asked, read = as_texts([query]), as_texts(texts)
        if not read:
            return np.empty(0, dtype=np.float32)
        how: dict[str, Any] = {
            "batch_size": _BATCH,
            "show_progress_bar": False,
            "normalize_embeddings": True,
        }
        with self._computing:
            queries: Any = self._model.encode_query(asked, **how)
            most = _CHARS * self.max_tokens
            documents: Any = self._model.encode_document([text[:most] for text in read], **how)
            means = self._model.similarity(queries, documents, length_normalize=True)
        found: npt.NDArray[np.float32] = means[0].float().cpu().numpy()
        return found

    def truncated(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which texts are longer than their window, all if the query is than its own."""
        asked, read = as_texts([query]), as_texts(texts)
        if not read:
            return np.zeros(0, dtype=bool)
        if self._lengths("query", asked)[0] > self._window("query_length"):
            return np.ones(len(read), dtype=bool)
        limit = self.max_tokens
        longer = [length > limit for length in self._lengths("document", read)]
        return np.logical_or(longer, [len(text) > _CHARS * limit for text in read])

    def _lengths(self, role: str, texts: Sequence[str]) -> list[int]:
        """Tokens with the role's prompt and special tokens, before any cut."""
        prompt = self._model.prompts.get(role) or ""
        most = _CHARS * self._window(f"{role}_length")
        tokenizer: Any = self._model.tokenizer
        with self._computing:
            ids = tokenizer([prompt + text[:most] for text in texts], verbose=False)["input_ids"]
        return [len(row) for row in ids]

    def _window(self, name: str) -> int:
        limit = getattr(self._model[0], name, None) or self._model.max_seq_length
        return _NO_WINDOW if limit is None else min(int(limit), _NO_WINDOW)

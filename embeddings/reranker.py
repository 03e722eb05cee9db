"""Rerankers: what they promise, and from a folder to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from embeddings.contents import read_json
from embeddings.errors import EncoderRefusedError
from embeddings.folder import MODULES, check_folder
from embeddings.opening import check_vectors, opening

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Relevances: TypeAlias = npt.NDArray[np.float32]
"""float32 (n,), 0 to 1, higher is better."""

RerankerKind: TypeAlias = Literal["cross-encoder", "late-interaction"]

_MODULES = MODULES | {"LogitScore", "MultiVectorMask"}
_CLASSIFIER = "ForSequenceClassification"


@runtime_checkable
class Reranker(Protocol):
    """Says how well each text answers a query."""

    @property
    def name(self) -> str:
        """What receipts call it."""

    @property
    def kind(self) -> RerankerKind:
        """How it reads."""

    @property
    def max_tokens(self) -> int:
        """Tokens read at once: of query and text together, or of each where each is read alone."""

    def score(self, query: str, texts: Sequence[str]) -> Relevances:
        """float32 (n,), 0 to 1, in the order of the texts; no texts give shape (0,).

        Raises:
            TypeError: `texts` is a bare string, or holds something that is not one.
            InvalidInputError: the query or a text is empty, blank or not valid Unicode.
        """

    def score_raw(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """float32 (n,): what the model gives before `score` brings it between 0 and 1."""

    def truncated(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Of shape (n,): True where `score` does not read query and text to their ends."""


def load_reranker(folder: Path, *, name: str | None = None, device: str | None = None) -> Reranker:
    """The reranker in a model folder; nothing is fetched and no code of the folder is run.

    Args:
        folder: a cross-encoder or a multi-vector encoder as sentence-transformers saves it.
        name: what receipts call it; None is the folder's own name.
        device: `cpu`, `cuda`, ...; None takes a GPU where there is one.

    Raises:
        EncoderNotFoundError: no model there.
        EncoderRefusedError: it is of another kind, asks for code or pickle, cannot be loaded, or
            gives more than one number a pair.
    """
    check_folder(folder, modules=_MODULES)
    kind = _kind(folder)
    name = name or folder.resolve().name
    made: Reranker
    with opening(folder, what="reranker folder"):
        if kind == "CrossEncoder":
            from embeddings.cross_encoder import CrossEncoderReranker

            made = CrossEncoderReranker.from_folder(folder, name, device)
        else:
            from embeddings.late_interaction import LateInteractionReranker

            made = LateInteractionReranker.from_folder(folder, name, device)
        check_vectors(folder, made.score("a", ["가 b 1"])[:, None], 1)
    return made


def _kind(folder: Path) -> str:
    """What the folder holds; other models would get an untrained layer on top by the library."""
    settings, config = folder / "config_sentence_transformers.json", folder / "config.json"
    kind = read_json(settings).get("model_type") if settings.is_file() else None
    if kind in {"CrossEncoder", "MultiVectorEncoder"}:
        return str(kind)
    classes = read_json(config).get("architectures") or [] if config.is_file() else []
    if kind is None and any(str(name).endswith(_CLASSIFIER) for name in classes):
        return "CrossEncoder"
    found = kind or ", ".join(map(str, classes)) or "something else"
    message = (
        f"reranker folder {folder} holds {found}; refused: a cross-encoder or a multi-vector "
        "encoder is needed"
    )
    raise EncoderRefusedError(message)

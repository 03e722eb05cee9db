"""The classifiers of the data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embeddings.classifier_folder import FACTS, is_built_in
from service.models import Models

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from embeddings.classifier import Classifier
    from embeddings.types import Encoder


class Classifiers(Models["Classifier"]):
    """Classifiers by name; see `Models`.

    Args:
        folder: of the models; may be missing.
        device: where encoders of their own compute.
        shared: gives a built-in encoder, which is kept once for all who use it; None opens one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: str | None = None,
        shared: Callable[[str], Encoder] | None = None,
    ) -> None:
        self._device = device
        self._shared = shared
        super().__init__(folder, marker=FACTS, what="classifier", opening=self._open)

    def _open(self, folder: Path) -> Classifier:
        from embeddings.classifier import Classifier

        return Classifier.open(folder, load=self._load)

    def _load(self, name: str) -> Encoder:
        if self._shared is not None and is_built_in(name):
            return self._shared(name)
        from embeddings.load import load_encoder

        return load_encoder(name, device=self._device)

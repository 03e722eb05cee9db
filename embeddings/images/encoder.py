"""Encoders of images, and of images and texts, kept as sentence-transformers folders."""

from __future__ import annotations

import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.contents import read_json
from embeddings.device import check_device
from embeddings.errors import EncoderRefusedError, InvalidImageError
from embeddings.fingerprint import fingerprint_folder
from embeddings.folder import check_folder
from embeddings.images.ahead import ahead
from embeddings.images.decoding import decode
from embeddings.images.folder import load_model
from embeddings.images.pictures import Prepared, as_inputs
from embeddings.opening import check_vectors, check_weights, opening
from embeddings.sentence import (
    SentenceEncoder,
    pooling_of,
    role_prompts,
    window_of,
)
from embeddings.types import EncoderCard, Encoding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

    from PIL.Image import Image
    from sentence_transformers import SentenceTransformer

    from embeddings.images.pictures import Input, Picture
    from embeddings.types import Counts, Modality, Role, Vectors

_BATCH = {"cpu": 32, "cuda": 256, "mps": 64}
"""Pictures computed at once."""
_AHEAD = 3
"""Batches whose pictures are decoded or under way."""
_THREADS = 4
"""That decode, at most."""


class ImageEncoder:
    """Pictures to vectors; decoded by threads while others are computed.

    Takes paths (`Path`, not `str`), the bytes of files, images of Pillow's, and what `prepare`
    made; texts too where the model reads them. See `ImageReader`.

    Use `from_folder`.
    """

    def __init__(self, model: SentenceTransformer, card: EncoderCard) -> None:
        self._model = model
        self._card = card
        self._computing = threading.Lock()
        self._texts = SentenceEncoder(model, card) if "text" in card.modalities else None
        self.batch = _BATCH.get(model.device.type, _BATCH["cpu"])

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
            folder: in the sentence-transformers layout, or a vision model of transformers.
            name: what it is called on cards; None is the folder's path.
            device: `cpu`, `cuda`, ...; None takes a GPU where there is one.
            languages: of texts, ISO 639-1 codes; empty takes those of the folder's own card.

        Raises:
            EncoderNotFoundError: no model there.
            EncoderRefusedError: it asks for code or pickle, cannot be loaded, or reads no images.
            DeviceError: the device is unknown, or not here.
        """
        from PIL import Image

        check_folder(folder)
        check_device(device)
        with opening(folder):
            model = load_model(folder, device)
            check_weights(folder, model)
            made = cls(model, _make_card(model, folder, name or str(folder), languages))
            probes: list[Input] = [Image.new("RGB", (64, 48), "red")]
            probes += ["a"] if "text" in made.modalities else []
            check_vectors(folder, made.encode(probes, role="document").vectors, made.dim)
        return made

    @property
    def model(self) -> SentenceTransformer:
        """The library's model."""
        return self._model

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
        """Tokens read of one text; 0 where no texts are read."""
        return self._card.max_tokens

    @property
    def modalities(self) -> frozenset[Modality]:
        """Images, and texts where the model reads them."""
        return frozenset(self._card.modalities)

    @property
    def least_side(self) -> int:
        """Pixels a side that the network takes."""
        config = getattr(self._model[0], "config", None)
        own = getattr(config, "size", None)
        if isinstance(own, int):
            return own
        processor: Any = getattr(self._model[0], "processor", None)
        processor = getattr(processor, "image_processor", processor)
        size = getattr(processor, "size", None) or {}
        sides = [size.get(key) for key in ("shortest_edge", "height", "width")]
        return max((side for side in sides if isinstance(side, int)), default=_LARGE)

    def prepare(self, image: Image) -> Prepared:
        """A decoded picture as the network takes it; any number of threads may ask."""
        features = self._model[0].preprocess([image])  # type: ignore[operator]
        return Prepared(features["pixel_values"][0])

    def encode(self, inputs: Sequence[Input], *, role: Role) -> Encoding:
        """Vectors of the inputs, in order; pictures have no tokens. See `ImageReader.encode`."""
        given = as_inputs(inputs, self.modalities)
        vectors = np.empty((len(given), self.dim), dtype=np.float32)
        tokens, unknown = np.zeros(len(given), np.int32), np.zeros(len(given), np.int32)
        truncated = np.zeros(len(given), np.bool_)
        texts = [place for place, item in enumerate(given) if isinstance(item, str)]
        if texts and self._texts is not None:
            read = self._texts.encode([str(given[place]) for place in texts], role=role)
            vectors[texts], tokens[texts] = read.vectors, read.tokens
            unknown[texts], truncated[texts] = read.unknown, read.truncated
        pictures = [(n, item) for n, item in enumerate(given) if not isinstance(item, str)]
        most = _AHEAD * self.batch
        rows: list[int] = []
        waiting: list[Prepared] = []
        made = ahead(self._read, pictures, threads=usable(_THREADS), most=most)
        if all(isinstance(item, Prepared) for _, item in pictures):
            # Threads with nothing to decode would only take turns with whoever computes.
            made = map(self._read, pictures)
        for (place, _), prepared in zip(pictures, made, strict=True):
            rows.append(place)
            waiting.append(prepared)
            if len(waiting) == self.batch:
                vectors[rows] = self._compute(waiting)
                rows, waiting = [], []
        if waiting:
            vectors[rows] = self._compute(waiting)
        return Encoding(vectors, tokens, truncated, unknown)

    def count_tokens(self, inputs: Sequence[Input], *, role: Role) -> Counts:
        """int32 (n,): tokens of texts before any cut; 0 for pictures."""
        given = as_inputs(inputs, self.modalities)
        counts = np.zeros(len(given), np.int32)
        texts = [place for place, item in enumerate(given) if isinstance(item, str)]
        if texts and self._texts is not None:
            words = [str(given[place]) for place in texts]
            counts[texts] = self._texts.count_tokens(words, role=role)
        return counts

    def tokenizer_json(self) -> str | None:
        """The tokenizer of texts as Hugging Face JSON; None where there is none."""
        return None if self._texts is None else self._texts.tokenizer_json()

    def _read(self, item: tuple[int, Picture | Prepared]) -> Prepared:
        place, picture = item
        if isinstance(picture, Prepared):
            return picture
        try:
            return self.prepare(decode(picture, least_side=self.least_side))
        except InvalidImageError as error:
            raise InvalidImageError(f"input {place}: {error}") from error

    def _compute(self, batch: Sequence[Prepared]) -> Vectors:
        """float32 (n, dim); one batch at a time, so that threads take turns batch by batch."""
        import torch

        device = self._model.device
        pixels = torch.stack([each.pixels for each in batch]).to(device, non_blocking=True)
        features: dict[str, Any] = {"pixel_values": pixels, "modality": "image"}
        with self._computing, torch.inference_mode():
            output = self._model(features)["sentence_embedding"]
            vectors: np.ndarray = output.to(device="cpu", dtype=torch.float32).numpy()
            return vectors


_LARGE = 512
"""Pixels a side of a network that does not say how many it takes."""


def usable(most: int) -> int:
    """Threads to decode with: as many as processors, but no more than so many."""
    from embeddings.processors import usable_processors

    return max(1, min(most, usable_processors()))


def _make_card(
    model: SentenceTransformer, folder: Path, name: str, languages: tuple[str, ...]
) -> EncoderCard:
    dim = model.get_embedding_dimension()
    read = {str(each) for each in model.modalities} & {"text", "image"}
    if dim is None or "image" not in read:
        lacking = "does not say how wide its vectors are" if dim is None else "reads no images"
        raise EncoderRefusedError(f"{folder} {lacking}; refused")
    prompts = role_prompts(model) if "text" in read else {}
    max_tokens = window_of(model) if "text" in read else 0
    own = folder / "encoder_card.json"
    if not languages and own.is_file():
        languages = tuple(read_json(own).get("languages", ()))
    is_ours = type(model[0]).__name__ == "ImageNetwork"
    return EncoderCard(
        name=name,
        kind="sentence-transformers",
        dim=int(dim),
        max_tokens=max_tokens,
        pooling="mean" if is_ours else pooling_of(model),
        normalised=type(model[-1]).__name__ == "Normalize",
        dtype=str(model.dtype).removeprefix("torch."),
        runtime=f"torch {version('torch')}",
        fingerprint=fingerprint_folder(folder, prompts=prompts, max_tokens=max_tokens),
        prompts=prompts,
        languages=languages,
        modalities=("image", "text") if "text" in read else ("image",),
    )

"""The module of an image encoder's folder: a backbone, its maps averaged to one vector.

Nothing in a folder is code: `config.json` says which of the backbones here it is, and
`model.safetensors` holds its weights.
"""
# ruff: noqa: ANN401 - the signatures are the library's

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.sentence_transformer.modules import InputModule
from torch import nn

from embeddings.images.backbones.plan import BACKBONES, Plan, build
from embeddings.images.framing import FITS, Fit, frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from PIL.Image import Image

    from embeddings.images.backbones.plan import Backbone

LEAST_SIZE, MOST_SIZE = 32, 224
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet's pictures, by channel, for values of 0 to 1."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """What a folder's `config.json` says.

    Attributes:
        backbone: see `Plan`, as for the next four.
        size: pixels a side, 32 to 224.
        width: channels as a multiple of the paper's.
        normalise: batch normalisation.
        dropout: share of numbers set to 0 while it learns: where the paper has dropout, and of the
            averaged features.
        fit: how a picture becomes a square, see `frame`.
        mean: of the channels red, green and blue, taken off before the network; 0 to 1.
        deviation: what they are divided by then.
    """

    backbone: Backbone
    size: int = 64
    width: float = 1.0
    normalise: bool = True
    dropout: float = 0.0
    fit: Fit = "crop"
    mean: tuple[float, ...] = field(default=_MEAN)
    deviation: tuple[float, ...] = field(default=_DEVIATION)

    def __post_init__(self) -> None:
        """Refuse a network that cannot be built.

        Raises:
            ValueError: naming the value and what is possible.
        """
        if self.backbone not in BACKBONES:
            message = f"backbone {self.backbone!r} is unknown; there is {', '.join(BACKBONES)}"
            raise ValueError(message)
        if not LEAST_SIZE <= self.size <= MOST_SIZE:
            message = f"size is {self.size}; {LEAST_SIZE} to {MOST_SIZE} pixels are possible"
            raise ValueError(message)
        if not 0 < self.width <= 4 or not 0 <= self.dropout < 1:
            message = f"width {self.width} or dropout {self.dropout} is impossible"
            raise ValueError(message)
        if self.fit not in FITS or len(self.mean) != 3 or len(self.deviation) != 3:
            message = f"fit {self.fit!r} is unknown, or there are not three means and deviations"
            raise ValueError(message)
        if not all(number > 0 for number in self.deviation):
            message = f"deviation is {list(self.deviation)}; every one must be above 0"
            raise ValueError(message)

    @property
    def plan(self) -> Plan:
        """The shape of the network."""
        return Plan(self.backbone, self.size, self.width, self.normalise, self.dropout)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The configuration in a `config.json`; keys of the library (`_...`) are passed over.

        Raises:
            TypeError: a key is missing or unknown.
            ValueError: an impossible network.
        """
        own = {key: value for key, value in data.items() if not key.startswith("_")}
        for key in ("mean", "deviation"):
            if key in own:
                own[key] = tuple(float(number) for number in own[key])
        return cls(**own)


class ImageNetwork(InputModule):
    """Pictures to the averages of a backbone's last maps.

    Args:
        config: its shape and how pictures are made ready for it.
    """

    save_in_root = True

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.config = config
        self.backbone, self.width = build(config.plan)
        self.dropout = nn.Dropout(config.dropout)
        for name in ("mean", "deviation"):
            numbers = torch.tensor(getattr(config, name), dtype=torch.float32)
            self.register_buffer(name, numbers.view(1, 3, 1, 1) * 255, persistent=False)

    @property
    def modalities(self) -> list[Any]:
        """Images alone."""
        return ["image"]

    def get_embedding_dimension(self) -> int:
        """Numbers of a vector."""
        return self.width

    def prepare(self, image: Image) -> torch.Tensor:
        """A decoded picture as uint8 (3, size, size)."""
        pixels = frame(image, self.config.size, self.config.fit)
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy())

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **_: object
    ) -> dict[str, Any]:
        """Decoded pictures as `pixel_values`, uint8 (n, 3, size, size)."""
        del prompt
        return {"pixel_values": torch.stack([self.prepare(image) for image in inputs])}

    def forward(self, features: dict[str, Any], **_: object) -> dict[str, Any]:
        """The features with `sentence_embedding`, float32 (n, width)."""
        maps = self.backbone(self.standardise(features["pixel_values"]))
        features["sentence_embedding"] = self.dropout(maps.mean(dim=(2, 3)))
        return features

    def standardise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Float32 of mean 0 and deviation 1 or so, from uint8 (n, 3, size, size)."""
        standard: torch.Tensor = (pixels.float() - self.mean) / self.deviation
        return standard

    def get_config_dict(self) -> dict[str, Any]:
        """What `config.json` says."""
        return asdict(self.config)

    def save(
        self, output_path: str, *args: Any, safe_serialization: bool = True, **given: Any
    ) -> None:
        """Write `config.json` and `model.safetensors`."""
        del args, given
        self.save_config(output_path)
        self.save_torch_weights(output_path, safe_serialization=safe_serialization)

    @classmethod
    def load(  # type: ignore[override] # the library's loaders pass all by name
        cls, model_name_or_path: str, subfolder: str = "", **given: Any
    ) -> Self:
        """The module in a folder.

        Raises:
            ValueError: its configuration is impossible, or its weights are not those of it.
        """
        hub = {
            key: given[key]
            for key in ("token", "cache_folder", "revision", "local_files_only")
            if key in given
        }
        data = cls.load_config(model_name_or_path, subfolder=subfolder, **hub)
        made = cls(NetworkConfig.from_json(data))
        cls.load_torch_weights(model_name_or_path, subfolder=subfolder, model=made, **hub)
        return made

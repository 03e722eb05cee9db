"""What a network of convolutions looks for: its first filters, and its maps of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embeddings.errors import EncoderRefusedError, InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from PIL.Image import Image

    from embeddings.images.encoder import ImageEncoder

Floats = npt.NDArray[np.float32]

_LAYERS = 5
"""Layers whose maps are shown, from the first to the last."""
_MAPS = 8
"""Maps of a layer: those with the largest mean."""
_ACROSS = 16
"""Filters beside each other."""


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """The strongest maps of a layer.

    Attributes:
        name: of the layer in the network.
        shape: channels, height and width of what it gives.
        maps: float32 (at most 8, height, width), the strongest first.
        channels: the number of each map.
    """

    name: str
    shape: tuple[int, int, int]
    maps: Floats
    channels: tuple[int, ...]


def first_filters(encoder: ImageEncoder) -> Floats:
    """The kernels of the first convolution as pictures, float32 (n, height, width, 3) of 0 to 1.

    Each is stretched to its own least and greatest weight: 0.5 need not be a weight of 0.

    Raises:
        EncoderRefusedError: the first convolution of the network reads no colours.
    """
    _, layer = _convolutions(encoder)[0]
    weights: Floats = layer.weight.detach().float().cpu().numpy()
    if weights.shape[1] != 3:
        message = (
            f"the first convolution of {encoder.card.name!r} reads {weights.shape[1]} channels, "
            "not the three of a picture; its filters cannot be shown"
        )
        raise EncoderRefusedError(message)
    low = weights.min(axis=(1, 2, 3), keepdims=True)
    span = weights.max(axis=(1, 2, 3), keepdims=True) - low
    shown: Floats = (weights - low) / np.maximum(span, np.finfo(np.float32).tiny)
    return shown.transpose(0, 2, 3, 1)


def maps_of(encoder: ImageEncoder, image: Image) -> list[Maps]:
    """What layers spread over the network's depth give for a picture, the first layer first."""
    layers = _convolutions(encoder)
    places = sorted({round(place) for place in np.linspace(0, len(layers) - 1, _LAYERS)})
    found: list[Maps] = []

    def keep(name: str) -> Any:  # noqa: ANN401 - torch's hook
        def hook(module: object, given: object, given_back: torch.Tensor) -> None:
            del module, given
            maps: Floats = given_back[0].float().cpu().numpy()
            order = np.argsort(-maps.mean(axis=(1, 2)), kind="stable")[:_MAPS]
            shape = (maps.shape[0], maps.shape[1], maps.shape[2])
            found.append(Maps(name, shape, maps[order], tuple(order.tolist())))

        return hook

    hooks = [layers[place][1].register_forward_hook(keep(layers[place][0])) for place in places]
    try:
        encoder.encode([image], role="document")
    finally:
        for hook in hooks:
            hook.remove()
    return found


def draw_filters(encoder: ImageEncoder, path: Path, *, image: Image | None = None) -> None:
    """Write a PNG of the first filters and, with a picture, of the maps it gives.

    Args:
        encoder: whose network.
        path: of the PNG.
        image: RGB; None shows filters alone.

    Raises:
        EncoderRefusedError: the network has no convolution that reads colours.
        InvalidInputError: matplotlib is not installed.
    """
    check_drawing()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    filters = first_filters(encoder)
    layers = [] if image is None else maps_of(encoder, image)
    down = math.ceil(len(filters) / _ACROSS)
    heights = [0.55 * down + 0.3, *[1.3] * len(layers)]
    figure = Figure(figsize=(10, sum(heights) + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    parts = figure.subfigures(1 + len(layers), 1, height_ratios=heights, squeeze=False)[:, 0]
    size = "x".join(map(str, filters.shape[1:3]))
    parts[0].suptitle(f"first layer: {len(filters)} filters of {size} pixels", fontsize=9)
    _draw_row(parts[0], list(filters), down, _ACROSS)
    for part, layer in zip(parts[1:], layers, strict=True):
        channels, height, width = layer.shape
        told = f"{layer.name}: {channels} maps of {height}x{width}, the strongest"
        part.suptitle(told, fontsize=9)
        shown: list[Any] = list(layer.maps)
        _draw_row(part, [np.asarray(image), *shown], 1, _MAPS + 1)
    figure.suptitle(encoder.card.name.rpartition("/")[2])
    figure.savefig(path, dpi=130)


def check_drawing() -> None:
    """Make sure that pictures can be drawn.

    Raises:
        InvalidInputError: matplotlib is not installed.
    """
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        message = "a picture of filters needs matplotlib: pip install 'meari[train]'"
        raise InvalidInputError(message)


def _draw_row(part: Any, pictures: list[Any], down: int, across: int) -> None:  # noqa: ANN401
    axes = np.atleast_1d(part.subplots(down, across)).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, picture in zip(axes, pictures, strict=False):
        axis.imshow(picture, cmap="magma", interpolation="nearest")


def _convolutions(encoder: ImageEncoder) -> list[tuple[str, Any]]:
    """The convolutions of the network by name, in its order.

    Raises:
        EncoderRefusedError: there are none.
    """
    from torch.nn import Conv2d

    first: Any = encoder.model[0]
    layers = [(name, each) for name, each in first.named_modules() if isinstance(each, Conv2d)]
    if not layers:
        message = f"encoder {encoder.card.name!r} has no convolutions; there is nothing to show"
        raise EncoderRefusedError(message)
    return layers

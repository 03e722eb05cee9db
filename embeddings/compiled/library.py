"""OpenVINO, imported where it is needed and kept from telling anybody."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from embeddings.compiled.errors import NotCompiledError

_TELEMETRY = "openvino_telemetry"


def is_installed() -> bool:
    """True if OpenVINO can be imported."""
    return find_spec("openvino") is not None


def load_openvino() -> Any:  # noqa: ANN401 - its Python types say little
    """The module `openvino`.

    Importing it sends an event to a statistics service of its maker, and leaves a folder in the
    user's home. It does neither where the package that sends is absent, so that is hidden.

    Raises:
        NotCompiledError: it is not installed, or cannot be loaded here.
    """
    if _TELEMETRY not in sys.modules:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment] # what makes an import fail
    try:
        import openvino
    except (ImportError, OSError, RuntimeError) as error:
        message = f"openvino cannot be loaded ({error}); reinstall meari"
        raise NotCompiledError(message) from error
    return openvino

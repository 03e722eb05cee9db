"""What can go wrong between a text and its vector."""


class EmbeddingError(Exception):
    """Base of this floor's errors; the message names the value, the limit and the remedy."""


class EncoderNotFoundError(EmbeddingError):
    """No encoder of that name is known here, on disk or within reach of the network."""


class EncoderRefusedError(EmbeddingError):
    """A model folder was refused: it asks for code or pickle, or is not what it says."""


class AnalyzerError(EmbeddingError):
    """An analyzer that is unknown, not installed, or cannot be loaded."""


class DeviceError(EmbeddingError):
    """A device that is unknown, or that this machine does not have."""


class InvalidInputError(EmbeddingError, ValueError):
    """An input that cannot be encoded: empty, too large, or of the wrong type."""

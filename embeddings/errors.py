"""What can go wrong between a text and its vector."""


class EmbeddingError(Exception):
    """Base of this floor's errors; the message names the value, the limit and the remedy."""


class EncoderNotFoundError(EmbeddingError):
    """No encoder of that name is known here, on disk or within reach of the network."""


class EncoderRefusedError(EmbeddingError):
    """A model folder was refused: it asks for code or pickle, or is not what it says."""


class HeadMismatchError(EncoderRefusedError):
    """A classifier whose encoder is another one than its head was made for."""


class AnalyzerError(EmbeddingError):
    """An analyzer that is unknown, not installed, or cannot be loaded."""


class DeviceError(EmbeddingError):
    """A device that is unknown, or that this machine does not have."""


class InvalidInputError(EmbeddingError, ValueError):
    """An input that cannot be encoded: empty, too large, or of the wrong type."""


class InvalidImageError(InvalidInputError):
    """A picture that cannot be read: no picture, cut off, of another format, or too many pixels."""


class ModalityError(InvalidInputError):
    """A text for an encoder that reads images alone."""


class UnknownWordError(EmbeddingError):
    """A word without a vector, in a model that has none for parts of it; the nearest are named.

    Attributes:
        word: the word asked for.
        nearest: known words spelled like it, most alike first; may be empty.
    """

    def __init__(self, message: str, word: str, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.word = word
        self.nearest = nearest

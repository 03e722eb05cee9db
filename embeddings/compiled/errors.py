"""Why an encoder is not compiled."""

from embeddings.errors import EmbeddingError


class NotCompiledError(EmbeddingError):
    """An encoder stays with torch; the message says what about it, or about the machine."""

"""What can go wrong before or while a model is trained."""

from embeddings.errors import EmbeddingError, InvalidInputError


class RecipeError(InvalidInputError):
    """A recipe with an unknown key, a value of the wrong type or outside its range."""


class DataError(EmbeddingError):
    """Training data that cannot be used; the message names file and line."""


class TrainingError(EmbeddingError):
    """A run that cannot start, go on or be resumed."""

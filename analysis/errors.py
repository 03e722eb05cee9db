"""What can go wrong with an analysis; each message names the value, the limit and the remedy."""


class AnalysisError(Exception):
    """Base of this floor's errors."""


class InvalidAnalysisError(AnalysisError, ValueError):
    """A request with an impossible field; `field` names it."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class UnsuitableCorpusError(AnalysisError, ValueError):
    """Documents that cannot answer the question: too few, or all of them alike."""


class CancelledError(AnalysisError):
    """Whoever asked does not want the answer any more; nothing was kept."""


class ResultNotFoundError(AnalysisError):
    """No result of that kind is kept: nobody asked yet, or its files were damaged."""

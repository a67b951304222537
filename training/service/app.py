"""The reward service as a FastAPI application over any backend."""

from typing import TYPE_CHECKING

from ravelar.training.service.backend import ScoreBackend
from ravelar.training.service.settings import ServiceSettings

if TYPE_CHECKING:
    from fastapi import FastAPI


def create_app(backend: ScoreBackend, settings: ServiceSettings | None = None) -> "FastAPI":
    """Return the service's application; it closes the backend when it shuts down."""
    raise NotImplementedError

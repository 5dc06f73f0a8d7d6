"""The service on a fresh database, and two pictures that every test may use."""

from tests.web.conftest import site

__all__ = ["site"]

"""The service on a fresh database with a clock that tests move."""

from tests.web.conftest import site

__all__ = ["site"]

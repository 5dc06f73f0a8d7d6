"""The browser of the tests of the extension's pages."""

from tests.extension.ui.conftest import browser

__all__ = ["browser"]

"""Charts are drawn from the reports that the tests of the pages make."""

from tests.webapp.pages.conftest import build

__all__ = ["build"]

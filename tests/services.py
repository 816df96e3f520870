"""What tests do when a program or package that they need is not on this machine."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test for want of `what`; continuous integration must have it, so there it fails."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and continuous integration skips no test")
    pytest.skip(f"{what} is not installed")

"""Fixtures for all tests."""

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def plain_script(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let no event loop run here, as in a plain script: after a test in a browser Playwright's would seem to.

    Work would then wait for a live kernel, and whether it does would depend on the order of the tests.
    """
    if "browser" in request.fixturenames:
        yield
        return
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)

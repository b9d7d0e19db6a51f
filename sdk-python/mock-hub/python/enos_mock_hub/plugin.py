"""The fixture `enos_hub`, and the hub's journal in the report of a test that fails."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from enos_mock_hub._hub import Hub

_HUB = pytest.StashKey[Hub]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "enos_seed(seed): the seed of the test's hub, a dictionary or a file's path, instead of the example"
    )


@pytest.fixture
def enos_hub(request: pytest.FixtureRequest) -> Iterator[Hub]:
    """A hub of the test's own, on free ports, with the devices of its seed."""
    marker = request.node.get_closest_marker("enos_seed")
    with Hub(marker.args[0] if marker else None) as hub:
        request.node.stash[_HUB] = hub
        yield hub
        del request.node.stash[_HUB]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    hub = item.stash.get(_HUB, None)
    if report.failed and report.when == "call" and hub is not None:
        try:
            lines = [f"{line['kind']:<12} {line['text']}" for line in hub.journal()]
        except Exception as error:
            lines = [f"the journal cannot be read: {error}"]
        report.sections.append(("enos hub journal", "\n".join(lines)))
    return report

"""What tests of simulated networks share."""

import pytest


@pytest.fixture
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes whose lines are not recorded: other tests record them, and it takes a third as long."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)

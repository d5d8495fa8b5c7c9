"""What a doctor takes from a running node's alarms."""

from pathlib import Path

import pytest

from nwip.doctor import examination, looking


def test_an_alarm_that_is_over_is_nothing_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"alarm": "it burns", "is_over": False}, {"alarm": "it has rained", "is_over": True}]
    monkeypatch.setattr(looking, "runs", lambda _: True)
    monkeypatch.setattr(looking, "node_answers", lambda _, question: rows if question == "alarms" else [])
    assert examination._Node(Path("control")).alarms == ["it burns"]

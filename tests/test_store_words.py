"""A DSS's store in one line, as status and page show it."""

import pytest

from nwip.store_words import store_text

WELL = {"kind": "etcd", "place": "http://a:2379", "saved": 0.4, "waiting": 0, "problem": "", "failing": None}


@pytest.mark.parametrize(
    ("store", "text"),
    [
        ({"kind": "none"}, "none"),
        ({"kind": "sqlite", "place": "/d.db", "saved": 200}, "sqlite at /d.db, last saved 3 min 20 s ago"),
        (WELL, "etcd at http://a:2379, last saved 0.4 s ago"),
        (
            WELL | {"carries": 2, "waiting": 3},
            "etcd at http://a:2379, last saved 0.4 s ago, 3 changes wait, shared with 2 other DSSs",
        ),
        ({"kind": "etcd", "problem": "no quorum", "failing": 61}, "etcd; FAILS for 1 min 1 s: no quorum"),
        ({"kind": "etcd", "problem": "no quorum"}, "etcd; FAILS: no quorum"),
    ],
)
def test_the_line(store: dict[str, object], text: str) -> None:
    assert store_text(store) == text

"""Judges the etcd cluster that keeps a domain's directory. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from nwip.doctor.facts import EtcdNode
from nwip.doctor.findings import Finding, fault, warning, well

KEPT: Final = (3, 5)  # the oldest version that its makers still mend
ABOUT: Final = "etcd"


def etcd(found: Iterable[EtcdNode]) -> list[Finding]:
    """Judge each node; that none answers, or none has a quorum, is a fault."""
    nodes = list(found)
    usable = any(node.healthy for node in nodes)
    return [finding for node in nodes for finding in _node(node, usable=usable)]


def _node(node: EtcdNode, *, usable: bool) -> Iterator[Finding]:
    judge = warning if usable else fault
    if node.error:
        mend = "start it there, or mend etcd.endpoints; other nodes of the cluster do meanwhile"
        if not usable:
            mend = "start it there, or mend etcd.endpoints; until then the DSS goes on from memory"
        yield judge(ABOUT, f"{node.endpoint} is not reached: {node.error}", mend)
    elif not node.healthy:
        yield judge(
            ABOUT,
            f"{node.endpoint} answers and cannot write: it does not reach most of its cluster, or is full",
            "see 'etcdctl endpoint status' and 'etcdctl alarm list' there; the DSS goes on from memory",
        )
    else:
        old = _version(node.version) < KEPT
        yield well(
            ABOUT,
            f"{node.endpoint} answers and can write, version {node.version}",
            "its makers mend 3.5 and later only; start a 3.4 with --pre-vote" if old else "",
        )


def _version(text: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)

"""The services that stand in an etcd cluster, read by etcdctl and by what `docs` say of the layout."""

import base64
import json
from typing import Any

import msgspec

from etcd_cluster import EtcdCluster
from real.domain_frames import SERVICE, Key, Message, key_of


async def services_in(cluster: EtcdCluster, domain: str) -> dict[tuple[bytes, Key], Message]:
    """Return the value of each service, by owner and key."""
    prefix = f"nwip/{domain.casefold()}/record/"
    found = await _get(cluster, "--prefix", prefix)
    records = [msgspec.msgpack.decode(base64.b64decode(item["value"])) for item in found.get("kvs", ())]
    return {(owner, key_of(value)): value for owner, _, _, value, *_ in records if value[0] == SERVICE}


async def revision_of(cluster: EtcdCluster) -> int:
    """Return the newest revision."""
    found = await _get(cluster, "nothing")
    return int(found["header"]["revision"])


async def _get(cluster: EtcdCluster, *what: str) -> dict[str, Any]:
    """Return what etcdctl finds; about members that are away it complains in lines of its own."""
    said = await cluster.ctl("get", *what, "--write-out", "json")
    found: dict[str, Any] = next(
        json.loads(line) for line in said.splitlines() if line.startswith('{"header"')
    )
    return found

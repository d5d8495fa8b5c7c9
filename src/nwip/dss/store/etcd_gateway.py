"""A thin client of etcd's JSON gateway (`/v3/...`, the same in etcd 3.4, 3.5 and 3.6).

Source: the page "gRPC gateway" of etcd's documentation, and its rpc.proto.
"""

from collections.abc import AsyncGenerator, Callable, Sequence

from nwip.dss.store.etcd_access import Access
from nwip.dss.store.etcd_endpoints import Endpoints
from nwip.dss.store.etcd_errors import (
    COMPACTED,
    FUTURE,
    LEASE_EXISTS,
    LEASE_NOT_FOUND,
    Compacted,
    EtcdError,
    LeaseLost,
    Refused,
    sentence,
)
from nwip.dss.store.etcd_forms import (
    Delete,
    Event,
    Item,
    Page,
    Put,
    RangeAnswer,
    Told,
    answers,
    kept_alive,
    leases,
    ranges,
    transactions,
)
from nwip.dss.store.etcd_watch import Watch

__all__ = [
    "Access",
    "Compacted",
    "Delete",
    "EtcdError",
    "Event",
    "Gateway",
    "Item",
    "LeaseLost",
    "Page",
    "Put",
    "Told",
]


class Gateway:
    """Reads, writes and watches the keys of one etcd cluster.

    A request goes to the endpoint that worked last, and when that is silent for `patience` seconds or cannot
    do it, to the others, each once; then it raises `EtcdError`. So a write may have been done although it
    failed, and a write that failed at one endpoint may come about after a later one. Requests may run at the
    same time.
    """

    def __init__(self, access: Access, *, patience: float = 3.0) -> None:
        self._endpoints = Endpoints(access, patience)
        self._cluster = 0

    @property
    def endpoint(self) -> str:
        """The endpoint in use: that which worked last."""
        return self._endpoints.current

    @property
    def cluster(self) -> int:
        """The number of the cluster that was last read, 0 before that."""
        return self._cluster

    async def read(
        self,
        start: bytes,
        end: bytes = b"",
        *,
        revision: int = 0,
        limit: int = 0,
        serializable: bool = False,
        keys_only: bool = False,
    ) -> Page:
        """Return the key `start`, or with `end` the keys from `start` up to there, in order.

        Ask for pages by `limit`: an answer of more than 64 MB is refused. A `serializable` read is answered
        by one member from what it has, without a majority. Raises `Compacted` when `revision` is not to be
        had any more, and `EtcdError`.
        """
        question = {
            "key": start,
            "range_end": end,
            "revision": revision,
            "limit": limit,
            "serializable": serializable,
            "keys_only": keys_only,
        }
        answer = await self._range(question)
        if revision and self._cluster not in {0, answer.header.cluster_id}:
            raise Compacted
        self._cluster = answer.header.cluster_id
        items = [Item(found.key, found.value, found.mod_revision, found.lease) for found in answer.kvs]
        return Page(items, revision or answer.header.revision, answer.more)

    async def _range(self, question: dict[str, object]) -> RangeAnswer:
        try:
            return await self._endpoints.ask("kv/range", question, ranges)
        except Refused as refused:
            if FUTURE in str(refused) and question["serializable"]:  # this member may lag behind
                return await self._range({**question, "serializable": False})
            if FUTURE in str(refused) or COMPACTED in str(refused):
                raise Compacted from None
            raise self._error(refused) from None

    async def write(self, operations: Sequence[Put | Delete]) -> int:
        """Do the operations in one transaction, each key in one of them, and return its revision.

        etcd takes 128 operations and 1.5 MB, unless set up otherwise. Raises `LeaseLost` and `EtcdError`.
        """
        steps = [
            {"request_put": {"key": step.key, "value": step.value, "lease": step.lease}}
            if isinstance(step, Put)
            else {"request_delete_range": {"key": step.key, "range_end": step.end}}
            for step in operations
        ]
        try:
            return (await self._endpoints.ask("kv/txn", {"success": steps}, answers)).header.revision
        except Refused as refused:
            if LEASE_NOT_FOUND in str(refused):
                raise LeaseLost("etcd has a lease of these keys no more; grant it anew") from None
            raise self._error(refused) from None

    async def create(self, key: bytes, value: bytes) -> bool:
        """Give a key its first value; False when it has one already. Raises `EtcdError`."""
        question = {
            "compare": [{"key": key, "target": "CREATE", "result": "EQUAL", "create_revision": 0}],
            "success": [{"request_put": {"key": key, "value": value}}],
        }
        try:
            return (await self._endpoints.ask("kv/txn", question, transactions)).succeeded
        except Refused as refused:
            raise self._error(refused) from None

    async def grant(self, lease: int, ttl: int) -> bool:
        """Grant a lease of `ttl` seconds with this ID (63 bits); False when it was there already."""
        try:
            await self._endpoints.ask("lease/grant", {"ID": lease, "TTL": ttl}, leases)
        except Refused as refused:
            if LEASE_EXISTS in str(refused):
                return False
            raise self._error(refused) from None
        return True

    async def keep_alive(self, lease: int) -> int:
        """Let a lease begin anew, and return its seconds; 0 when it is not there any more."""
        try:
            answer = (await self._endpoints.ask("lease/keepalive", {"ID": lease}, kept_alive)).result
        except Refused as refused:
            raise self._error(refused) from None
        return answer.TTL if answer is not None else 0

    async def revoke(self, lease: int) -> None:
        """End a lease, and with it every key under it; one that is not there is fine."""
        try:
            await self._endpoints.ask("lease/revoke", {"ID": lease}, answers)
        except Refused as refused:
            if LEASE_NOT_FOUND not in str(refused):
                raise self._error(refused) from None

    def watch(
        self,
        start: bytes,
        end: bytes,
        revision: int,
        started: Callable[[], None],
        *,
        previous: bool = True,
    ) -> AsyncGenerator[Told, None]:
        """Yield every change of the keys from `start` up to `end`, from `revision` on, in order.

        It goes on at another endpoint by itself, and calls `started` each time that one has confirmed it.
        Close it (`contextlib.aclosing`). Without `previous` events do not say what was before, and many
        deletions come sooner: etcd 3.4 looks each up (10,000 took it 5 seconds).

        Raises `Compacted` when the history of the cluster last read does not reach back to `revision`, or
        not up to it, or is too long (64 MB); and `EtcdError` when for `patience` seconds no endpoint takes
        the watch on: let that be longer than an election.
        """
        watch = Watch(
            self._endpoints,
            start,
            end,
            following=revision,
            cluster=self._cluster,
            started=started,
            previous=previous,
        )
        return watch.run()

    async def close(self) -> None:
        """Close all connections; safe to call twice. A watch that runs ends with an `EtcdError`."""
        await self._endpoints.close()

    def _error(self, refused: Refused) -> EtcdError:
        return EtcdError(sentence({self.endpoint: str(refused)}))

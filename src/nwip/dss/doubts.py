"""What a replica kept over a gap and its present DSS does not tell: it was withdrawn unheard. Pure.

A withdrawal is told once, and remembered for a while; a node that was away, and comes back to a DSS which has
itself heard only what was left, would keep the record for ever. So a snapshot counts as the whole truth of an
owner, once the DSS has heard that owner at least as lately as the replica had.
"""

from collections.abc import Iterator

from nwip.directory.owners import Sequence
from nwip.directory.records import Key
from nwip.directory.table import Directory


class Doubts:
    """The records held before a snapshot began that it has not told yet, by owner.

    It holds nothing on a first start, and no more than the replica does otherwise.
    """

    def __init__(self) -> None:
        self._untold: dict[bytes, set[Key]] = {}
        self._renewed: dict[bytes, Sequence] = {}
        self._confirmed: set[bytes] = set()
        self._reading = False

    def begin(self, directory: Directory) -> None:
        """Doubt all that the directory holds; while a snapshot is being read, change nothing."""
        if self._reading:
            return
        self._reading = True
        self._confirmed.clear()
        owners = directory.heard_owners()
        self._renewed = {owner: directory.renewed(owner) for owner in owners}
        self._untold = {owner: {record.key for record in directory.of_owner(owner)} for owner in owners}

    def told(self, owner: bytes, key: Key) -> None:
        """Learn that the DSS knows a record."""
        if owner in self._untold:
            self._untold[owner].discard(key)

    def heard(self, owner: bytes, renewed: Sequence) -> None:
        """Learn how lately the DSS has heard an owner: (incarnation, renewal)."""
        if owner in self._untold and renewed >= self._renewed[owner]:
            self._confirmed.add(owner)

    def end(self) -> None:
        """Learn that the snapshot has been read to its end."""
        self._reading = False

    def settled(self) -> Iterator[tuple[bytes, Key]]:
        """Yield, once, what does not exist any more; nothing while a snapshot is being read."""
        if self._reading:
            return
        while self._confirmed:
            owner = self._confirmed.pop()
            for key in self._untold.pop(owner, ()):
                yield owner, key

    def clear(self) -> None:
        """Forget everything: there is no DSS any more."""
        self._untold.clear()
        self._renewed.clear()
        self._confirmed.clear()
        self._reading = False

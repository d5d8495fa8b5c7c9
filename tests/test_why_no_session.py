"""Why there is no session with a DSS: one sentence, which names the key that is wrong where one is."""

import pytest

from nwip.config.reading import parse
from nwip.dss.messages import Reason, Refused
from nwip.joining import why_no_session

AT = ("192.0.2.1", 396)
NAMED = 'domain.name = "games.example.org"\ndss.servers = ["192.0.2.1"]\nnode.state = "state"\n'
DENIED = "198.51.100.7 may not join this domain"


def why(refusal: Refused | None, reason: str = "lost", *, text: str = NAMED, sealed: bool = False) -> str:
    return why_no_session(parse(text, "nwip.toml"), AT, refusal, reason, sealed=sealed)


def test_what_is_not_reached_is_about_the_servers_that_are_named_or_are_not() -> None:
    mend = "see with 'nwip doctor' whether it runs there and what is between, or name another"
    silent = "192.0.2.1:396 does not answer"
    assert why(None, silent) == (
        f"nwip.toml: key 'dss.servers' names the DSS at 192.0.2.1:396, which does not answer; {mend}"
    )
    assert why(None, silent, text="dss.serve = false") == (
        f"nwip.toml: key 'dss.servers' is not set, and the one found at 192.0.2.1:396 does not answer; {mend}"
    )


def test_what_no_key_is_to_blame_for_stays_as_it_is() -> None:
    lost = "the connection with 192.0.2.1:396 was lost"
    assert why(None, lost) == lost
    assert why_no_session(parse(NAMED, "f"), None, None, lost, sealed=False) == lost


@pytest.mark.parametrize(
    ("refusal", "sealed", "sentence"),
    [
        (
            Refused(Reason.NOT_ADMITTED, DENIED),
            False,
            (
                "key 'dss.servers' leads to where this node is not let in: the DSS at 192.0.2.1:396 says: "
                f"{DENIED}; add this address to dss.admit in the file of that DSS"
            ),
        ),
        (
            Refused(Reason.NOT_ADMITTED, "this key is no member's: join with an invitation, nwip join TOKEN"),
            True,
            (
                "key 'node.state' means state, whose key is of no use there: the DSS at 192.0.2.1:396 says: "
                "this key is no member's; join with an invitation, nwip join TOKEN"
            ),
        ),
        (
            Refused(Reason.REVOKED, "this node was revoked: it is no member of this domain any more"),
            True,
            (
                "key 'node.state' means state, whose key is of no use there: the DSS at 192.0.2.1:396 says: "
                "this node was revoked; join with an invitation, nwip join --anew TOKEN"
            ),
        ),
        (
            Refused(Reason.FULL, "no more sessions can be held"),
            False,
            (
                "key 'dss.servers' leads to where this node is not let in: the DSS at 192.0.2.1:396 says: "
                "no more sessions can be held; see its log"
            ),
        ),
    ],
)
def test_what_a_dss_refuses_names_key_and_mend(refusal: Refused, sealed: bool, sentence: str) -> None:
    assert why(refusal, sealed=sealed) == f"nwip.toml: {sentence}"

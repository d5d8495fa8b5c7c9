"""The vectors that `docs/protocol.md` promises, read both ways."""

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from nwip.directory.parameters import Parameters
from nwip.directory.records import Record
from nwip.directory.table import Directory
from nwip.dss import messages
from nwip.dss.framing import LENGTH_SIZE, Splitter, frame
from nwip.dss.messages import Message, VersionError, decode, encode
from nwip.dss.questions import Questions
from nwip.wire import WireError

DOCS = Path(__file__).parents[2] / "docs"
VECTORS = json.loads((DOCS / "protocol-vectors.json").read_text())
TYPES = {struct.__name__: struct for struct in get_args(Message)}


def named(section: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", VECTORS[section], ids=lambda vector: vector["name"])


def from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return [from_json(item) for item in value] if isinstance(value, list) else value


def read(data: bytes) -> list[Message | None]:
    return [decode(octets) for octets in Splitter().feed(data)]


@named("messages")
def test_a_vector_decodes_and_encodes(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["frame"])
    plain = msgspec.msgpack.encode(from_json(vector["message"]))
    assert len(plain).to_bytes(4, "big") + plain == data
    (message,) = read(data)
    assert message is not None
    assert type(message).__name__ == vector["type"]
    assert frame(encode(message)) == data


@named("messages")
def test_a_vector_cut_at_any_octet_is_unfinished_or_wrong(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["frame"])
    for end in range(len(data)):
        assert read(data[:end]) == []
    body = data[LENGTH_SIZE:]
    for end in range(len(body)):
        with pytest.raises(WireError):
            decode(body[:end])


@named("extended")
def test_elements_of_a_later_version_are_ignored(vector: dict[str, Any]) -> None:
    (message,) = read(bytes.fromhex(vector["frame"]))
    assert message is not None
    assert encode(message) == msgspec.msgpack.encode(from_json(vector["message"]))


@named("shorter")
def test_elements_that_an_older_program_leaves_out_have_their_defaults(vector: dict[str, Any]) -> None:
    (message,) = read(bytes.fromhex(vector["frame"]))
    assert message is not None
    assert encode(message) == msgspec.msgpack.encode(from_json(vector["message"]))


@named("wrong")
def test_a_wrong_frame_is_what_the_vector_says(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["frame"])
    if vector["expected"] == "skipped":
        assert read(data) == [None]
        return
    with pytest.raises(WireError) as caught:
        read(data)
    assert isinstance(caught.value, VersionError) == (vector["expected"] == "version")


@pytest.mark.parametrize("vector", VECTORS["questions"]["vectors"], ids=lambda vector: vector["name"])
def test_a_question_is_answered_as_the_vector_says(vector: dict[str, Any]) -> None:
    setting = VECTORS["questions"]
    directory = Directory()
    for item in setting["records"]:
        record = msgspec.msgpack.decode(msgspec.msgpack.encode(from_json(item)), type=Record)
        assert directory.merge(record, 0.0)
    parameters = msgspec.msgpack.decode(
        msgspec.msgpack.encode(from_json(setting["parameters"])), type=Parameters
    )
    dss = setting["dss"]
    questions = Questions(
        directory,
        address=dss["address"],
        identity=bytes.fromhex(dss["identity"]),
        proven=lambda ip: ip in setting["proven"],
    )
    answers = questions.answer(bytes.fromhex(vector["request"]), (vector["source"], 4000), parameters)
    assert [answer.hex() for answer in answers] == vector["responses"]


def test_every_message_has_a_vector_and_is_specified() -> None:
    text = (DOCS / "protocol.md").read_text()
    assert {vector["type"] for vector in VECTORS["messages"]} == set(TYPES)
    for name, struct in TYPES.items():
        heading = f"### {struct.__struct_config__.tag} {name}\n"
        assert heading in text
        section = text.split(heading)[1].split("\n### ")[0].split("\n## ")[0]
        for field in struct.__struct_fields__:
            assert f"| {field} |" in section, f"{name}.{field} is not in protocol.md"
    for reason in messages.Reason:
        assert f"| {reason.value} | {reason.name} |" in text


def test_every_record_and_parameter_is_specified() -> None:
    text = (DOCS / "protocol.md").read_text()
    for field in Parameters.__struct_fields__:
        assert f"| {field} |" in text
    for kind in ("Service", "Route", "Host", "Node", "Dss", "Record", "Lease", "Withdrawal"):
        assert f"### {kind}\n" in text

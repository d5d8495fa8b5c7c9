"""The table [etcd]: what goes together, one sentence for what does not, and a password that nobody sees."""

import pytest

from nwip.config import ConfigError
from nwip.config.keys import MENDS
from nwip.config.reading import parse

STORE = 'dss.store = "etcd"\n[etcd]\n'
HTTP = 'endpoints = ["http://192.0.2.1:2379"]\n'
HTTPS = 'endpoints = ["https://192.0.2.1:2379", "https://[2001:db8::1]:2379/"]\n'


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "nwip.toml")
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    "keys",
    [
        HTTP,
        HTTPS,
        HTTPS + 'user = "nwip"\npassword = "a"',
        HTTPS + 'user = "nwip"\npassword-file = "/p"\nca = "/ca"',
        HTTPS + 'certificate = "/c"\nkey = "/k"',
    ],
)
def test_what_goes_together_is_taken(keys: str) -> None:
    config = parse(STORE + keys, "nwip.toml")
    assert config.dss.store == "etcd"
    assert config.etcd.endpoints[0].endswith("192.0.2.1:2379")
    assert config.etcd.is_sealed == (keys != HTTP)


@pytest.mark.parametrize(
    ("text", "key", "problem", "mend"),
    [
        (STORE, "endpoints", "is missing", MENDS["etcd.endpoints"]),
        (STORE + "endpoints = []", "endpoints", "is missing", MENDS["etcd.endpoints"]),
        (
            STORE + 'endpoints = ["http://a:1", "https://b:1"]',
            "endpoints",
            "has URLs with http and with https",
            "write all of them with one: what goes through http can be read on its way",
        ),
        (
            STORE + HTTPS + 'key = "/k"',
            "certificate",
            "is missing beside etcd.key",
            MENDS["etcd.certificate"],
        ),
        (
            STORE + HTTPS + 'certificate = "/c"',
            "key",
            "is missing beside etcd.certificate",
            MENDS["etcd.key"],
        ),
        (STORE + HTTPS + 'user = "a"', "password-file", "is missing", MENDS["etcd.password-file"]),
        (STORE + HTTPS + 'password-file = "/p"', "user", "is missing", MENDS["etcd.user"]),
        (
            STORE + HTTPS + 'user = "a"\npassword = "b"\npassword-file = "/p"',
            "password",
            "stands beside etcd.password-file",
            "take one of them out",
        ),
        (STORE + HTTP + 'ca = "/c"', "ca", "stands beside endpoints with http", "write them with https"),
        (
            STORE + HTTP + 'certificate = "/c"\nkey = "/k"',
            "certificate",
            "stands beside endpoints with http",
            "write them with https",
        ),
    ],
)
def test_what_does_not_go_together_is_one_sentence_with_file_key_and_mend(
    text: str, key: str, problem: str, mend: str
) -> None:
    sentence = refusal(text)
    assert sentence.startswith(f"nwip.toml: key 'etcd.{key}' {problem}")
    assert f"; {mend}" in sentence


def test_a_table_beside_another_store_is_a_mistake() -> None:
    sentence = refusal("[etcd]\n" + HTTP)
    assert sentence == (
        'nwip.toml: key \'dss.store\' is "sqlite", and there is a table [etcd]; write "etcd", or take it out'
    )


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a:2379",
        "http://a",
        "http://:2379",
        "http://a:2379/v3",
        "http://a:2379?b",
        "http://a:99999",
        "http://[::1:2379",
        "a",
    ],
)
def test_what_is_no_url_with_a_port_is_refused(url: str) -> None:
    sentence = refusal(f'{STORE}endpoints = ["{url}"]')
    assert sentence == f"nwip.toml: key 'etcd.endpoints' is \"{url}\"; {MENDS['etcd.endpoints']}"


@pytest.mark.parametrize(
    "keys",
    [
        'endpoints = ["http://nwip:S3CRET@a:2379"]',
        f"endpoints = [{', '.join(17 * [repr('http://nwip:S3CRET@a:2379')])}]",
        f'{HTTP}user = "a"\npassword = ["S3CRET"]',
        f'{HTTP}user = "a"\npassword = "S3CRET\\u0007"',
        f'{HTTP}password = "S3CRET"',
        f'{HTTP}user = "a"\npassword = "S3CRET"\npassword-file = "/p"',
    ],
)
def test_no_sentence_shows_a_password(keys: str) -> None:
    assert "S3CRET" not in refusal(STORE + keys)


def test_a_configuration_as_text_does_not_show_the_password() -> None:
    config = parse(f'{STORE}{HTTP}user = "anna"\npassword = "S3CRET"', "nwip.toml")
    assert config.etcd.password is not None
    assert "anna" in repr(config)
    assert "S3CRET" not in repr(config) + str(config.etcd)

"""Where verification finds secrets, also while they change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lktrio.auth import AccessToken, EnvironmentKeys, FileKeys, MappingKeys, SingleKey, verify_token
from lktrio.auth._keys import parse_keys
from lktrio.errors import InvalidSignature
from tests.support.cases import each_case

TOKEN = AccessToken(identity="bot").to_jwt("key", "secret")


def test_a_pair_a_mapping_and_a_provider() -> None:
    for keys in (("key", "secret"), {"key": "secret"}, SingleKey("key", "secret")):
        assert verify_token(TOKEN, keys).identity == "bot"
    for keys in (("other", "secret"), {"other": "secret"}, SingleKey("key", "other")):
        with pytest.raises(InvalidSignature):
            verify_token(TOKEN, keys)


def test_a_mapping_may_change() -> None:
    secrets = {"key": "old"}
    keys = MappingKeys(secrets)
    with pytest.raises(InvalidSignature):
        verify_token(TOKEN, keys)
    secrets["key"] = "secret"
    assert verify_token(TOKEN, keys).identity == "bot"
    del secrets["key"]
    with pytest.raises(InvalidSignature):
        verify_token(TOKEN, keys)


def test_the_environment_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "LIVEKIT_KEYS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidSignature):
        verify_token(TOKEN)
    monkeypatch.setenv("LIVEKIT_KEYS", "first: one\nkey: secret")
    assert verify_token(TOKEN, EnvironmentKeys()).identity == "bot"
    monkeypatch.setenv("LIVEKIT_KEYS", "key: other")
    monkeypatch.setenv("LIVEKIT_API_KEY", "key")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "secret")
    assert verify_token(TOKEN).identity == "bot"


def test_a_file_may_change(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text("# the keys\nkey: old\n")
    keys = FileKeys(path)
    with pytest.raises(InvalidSignature):
        verify_token(TOKEN, keys)
    replacement = tmp_path / "new.yaml"
    replacement.write_text("key: secret\nnext: another\n")
    replacement.replace(path)
    assert verify_token(TOKEN, keys).identity == "bot"


def test_a_damaged_or_missing_file_keeps_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text("key: secret")
    keys = FileKeys(path)
    path.write_text("key: secret\n- broken")
    os.utime(path, (1, 1))
    assert verify_token(TOKEN, keys).identity == "bot"
    path.unlink()
    assert verify_token(TOKEN, keys).identity == "bot"


def test_a_missing_or_damaged_file_is_an_error_at_first(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="keys"):
        FileKeys(tmp_path / "keys.yaml")
    (tmp_path / "bad.yaml").write_text("key: secret\nhush")
    with pytest.raises(ValueError, match=r"bad\.yaml, line 2") as caught:
        FileKeys(tmp_path / "bad.yaml")
    assert "hush" not in str(caught.value)


@each_case(
    "text",
    [
        "a: b",
        "a: b\n\n# comment\nc: d # comment\n",
        "---\n'a b': \"c d\"\n",
        'a:   "x: # y"',
        "a: b:c",
        "APIabc-._: s3cr3t+/=",
    ],
)
def test_mappings_are_read_as_yaml(text: str) -> None:
    assert parse_keys(text, "text") == yaml.safe_load(text)


@each_case(
    "text",
    ["a", "a:b", "- a", "a:\n  b: c", "a: b\na: c", " a: b", "a: 'b", "a: ", ": b", "a: 'b' c"],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        parse_keys(text, "text")


@given(text=st.text(alphabet="ab:' \"#\n-", max_size=30))
def test_any_text_is_a_mapping_or_refused(text: str) -> None:
    try:
        secrets = parse_keys(text, "text")
    except ValueError:
        return
    assert all(secrets)
    assert all(secrets.values())


def test_no_secret_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text("key: hush")
    providers = (
        SingleKey("key", "hush"),
        MappingKeys({"key": "hush"}),
        FileKeys(path),
        EnvironmentKeys(),
    )
    for keys in providers:
        assert "hush" not in repr(keys)

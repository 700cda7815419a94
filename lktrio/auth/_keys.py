"""API keys and their secrets: where verification finds the secret of a token's issuer.

All providers are asked at every verification, so that keys can be rotated while a program runs.
A secret appears in no ``repr`` and no exception. White space around keys and secrets, such as the
line end of the file that they came from, belongs to neither.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

__all__ = [
    "EnvironmentKeys",
    "FileKeys",
    "KeyProvider",
    "Keys",
    "MappingKeys",
    "SingleKey",
    "key_pair",
    "provider_of",
    "secret_of",
    "stripped",
]

KEY_VARIABLE = "LIVEKIT_API_KEY"
SECRET_VARIABLE = "LIVEKIT_API_SECRET"  # noqa: S105 - the name of a variable
KEYS_VARIABLE = "LIVEKIT_KEYS"


class KeyProvider(Protocol):
    """Anything that knows the secrets of API keys."""

    def get_secret(self, api_key: str, /) -> str | None:
        """The secret of an API key, or None if the key is not known."""
        ...


class SingleKey:
    """One API key and its secret."""

    def __init__(self, api_key: str, api_secret: str) -> None:
        self._api_key = stripped(api_key, "api_key")
        self._api_secret = stripped(api_secret, "api_secret")

    def get_secret(self, api_key: str, /) -> str | None:
        """The secret, if it is that key."""
        return self._api_secret if api_key == self._api_key else None

    def __repr__(self) -> str:
        return f"SingleKey({self._api_key!r})"


class MappingKeys:
    """API keys in a mapping, which may change at any time."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets

    def get_secret(self, api_key: str, /) -> str | None:
        """The secret that the mapping has now."""
        return self._secrets.get(api_key)

    def __repr__(self) -> str:
        return f"MappingKeys({', '.join(map(repr, self._secrets))})"


class EnvironmentKeys:
    """The keys of ``LIVEKIT_API_KEY`` and ``LIVEKIT_API_SECRET``, and those of ``LIVEKIT_KEYS``.

    The last is the server's variable: lines of ``key: secret``.
    """

    def get_secret(self, api_key: str, /) -> str | None:
        """The secret that the environment has now."""
        if api_key and api_key == os.environ.get(KEY_VARIABLE, "").strip():
            return os.environ.get(SECRET_VARIABLE)
        keys = os.environ.get(KEYS_VARIABLE, "")
        return parse_keys(keys, f"${KEYS_VARIABLE}").get(api_key) if keys else None

    def __repr__(self) -> str:
        return "EnvironmentKeys()"


class FileKeys:
    """API keys in a file as LiveKit's server reads it: a YAML mapping of keys to secrets.

    The file is read again whenever its modification time or size has changed. If it cannot be
    read then, the keys read last stay in force.

    Raises:
        OSError: The file cannot be read at first.
        ValueError: The file is not such a mapping.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._secrets, self._version = self._read()

    def get_secret(self, api_key: str, /) -> str | None:
        """The secret that the file has now."""
        try:
            if self._stat() != self._version:
                self._secrets, self._version = self._read()
        except (OSError, ValueError):
            pass  # perhaps in the middle of being replaced: the next call looks again
        return self._secrets.get(api_key)

    def _stat(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> tuple[dict[str, str], tuple[int, int, int]]:
        version = self._stat()
        return parse_keys(self._path.read_text(encoding="utf-8"), str(self._path)), version

    def __repr__(self) -> str:
        return f"FileKeys({str(self._path)!r})"


Keys = KeyProvider | Mapping[str, str] | tuple[str, str]
"""Keys as the library takes them: a provider, a mapping, or one ``(key, secret)`` pair."""


def provider_of(keys: Keys | None) -> KeyProvider:
    """The provider that ``keys`` stands for; None is the environment.

    Raises:
        TypeError: It stands for none.
    """
    if keys is None:
        return EnvironmentKeys()
    if isinstance(keys, tuple) and len(keys) == 2:
        return SingleKey(*keys)
    if isinstance(keys, Mapping):
        return MappingKeys(keys)
    if not callable(getattr(keys, "get_secret", None)):
        raise TypeError(
            "keys are one (key, secret) pair, a mapping of keys to secrets, or a KeyProvider, "
            f"not {type(keys).__name__}"
        )
    return keys


def secret_of(keys: Keys | None, api_key: str) -> str | None:
    """The secret that ``keys`` has now for an API key, or None.

    Raises:
        TypeError: ``keys`` is nothing that knows secrets, or a secret is not a string.
    """
    secret = provider_of(keys).get_secret(api_key)
    return None if secret is None else stripped(secret, "the secret of an API key")


def key_pair(api_key: str | None, api_secret: str | None) -> tuple[str, str]:
    """A key and its secret, each from the environment if it is None.

    Raises:
        ValueError: One of them is missing.
        TypeError: One of them is not a string.
    """
    api_key = os.environ.get(KEY_VARIABLE, "") if api_key is None else api_key
    api_secret = os.environ.get(SECRET_VARIABLE, "") if api_secret is None else api_secret
    api_key, api_secret = stripped(api_key, "api_key"), stripped(api_secret, "api_secret")
    if not api_key or not api_secret:
        missing = "API key" if not api_key else "API secret"
        raise ValueError(f"no {missing}: pass it, or set {KEY_VARIABLE} and {SECRET_VARIABLE}")
    return api_key, api_secret


def stripped(text: object, name: str) -> str:
    """A key, secret or token without the white space around it.

    Raises:
        TypeError: It is not a string; the message calls it by its name.
    """
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a str, not {type(text).__name__}")
    return text.strip()


def parse_keys(text: str, source: str) -> dict[str, str]:
    """The keys in a YAML mapping of strings: lines of ``key: secret``, comments and quotes.

    Raises:
        ValueError: A line is something else; its number is named, not its content.
    """
    secrets: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#") or line.strip() in ("---", "..."):
            continue
        key, secret = _parse_line(line)
        if not key or not secret or key in secrets:
            problem = "a second time the same key" if key in secrets else "not `key: secret`"
            raise ValueError(f"{source}, line {number}: {problem}")
        secrets[key] = secret
    return secrets


def _parse_line(line: str) -> tuple[str, str]:
    """The two sides of ``key: secret``, or empty strings."""
    if line[:1].isspace():
        return "", ""
    key, rest = _scalar(line, stop=":")
    if not rest.startswith(":") or not rest[1:2].isspace():
        return "", ""
    secret, rest = _scalar(rest[1:].strip(), stop=" #")
    return (key, secret) if not rest.strip() or rest.lstrip().startswith("#") else ("", "")


def _scalar(text: str, *, stop: str) -> tuple[str, str]:
    """A plain or quoted YAML scalar at the start of ``text``, and what follows it."""
    quote = text[:1]
    if quote and quote in "'\"":
        end = text.find(quote, 1)
        return (text[1:end], text[end + 1 :].lstrip()) if end > 0 else ("", "")
    end = text.find(stop)
    return (text[:end].strip(), text[end:]) if end >= 0 else (text.strip(), "")

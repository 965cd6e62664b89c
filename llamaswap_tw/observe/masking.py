"""
What may be shown of commands and settings: without the secrets in them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

#: What stands in place of a secret.
MASK = "…"

#: A name with one of these words in it names a secret.
_SECRET_WORDS = frozenset(
    [
        *("apikey", "apikeys", "auth", "authorization", "bearer", "cookie"),
        *("credential", "credentials", "hft", "key", "keys", "pass", "passphrase"),
        *("passwd", "password", "passwords", "pat", "pwd", "secret", "secrets"),
        *("token", "apitoken"),
    ]
)

#: One that ends with one of these says where it is, or how long.
_HARMLESS_ENDS = frozenset(
    [
        *("dir", "directory", "file", "id", "length", "limit", "name", "path", "size"),
        *("type", "url"),
    ]
)

#: A shorter text is not looked for in others: it would be found everywhere.
_SHORTEST = 4

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

#: One word of a shell's, in quotes or not; a quote that is never closed goes on to the
#: end.
_VALUE = r"""(?:"(?:\\.|[^"\\])*"?|'[^']*'?|\\.|[^\s"'\\])+"""

_OPTION = re.compile(
    rf"(?P<lead>(?<!\S)['\"]?--?(?P<name>[A-Za-z][\w.-]*)"
    rf"(?:=|(?:\s|\\\r?\n)+(?!-)))(?P<value>{_VALUE})"
)
_ASSIGNMENT = re.compile(rf"(?P<lead>\b(?P<name>[A-Za-z_]\w*)=)(?P<value>{_VALUE})")
_MEMBER = re.compile(
    r'(?P<lead>"(?P<name>[^"\\\s]+)"\s*:\s*)(?P<value>"(?:\\.|[^"\\])*")'
)
_HEADER = re.compile(
    r"(?P<lead>\b(?:(?:proxy-)?authorization|cookie|[\w-]{0,64}(?:api-?key|token|secret))"
    r"\s*:\s*)(?P<value>(?:(?:bearer|basic)[ \t]+)?[^\s\"']+)",
    re.IGNORECASE,
)
_QUERY = re.compile(r"(?P<lead>[?&](?P<name>[\w.-]+)=)(?P<value>[^&\s\"'#]+)")
_BEARER = re.compile(r"(?P<lead>\bBearer\s+)(?P<value>[^\s\"']+)", re.IGNORECASE)
_USERINFO = re.compile(
    r"(?P<lead>\b[a-z][a-z0-9+.-]{0,30}://)[^\s/@\"']+@", re.IGNORECASE
)


def names_secret(name: str) -> bool:
    """
    Whether what is called so is likely a secret: ``HF_TOKEN``, ``apiKey``.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _HARMLESS_ENDS:
        return False
    return not _SECRET_WORDS.isdisjoint(words) or "apikey" in "".join(words)


class Masks:
    """
    Masks secrets.

    :param secrets: those that are known: they are masked wherever they are.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._known = sorted(
            {secret for secret in secrets if len(secret) >= _SHORTEST},
            key=len,
            reverse=True,
        )

    def knowing(self, environment: Mapping[str, str]) -> Masks:
        """
        :param environment: its secrets are known too.
        """
        secrets = [value for name, value in environment.items() if names_secret(name)]
        return Masks([*self._known, *secrets])

    def text(self, text: str) -> str:
        """
        A text, such as a command, an address or a value.
        """
        for known in self._known:
            text = text.replace(known, MASK)
        for named in (_OPTION, _ASSIGNMENT, _MEMBER, _QUERY):
            text = _mask_named(named, text)
        for always in (_HEADER, _BEARER):
            text = always.sub(rf"\g<lead>{MASK}", text)
        return _USERINFO.sub(rf"\g<lead>{MASK}@", text)

    def environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """
        Variables by their names.
        """
        return {
            name: MASK if value and names_secret(name) else self.text(value)
            for name, value in environment.items()
        }

    def document(self, document: Any) -> Any:
        """
        Any JSON-like value.
        """
        if isinstance(document, str):
            return self.text(document)
        if isinstance(document, Mapping):
            return {
                key: MASK
                if isinstance(value, str) and value and names_secret(str(key))
                else self.document(value)
                for key, value in document.items()
            }
        if isinstance(document, Collection) and not isinstance(document, bytes):
            return [self.document(one) for one in document]
        return document


def _mask_named(pattern: re.Pattern[str], text: str) -> str:
    def mask(found: re.Match[str]) -> str:
        if not names_secret(found["name"]):
            return found[0]
        return f"{found['lead']}{MASK}"

    return pattern.sub(mask, text)

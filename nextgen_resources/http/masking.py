"""What was sent as a credential is masked in whatever comes back: services quote keys in their refusals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

_SECRET_WORDS = ("authorization", "cookie", "key", "secret", "token")
_SHORTEST = 4


def credentials_in(headers: Mapping[str, str]) -> list[bytes]:
    """The values of headers that are credentials, each whole, without its scheme, and as JSON writes it; longest first.

    Examples
    --------
    >>> credentials_in({"authorization": "Bearer abcdef", "accept": "text/html"})
    [b'Bearer abcdef', b'abcdef']
    """
    found: set[str] = set()
    for name, value in headers.items():
        if any(word in name.lower() for word in _SECRET_WORDS):
            found |= {value, value.rpartition(" ")[2]}
    found |= {json.dumps(text)[1:-1] for text in found}
    return sorted(
        (text.encode() for text in found if len(text) >= _SHORTEST), key=lambda each: (-len(each), each)
    )


def masked(content: bytes, credentials: Iterable[bytes]) -> bytes:
    """The content with each credential replaced by as many stars: its length is what was announced.

    Examples
    --------
    >>> masked(b'{"error": "bad key abcdef"}', [b"abcdef"])
    b'{"error": "bad key ******"}'
    """
    for secret in credentials:
        content = content.replace(secret, b"*" * len(secret))
    return content

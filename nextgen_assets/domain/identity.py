"""Names for rows that follow from what they say."""

from __future__ import annotations

import hashlib


def content_id(*parts: object) -> str:
    """Thirty-two hexadecimal digits of the SHA-256 of ``parts``, joined by an unambiguous separator.

    Examples
    --------
    >>> content_id("AAPL", "2013-03-01") == content_id("AAPL", "2013-03-01")
    True
    >>> content_id("a", "bc") == content_id("ab", "c")
    False
    """
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]

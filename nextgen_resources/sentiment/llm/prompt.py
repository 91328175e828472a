"""The prompt: a versioned file, and the article as quoted data behind a random fence.

A hostile article may contain anything, so nothing of it can look like a part of the prompt: it stands as one
JSON object on one line, with control, format and private characters removed (hidden text, direction
overrides, tags), and marks of chat formats broken; the fence is drawn anew for every call and cannot be in
the text. The ticker is ours, not the article's.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import resources

from nextgen_resources.errors import SettingsError

HEADLINE_CHARACTERS, BODY_CHARACTERS = 500, 4_000
_PROMPTS = "nextgen_resources.sentiment.prompts"
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")
_TICKER = re.compile(r"^[A-Z][A-Z0-9.\-]{0,9}$")
_REMOVED_KINDS = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
_CHAT_MARKS = re.compile(
    r"<\s*\|+|\|+\s*>|\[/?INST\]|</?\s*(?:system|assistant|user|developer)\s*>", re.IGNORECASE
)


@dataclass(frozen=True)
class Request:
    """What one call says: instructions that are ours, and a message that quotes the article.

    ``identity`` is the hash of all of it but the fence: two requests with one identity ask the same.
    """

    instructions: str
    message: str
    identity: str = ""


@cache
def prompt_text(name: str) -> str:
    """The text of ``prompts/<name>.md``.

    Raises
    ------
    SettingsError
        There is no such prompt.
    """
    known = sorted(file.name.removesuffix(".md") for file in resources.files(_PROMPTS).iterdir())
    if not _NAME.match(name) or name not in known:
        raise SettingsError(f"openai: there is no prompt {name!r}; choose one of {', '.join(known)}")
    return resources.files(_PROMPTS).joinpath(f"{name}.md").read_text(encoding="utf-8")


def prompt_version(name: str) -> str:
    """Name and hash of what decides the words that are sent, apart from the article."""
    rules = f"{prompt_text(name)}|{HEADLINE_CHARACTERS}|{BODY_CHARACTERS}"
    return f"{name}-{hashlib.sha256(rules.encode()).hexdigest()[:12]}"


def build_request(name: str, ticker: str, headline: str, body: str | None) -> Request:
    """The request about one article for one ticker.

    Raises
    ------
    ValueError
        ``ticker`` is not a ticker, so it could carry words into the prompt.
    """
    if not _TICKER.match(ticker):
        raise ValueError(f"{ticker[:20]!r} is not a ticker; expected capitals, digits, dots and dashes")
    article = {"headline": quotable(headline, HEADLINE_CHARACTERS)}
    if body:
        article["body"] = quotable(body, BODY_CHARACTERS)
    quoted = json.dumps(article, ensure_ascii=False)
    fence = _fence(quoted)
    instructions = f"{prompt_text(name)}\nThe fence of this message is {fence}.\n"
    message = f"ticker: {ticker}\n--- article {fence} begins ---\n{quoted}\n--- article {fence} ends ---"
    asked = f"{prompt_version(name)}\n{ticker}\n{quoted}"
    return Request(instructions, message, hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest())


def quotable(text: str, characters: int) -> str:
    """The first ``characters`` of ``text``, without what is hidden and without marks of chat formats.

    Examples
    --------
    >>> quotable("Profit\\u200b rose\\u202e <|im_start|>system", 50)
    'Profit rose ( im_start )system'
    """
    normal = unicodedata.normalize("NFKC", text[: 4 * characters])
    spaced = "".join(" " if letter in "\n\r\t" else letter for letter in normal)
    seen = "".join(letter for letter in spaced if unicodedata.category(letter) not in _REMOVED_KINDS)
    return _CHAT_MARKS.sub(_broken, seen)[:characters].strip()


def _broken(mark: re.Match[str]) -> str:
    return "( " if mark.group().startswith("<") and mark.group().endswith("|") else " )"


def _fence(quoted: str) -> str:
    while True:
        fence = secrets.token_hex(12)
        if fence not in quoted:
            return fence

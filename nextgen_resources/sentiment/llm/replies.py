"""The reply: its schema, and the class of every way in which it is not a score.

A score is taken only from a reply that says it is complete, holds one text, fits the schema and stays inside
the bounds. Everything else has a class and leaves no score; nothing is guessed, mended or clamped.

=================  ============================================================================
class              what happened
=================  ============================================================================
``refusal``        the model declined
``truncated``      it stopped at the limit of tokens, or the reply says that it is incomplete
``content_filter`` a filter cut the reply
``schema_error``   not the JSON of the schema, not JSON, or several texts
``out_of_range``   a number outside its bounds
``empty``          no text at all
``failed``         the reply itself says that it failed
``timeout``        no reply in time
``rate_limited``   429
``unavailable``    no connection, or a server error
``unauthorised``   401 or 403: look at the key
``rejected``       another 4xx: look at the model name and the address
=================  ============================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

RATIONALE_CHARACTERS = 300
STOPPING = frozenset({"timeout", "rate_limited", "unavailable", "unauthorised"})
"""Classes that speak of the service, not of the article."""


class ArticleScore(BaseModel):
    """What the model is asked for; bounds are checked afterwards, so that a breach has its own class."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    score: float
    relevance: float
    confidence: float
    rationale: str


class ReplyError(Exception):
    """A reply without a score; ``error_class`` says why, ``detail`` in words of ours."""

    def __init__(self, error_class: str, detail: str) -> None:
        super().__init__(f"{error_class}: {detail}")
        self.error_class = error_class
        self.detail = detail


@dataclass(frozen=True)
class Usage:
    """Tokens that a reply says it used; None where it does not say."""

    input_tokens: int | None
    output_tokens: int | None


def within_bounds(answer: ArticleScore) -> ArticleScore:
    """``answer`` with a short, plain rationale.

    Raises
    ------
    ReplyError
        A number is out of range.
    """
    for name, lowest in (("score", -1.0), ("relevance", 0.0), ("confidence", 0.0)):
        value = getattr(answer, name)
        if not (math.isfinite(value) and lowest <= value <= 1.0):
            raise ReplyError("out_of_range", f"{name} is not between {lowest:g} and 1")
    plain = "".join(letter if letter.isprintable() else " " for letter in answer.rationale)
    return answer.model_copy(update={"rationale": plain[:RATIONALE_CHARACTERS].strip()})


def check_response(body: Any) -> None:
    """Refuse a reply of ``/responses`` that is not one complete text.

    Raises
    ------
    ReplyError
        With the class of what is wrong.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("output"), list):
        raise ReplyError("schema_error", "the reply is not an object with a list of output")
    if body.get("status") == "incomplete":
        reason = (body.get("incomplete_details") or {}).get("reason")
        _refuse_incomplete("content_filter" if reason == "content_filter" else "truncated")
    if body.get("error") or body.get("status") in ("failed", "cancelled"):
        raise ReplyError("failed", "the reply says that it failed")
    if body.get("status", "completed") != "completed":
        _refuse_incomplete("truncated")
    messages = [
        item for item in body["output"] if isinstance(item, Mapping) and item.get("type") == "message"
    ]
    if any(item.get("status", "completed") != "completed" for item in messages):
        _refuse_incomplete("truncated")
    content = [part for item in messages for part in item.get("content") or [] if isinstance(part, Mapping)]
    if any(part.get("type") == "refusal" for part in content):
        raise ReplyError("refusal", "the model declined")
    _check_one_text([part.get("text") for part in content if part.get("type") == "output_text"])


def check_completion(body: Any) -> None:
    """Refuse a reply of ``/chat/completions`` that is not one complete text; see `check_response`."""
    choices = body.get("choices") if isinstance(body, Mapping) else None
    if not isinstance(choices, list) or not all(isinstance(choice, Mapping) for choice in choices):
        raise ReplyError("schema_error", "the reply is not an object with a list of choices")
    if len(choices) != 1:
        raise ReplyError("schema_error" if choices else "empty", f"{len(choices)} choices, expected one")
    message, reason = choices[0].get("message") or {}, choices[0].get("finish_reason")
    if message.get("refusal"):
        raise ReplyError("refusal", "the model declined")
    if reason == "content_filter":
        _refuse_incomplete("content_filter")
    if reason != "stop":
        _refuse_incomplete("truncated")
    _check_one_text([message.get("content")])


def _refuse_incomplete(error_class: str) -> None:
    raise ReplyError(error_class, "the reply says that it is incomplete")


def _check_one_text(texts: list[Any]) -> None:
    given = [text for text in texts if isinstance(text, str) and text.strip()]
    if not given:
        raise ReplyError("empty", "the reply holds no text")
    if len(texts) != 1:
        raise ReplyError("schema_error", f"the reply holds {len(texts)} texts, expected one")


def usage_of(body: Any) -> Usage:
    """Tokens by either interface's names; a count that is no whole number of at least 0 is not believed."""
    usage = body.get("usage") if isinstance(body, Mapping) else None
    found = usage if isinstance(usage, Mapping) else {}
    counts = [
        found.get(new, found.get(old))
        for new, old in (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"))
    ]
    believed = [count if type(count) is int and count >= 0 else None for count in counts]
    return Usage(believed[0], believed[1])

"""Every kind of reply that is not a score, for both interfaces, with the class that it must get."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.resources.sentiment.openai_server import GOOD, Said, answered, completion, response, text_reply

WHOLE = json.dumps(GOOD)


def broken_replies(interface: str) -> dict[str, tuple[str, Callable[[], Said]]]:
    """Name of the kind, to the class expected and the reply; in each, a good answer is near at hand."""
    shared: dict[str, tuple[str, Callable[[], Said]]] = {
        "cut json": ("schema_error", lambda: Said(text_reply(interface, WHOLE[:30]))),
        "prose around json": ("schema_error", lambda: Said(text_reply(interface, f"Sure! {WHOLE}"))),
        "an extra field": ("schema_error", lambda: answered(interface, ticker="MSFT")),
        "a number as text": ("schema_error", lambda: answered(interface, score="0.5")),
        "a list": ("schema_error", lambda: Said(text_reply(interface, f"[{WHOLE}]"))),
        "not a number": ("schema_error", lambda: Said(text_reply(interface, WHOLE.replace("0.5", "NaN")))),
        "infinity": ("schema_error", lambda: Said(text_reply(interface, WHOLE.replace("0.5", "Infinity")))),
        "a field missing": ("schema_error", lambda: Said(text_reply(interface, '{"score": 0.5}'))),
        "score above one": ("out_of_range", lambda: answered(interface, score=1.01)),
        "score far below": ("out_of_range", lambda: answered(interface, score=-1e300)),
        "relevance below zero": ("out_of_range", lambda: answered(interface, relevance=-0.1)),
        "confidence in percent": ("out_of_range", lambda: answered(interface, confidence=80.0)),
        "blank": ("empty", lambda: Said(text_reply(interface, "  "))),
        "html": ("schema_error", lambda: Said(b"<html>busy</html>")),
        "a bare list": ("schema_error", lambda: Said([1, 2])),
        "cut off in mid-air": ("unavailable", lambda: Said(text_reply(interface, WHOLE), cuts_off=True)),
        "bad request": ("rejected", lambda: Said({"error": {"message": WHOLE}}, 400)),
        "no such model": ("rejected", lambda: Said({"error": {"message": "no"}}, 404)),
        "too many": ("rate_limited", lambda: Said({"error": {"message": WHOLE}}, 429)),
        "server error": ("unavailable", lambda: Said({"error": {"message": WHOLE}}, 500)),
        "overloaded": ("unavailable", lambda: Said(b"overloaded", 503)),
        "redirected": ("rejected", lambda: Said({}, 302, headers={"Location": "http://192.0.2.1/v1"})),
    }  # fmt: skip
    return shared | (_of_chat() if interface == "chat" else _of_responses())


def _of_responses() -> dict[str, tuple[str, Callable[[], Said]]]:
    text = {"type": "output_text", "text": WHOLE, "annotations": []}
    refusal = {"type": "refusal", "refusal": "I cannot"}
    limit, filtered = {"reason": "max_output_tokens"}, {"reason": "content_filter"}
    cut: dict[str, Any] = text | {"text": WHOLE[:20]}
    call = {"type": "function_call", "id": "f", "call_id": "c", "name": "fetch", "arguments": "{}"}
    half = response([text])
    half["output"][0]["status"] = "incomplete"
    return {
        "refusal": ("refusal", lambda: Said(response([refusal]))),
        "refusal beside an answer": ("refusal", lambda: Said(response([text, refusal]))),
        "incomplete yet whole": ("truncated", lambda: Said(response([text], status="incomplete", incomplete_details=limit))),
        "incomplete": ("truncated", lambda: Said(response([cut], status="incomplete", incomplete_details=limit))),
        "filtered": ("content_filter", lambda: Said(response([text], status="incomplete", incomplete_details=filtered))),
        "message incomplete": ("truncated", lambda: Said(half)),
        "still in progress": ("truncated", lambda: Said(response([text], status="in_progress"))),
        "failed": ("failed", lambda: Said(response([text], status="failed", error={"code": "server_error", "message": "x"}))),
        "two texts": ("schema_error", lambda: Said(response([text, text]))),
        "no output": ("empty", lambda: Said(response([], output=[]))),
        "a tool call": ("empty", lambda: Said(response([], output=[call]))),
    }  # fmt: skip


def _of_chat() -> dict[str, tuple[str, Callable[[], Said]]]:
    good = {"content": WHOLE, "refusal": None}
    choice = completion(good)["choices"][0]
    return {
        "refusal": ("refusal", lambda: Said(completion({"content": None, "refusal": "I cannot"}))),
        "refusal beside an answer": ("refusal", lambda: Said(completion(good | {"refusal": "I cannot"}))),
        "stopped at the limit": ("truncated", lambda: Said(completion(good, "length"))),
        "filtered": ("content_filter", lambda: Said(completion(good, "content_filter"))),
        "a tool call": (
            "truncated",
            lambda: Said(completion({"content": None, "tool_calls": []}, "tool_calls")),
        ),
        "two choices": ("schema_error", lambda: Said(completion(good, choices=[choice, choice]))),
        "no choice": ("empty", lambda: Said(completion(good, choices=[]))),
        "null": ("empty", lambda: Said(completion({"content": None, "refusal": None}))),
    }

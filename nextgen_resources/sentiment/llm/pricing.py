"""Tokens and dollars: the most that a call can cost, before it; what it did cost, after it."""

from __future__ import annotations

from dataclasses import dataclass

from nextgen_resources.sentiment.llm.prompt import Request
from nextgen_resources.sentiment.llm.replies import Usage

SCHEMA_AND_FRAME_TOKENS = 400
_MILLION = 1_000_000


@dataclass(frozen=True)
class Pricing:
    """Prices of a model.

    Attributes
    ----------
    input_usd_per_million, output_usd_per_million : float
        US dollars for a million tokens.
    max_output_tokens : int
        The limit that every call states.
    """

    input_usd_per_million: float
    output_usd_per_million: float
    max_output_tokens: int

    def most(self, request: Request) -> float:
        """The most that a call can cost, US dollars.

        A token of the byte-level vocabularies in use is at least one byte, so the bytes of the request bound
        its tokens from above; `SCHEMA_AND_FRAME_TOKENS` stands for the schema and the frame of the messages.
        """
        return self.cost(self.most_input_tokens(request), self.max_output_tokens)

    def most_input_tokens(self, request: Request) -> int:
        """Upper bound of the tokens of ``request``."""
        return len((request.instructions + request.message).encode()) + SCHEMA_AND_FRAME_TOKENS

    def spent(self, request: Request, usage: Usage) -> float:
        """What a call cost by its usage; the upper bound for what it does not say."""
        known = (usage.input_tokens, usage.output_tokens)
        bounds = (self.most_input_tokens(request), self.max_output_tokens)
        return self.cost(
            *(bound if count is None else count for count, bound in zip(known, bounds, strict=True))
        )

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars for so many tokens."""
        dollars = input_tokens * self.input_usd_per_million + output_tokens * self.output_usd_per_million
        return dollars / _MILLION

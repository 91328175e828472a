"""Which stated actions may be believed: declarative rules of one row, then splits against the prices around them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import polars as pl

from nextgen_assets.domain.declared_rules import Rule, first_broken
from nextgen_assets.domain.quality import TICKER_PATTERN, Inspected, refusal, rejected_frame
from nextgen_assets.domain.split_evidence import inspect_splits

_KINDS = ("split", "dividend", "spinoff", "rename", "delisting")
_SHOWN = ("ticker", "ex_date", "kind", "split_ratio", "cash_amount_usd", "new_ticker", "source")


@lru_cache(maxsize=1)
def action_rules() -> tuple[Rule, ...]:
    """The rules that judge one action, in the order in which the first broken one gives the reason."""
    kind, ratio, cash = pl.col("kind"), pl.col("split_ratio"), pl.col("cash_amount_usd")
    new, pattern = pl.col("new_ticker"), f"^(?:{TICKER_PATTERN})$"
    pays = kind.is_in(["dividend", "spinoff"])
    is_known = pl.col("ticker").str.contains(pattern).fill_null(False)
    is_new = new.str.contains(pattern).fill_null(False) & (new != pl.col("ticker"))
    return (
        Rule("bad_ticker", ~is_known, "ticker {ticker!r} is not on the allow-list"),
        Rule("unknown_kind", ~kind.is_in(_KINDS).fill_null(False), "{kind!r} is no kind of action"),
        Rule(
            "split_without_ratio",
            (kind == "split") & ~((ratio > 0) & ratio.is_finite()).fill_null(False),
            "a split needs a positive ratio, found {split_ratio}",
        ),
        Rule(
            "payment_without_amount",
            pays & ~((cash > 0) & cash.is_finite()).fill_null(False),
            "a {kind} needs a positive amount per share, found {cash_amount_usd}",
        ),
        Rule(
            "rename_without_ticker",
            (kind == "rename") & ~is_new,
            "a rename needs another ticker of the allow-list, found {new_ticker!r}",
        ),
        Rule(
            "value_of_another_kind",
            (ratio.is_not_null() & (kind != "split"))
            | (cash.is_not_null() & ~pays & ((kind != "delisting") | (cash <= 0) | ~cash.is_finite()))
            | (new.is_not_null() & (kind != "rename")),
            "a {kind} states ratio {split_ratio}, cash {cash_amount_usd}, new ticker {new_ticker}",
        ),
        Rule(
            "conflicting_versions",
            pl.len().over("ticker", "ex_date", "kind") > 1,
            "several versions of the {kind} of {ticker} on {ex_date} disagree",
        ),
    )


def inspect_actions(actions: pl.DataFrame, bars: pl.DataFrame) -> Inspected:
    """Sort stated actions into believed and refused.

    Parameters
    ----------
    actions : polars.DataFrame
        Columns of ``corporate_actions`` without run_id; exact copies count once.
    bars : polars.DataFrame
        As for `split_evidence.inspect_splits`.

    Returns
    -------
    Inspected
        accepted: the columns and order of ``actions``; rejected: as for bars, session_date the ex-date.
    """
    unique = actions.unique(maintain_order=True)
    rules = action_rules()
    broken = first_broken(unique, rules)
    rows = unique.rows(named=True) if broken.height else []
    refused = [
        refusal(
            {name: rows[place][name] for name in _SHOWN},
            rules[number].reason_code,
            rules[number].text.format(**rows[place]),
            rows[place]["ex_date"],
        )
        for place, number in broken.iter_rows()
    ]
    is_broken = pl.int_range(pl.len(), dtype=pl.UInt32).is_in(broken["row"].implode())
    believed = inspect_splits(unique.filter(~is_broken), bars)
    rejected = pl.concat([believed.rejected, rejected_frame(refused)]).sort(
        "ticker", "session_date", "reason_code", "payload"
    )
    return replace(believed, rejected=rejected, duplicate_count=actions.height - unique.height)

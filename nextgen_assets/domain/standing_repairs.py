"""Repairs as versions: rows for the tables, and deliveries that say again what was repaired."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from nextgen_assets.domain.repairs import in_unit_of

_PRICES = ("open", "high", "low", "close")
_KEY = ("ticker", "session_date")
_REFERENCE_AGE = timedelta(days=30)
PRICE_REPAIR_SCHEMA = {
    "ticker": pl.String(),
    "session_date": pl.Date(),
    "rule": pl.String(),
    "was_refused": pl.Boolean(),
    **{f"{name}_before": pl.Float64() for name in _PRICES},
    **dict.fromkeys(_PRICES, pl.Float64()),
    "volume": pl.Int64(),
    "evidence": pl.String(),
}
ACTION_REPAIR_SCHEMA = {
    "ticker": pl.String(),
    "ex_date": pl.Date(),
    "kind": pl.String(),
    "rule": pl.String(),
    "value_before": pl.Float64(),
    "value_after": pl.Float64(),
    "evidence": pl.String(),
}
_KINDS = {"dividend": "dividend", "split_ratio": "split"}


def price_repairs(bars: pl.DataFrame, proposed: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Proposals about prices, one row per bar: ``PRICE_REPAIR_SCHEMA``.

    Parameters
    ----------
    bars : polars.DataFrame
        The bars that were audited.
    proposed : polars.DataFrame
        Of `repairs.propose_repairs`.
    findings : polars.DataFrame
        ticker, session_date, fault, evidence.

    Notes
    -----
    Two rules that would correct one bar leave the correction open: neither does.
    """
    of_prices = proposed.filter(pl.col("field").is_in(_PRICES))
    wide = of_prices.pivot("field", index=[*_KEY, "rule"], values="after")
    absent = [name for name in _PRICES if name not in wide.columns]
    wide = wide.with_columns(pl.lit(None, pl.Float64).alias(name) for name in absent)
    wide = wide.filter(pl.len().over(_KEY) == 1)
    before = bars.select(*_KEY, *(pl.col(name).alias(f"{name}_before") for name in _PRICES), "volume")
    joined = wide.join(before, on=list(_KEY)).join(_evidence(findings), on=[*_KEY, "rule"])
    filled = [pl.coalesce(name, f"{name}_before").alias(name) for name in _PRICES]
    return joined.with_columns(*filled, was_refused=pl.lit(False)).select(
        pl.col(name).cast(dtype) for name, dtype in PRICE_REPAIR_SCHEMA.items()
    )


def action_repairs(proposed: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Proposals about dividends and splits: ``ACTION_REPAIR_SCHEMA``; null stands for no action."""
    of_actions = proposed.filter(pl.col("field").is_in(list(_KINDS)))
    is_split = pl.col("field") == "split_ratio"
    nothing = pl.when(is_split).then(1.0).otherwise(0.0)
    joined = of_actions.join(_evidence(findings), on=[*_KEY, "rule"])
    return joined.select(
        "ticker",
        pl.col("session_date").alias("ex_date"),
        pl.col("field").replace_strict(_KINDS, return_dtype=pl.String).alias("kind"),
        "rule",
        pl.when(pl.col("before") != nothing).then("before").alias("value_before"),
        pl.when(pl.col("after") != nothing).then("after").alias("value_after"),
        "evidence",
    )


def refused_in_unit(refused: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Bars that were refused for their unit, in the unit of the last close before them.

    Parameters
    ----------
    refused : polars.DataFrame
        ticker, session_date, open, high, low, close, volume, evidence.
    bars : polars.DataFrame
        Accepted bars of the sessions before and among them.

    Returns
    -------
    polars.DataFrame
        ``PRICE_REPAIR_SCHEMA``; a bar that fits in neither unit, or has no close within 30 days, is left out.
    """
    known: dict[str, list[tuple[date, float]]] = {}
    tickers = refused["ticker"].unique().to_list()
    mine = bars.filter(pl.col("ticker").is_in(tickers)).sort(*_KEY)
    for ticker, day, close in mine.select(*_KEY, "close").iter_rows():
        known.setdefault(ticker, []).append((day, close))
    rows = []
    for row in refused.sort(*_KEY).iter_rows(named=True):
        day = row["session_date"]
        earlier = [pair for pair in known.get(row["ticker"], []) if pair[0] < day]
        since, last_close = max(earlier, default=(date.min, 0.0))
        repaired = in_unit_of(row, last_close) if last_close and day - since <= _REFERENCE_AGE else None
        if repaired is None:
            continue
        known[row["ticker"]].append((day, repaired["close"]))
        before = {f"{name}_before": row[name] for name in _PRICES}
        rows.append({**row, **before, **repaired, "rule": "unit_switch", "was_refused": True})
    return pl.DataFrame(rows, schema=PRICE_REPAIR_SCHEMA)


def bars_as_repaired(bars: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """Delivered bars, those that say again what was repaired as they were repaired.

    Parameters
    ----------
    bars : polars.DataFrame
        With the prices and ``source``.
    standing : polars.DataFrame
        ticker, session_date, rule, prices before and after; one row per bar.

    Notes
    -----
    A bar that says anything else is the provider's own correction, and stands as it is.
    """
    after = standing.select(
        *_KEY,
        "rule",
        *(f"{name}_before" for name in _PRICES),
        *(pl.col(n).alias(f"{n}_after") for n in _PRICES),
    )
    joined = bars.join(after, on=list(_KEY), how="left", maintain_order="left")
    is_same = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_before") for name in _PRICES).fill_null(False)
    replaced = [pl.when(is_same).then(f"{name}_after").otherwise(name).alias(name) for name in _PRICES]
    source = pl.when(is_same).then(pl.format("repair:{}", "rule")).otherwise("source")
    return joined.with_columns(*replaced, source=source).select(bars.columns)


def actions_as_repaired(actions: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """Stated actions, those that say again what was repaired as they were repaired; what was added is added.

    Parameters
    ----------
    actions : polars.DataFrame
        Columns of ``corporate_actions`` without run_id.
    standing : polars.DataFrame
        ticker, ex_date, kind, rule, value_before, value_after, repaired_at; one row per action.
    """
    key = ["ticker", "ex_date", "kind"]
    stated = pl.coalesce("split_ratio", "cash_amount_usd")
    joined = actions.join(standing, on=key, how="left", maintain_order="left")
    is_same = (stated == pl.col("value_before")).fill_null(False)
    kept = joined.filter(~(is_same & pl.col("value_after").is_null())).with_columns(
        split_ratio=pl.when(is_same & (pl.col("kind") == "split"))
        .then("value_after")
        .otherwise("split_ratio"),
        cash_amount_usd=pl.when(is_same & (pl.col("kind") == "dividend"))
        .then("value_after")
        .otherwise("cash_amount_usd"),
        source=pl.when(is_same).then(pl.format("repair:{}", "rule")).otherwise("source"),
    )
    added = standing.filter(pl.col("value_before").is_null()).join(actions, on=key, how="anti")
    new = added.select(
        *key,
        pl.when(pl.col("kind") == "split").then("value_after").alias("split_ratio"),
        pl.when(pl.col("kind") == "dividend").then("value_after").alias("cash_amount_usd"),
        pl.lit(None, pl.String).alias("new_ticker"),
        pl.format("repair:{}", "rule").alias("source"),
        pl.col("repaired_at").cast(pl.Datetime("us", "UTC")).alias("known_at"),
        pl.lit(False).alias("known_at_is_assumed"),
    )
    return pl.concat([kept.select(actions.columns), new.select(actions.columns)]).sort(key)


def _evidence(findings: pl.DataFrame) -> pl.DataFrame:
    told = findings.select(*_KEY, pl.col("fault").alias("rule"), "evidence")
    return told.unique([*_KEY, "rule"], keep="first", maintain_order=True)

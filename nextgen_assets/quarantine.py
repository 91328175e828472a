"""Rejected rows as the quarantine keeps them: whole, with the reason."""

from datetime import datetime

import polars as pl

from nextgen_assets.domain.identity import content_id
from nextgen_assets.domain.quality import Inspected


def quarantined(
    inspected: Inspected, asset: str, source: str, now: datetime, *, rows_name_source: bool = False
) -> pl.DataFrame:
    """What was rejected, as rows of ``quarantine``; the id is a hash of source, reason and payload.

    Parameters
    ----------
    rows_name_source : bool
        Whether ``source`` of the payload names the provider of the row (bars behind the door do).
    """
    told = pl.col("payload").str.json_path_match("$.source") if rows_name_source else pl.lit(None, pl.String)
    rows = inspected.rejected.with_columns(told.fill_null(source).alias("source"))
    ids = [
        content_id("quarantine", given_by, code, payload)
        for given_by, code, payload in rows.select("source", "reason_code", "payload").rows()
    ]
    return rows.select(
        pl.Series("quarantine_id", ids, dtype=pl.String),
        pl.lit(asset).alias("asset"),
        pl.col("session_date").cast(pl.String).fill_null("unknown").alias("partition_key"),
        "source",
        "reason_code",
        "reason",
        "payload",
        pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("seen_at"),
    ).unique("quarantine_id", keep="first", maintain_order=True)

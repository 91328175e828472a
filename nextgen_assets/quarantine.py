"""Rejected rows as the quarantine keeps them: whole, with the reason."""

from datetime import datetime

import polars as pl

from nextgen_assets.domain.identity import content_id
from nextgen_assets.domain.quality import Inspected


def quarantined(inspected: Inspected, asset: str, source: str, now: datetime) -> pl.DataFrame:
    """What was rejected, as rows of ``quarantine``; the id is a hash of source, reason and payload."""
    rows = inspected.rejected
    ids = [
        content_id("quarantine", source, code, payload)
        for code, payload in rows.select("reason_code", "payload").rows()
    ]
    return rows.select(
        pl.Series("quarantine_id", ids, dtype=pl.String),
        pl.lit(asset).alias("asset"),
        pl.col("session_date").cast(pl.String).fill_null("unknown").alias("partition_key"),
        pl.lit(source).alias("source"),
        "reason_code",
        "reason",
        "payload",
        pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("seen_at"),
    ).unique("quarantine_id", keep="first", maintain_order=True)

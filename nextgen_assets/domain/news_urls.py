"""The address of an article without what varies between its copies: trackers, fragments, mobile variants."""

from __future__ import annotations

import polars as pl

MAXIMUM_CHARACTERS = 2_000
_PARTS = r"(?i)^\s*(https?)://([^/?#\s]+)([^?#\s]*)(\?[^#\s]*)?(?:#\S*)?\s*$"
_CACHES = r"(?i)^(?:(?:www\.)?google\.[a-z.]+/amp|[a-z0-9-]+\.cdn\.ampproject\.org/[cvwi]|cdn\.ampproject\.org/[cvwi])/(?:s/)?"
_VARIANT_HOST = r"^(?:www\d?|m|mobile|amp|touch)\.([^.]+\.[^/]+)$"
_AMP_SEGMENTS = r"(?i)/amp(/|$)"
_AMP_ENDING = r"(?i)\.amp(\.html?)?$"
_INDEX_PAGE = r"(?i)/(?:index|default)\.(?:html?|php|aspx?)$"
_TRACKERS = """
    _ga _gl amp amp_js_v at_campaign at_medium cmp cmpid dclid fbclid feedname feedtype gclid guccounter
    guce_referrer guce_referrer_sig icid igshid mc_cid mc_eid mkt_tok mod msclkid ncid output outputtype
    partner ref ref_src ref_url rpc rss s_cid share siteid smid soc_src soc_trk spm sr_share taid tsrc usqp
    wt.mc_id wt_mc_id xtor yclid yptr .tsrc __twitter_impression
    """
TRACKERS = frozenset(_TRACKERS.split())
"""Query parameters, in lower case, that say how a reader came, not what is read; so does all of ``utm_``."""


def canonical_urls(urls: pl.Series) -> pl.Series:
    """The identity of each web address: equal for the copies of one page, null where there is none.

    Parameters
    ----------
    urls : polars.Series
        Text, nulls allowed.

    Returns
    -------
    polars.Series
        ``https://host/path?query`` with the host in lower case and without ``www.``, ``m.`` or ``amp.``,
        the path without AMP segments, index page and closing slash, the query without `TRACKERS` and
        sorted, and without user, port 80 or 443, and fragment. Pages behind an AMP cache get their own
        address. Null for what is not http or https, is longer than ``MAXIMUM_CHARACTERS``, or names a
        site and no page: a feed that links every article to its front page would make them one.

    Examples
    --------
    >>> canonical_urls(pl.Series(["http://M.Example.com:80/a/amp/?utm_source=x&id=7#top"])).item()
    'https://example.com/a?id=7'
    """
    short = pl.DataFrame({"url": urls.cast(pl.String)}).with_columns(
        pl.when(pl.col("url").str.len_bytes() <= MAXIMUM_CHARACTERS).then("url")
    )
    whole = pl.concat_str(
        pl.lit("https://"), pl.col("url").str.replace(r"(?i)^\s*https?://", "").str.replace(_CACHES, "")
    )
    is_address = pl.col("url").str.contains(r"(?i)^\s*https?://")
    parts = short.select(pl.when(is_address).then(whole).str.extract_groups(_PARTS).alias("part")).select(
        host=_host(pl.col("part").struct[1]),
        path=_path(pl.col("part").struct[2]),
        query=_query(pl.col("part").struct[3]),
    )
    is_page = pl.col("host").str.contains(r"^[^.]+\..+") & ((pl.col("path") != "") | (pl.col("query") != ""))
    return parts.select(
        pl.when(is_page).then(pl.concat_str(pl.lit("https://"), "host", "path", "query")).alias("url")
    )["url"]


def _host(host: pl.Expr) -> pl.Expr:
    bare = host.str.to_lowercase().str.replace(r"^.*@", "").str.replace(r":(?:80|443)$", "")
    bare = bare.str.strip_chars_end(".")
    for _ in range(2):  # www.m.example.com
        bare = bare.str.replace(_VARIANT_HOST, "$1")
    return bare


def _path(path: pl.Expr) -> pl.Expr:
    single = path.fill_null("").str.replace_all(r"/{2,}", "/")
    plain = single.str.replace_all(_AMP_SEGMENTS, "$1").str.replace(_AMP_ENDING, "$1")
    return plain.str.replace(_INDEX_PAGE, "").str.strip_chars_end("/")


def _query(query: pl.Expr) -> pl.Expr:
    names = pl.element().str.extract(r"^([^=]*)").str.to_lowercase()
    told = (pl.element() != "") & ~names.is_in(sorted(TRACKERS)) & ~names.str.starts_with("utm_")
    kept = query.str.strip_prefix("?").str.split("&").list.eval(pl.element().filter(told)).list.sort()
    joined = kept.list.join("&").fill_null("")
    return pl.when(joined != "").then(pl.concat_str(pl.lit("?"), joined)).otherwise(pl.lit(""))

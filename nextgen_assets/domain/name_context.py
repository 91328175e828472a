"""Whether a word that may be a company is one: apple the fruit, Ford the president, Amazon the river."""

from __future__ import annotations

import polars as pl

from nextgen_assets.domain.company_words import (
    BROKERS,
    BUSINESS_VERBS,
    CONTEXT_ONLY,
    CONTEXTS,
    FOLLOWERS,
    MARKET_WORDS,
    PEOPLE,
    PRECEDERS,
    RATING_WORDS,
)

_ARTICLES = frozenset({"the", "a", "an", "this", "that", "every"})
_TITLE_CASE = 0.6


def unconvincing(found: pl.DataFrame, tokens: pl.DataFrame) -> pl.DataFrame:
    """Matches that the words around them speak against.

    Parameters
    ----------
    found : polars.DataFrame
        row, position, length, key, basis.
    tokens : polars.DataFrame
        Every word of the texts: row, position, word, stem.

    Returns
    -------
    polars.DataFrame
        row, position of the matches to leave out.

    Notes
    -----
    A name after a given name or a title is a person. A name whose neighbours `FOLLOWERS` and `PRECEDERS`
    list is something else. An ambiguous name is taken for the company beside a word of the market, a
    company of a plain name or a word that tells this company (`CONTEXTS`), before what only companies do,
    or where a headline in sentence case writes it with a capital after a small word; not after an article.
    A broker whose analysts judge somebody, or that ends the headline (": Goldman Sachs"), is not the subject.
    """
    is_doubtful = (pl.col("length") == 1) | pl.col("key").is_in(list(BROKERS))
    single = found.filter(is_doubtful).select("row", "position", "key", "basis").unique()
    companies = set(found.filter(pl.col("basis") != "ambiguous_name")["row"].to_list())
    around = (
        tokens.filter(pl.col("row").is_in(single["row"].unique().to_list()))
        .group_by("row")
        .agg(words=pl.col("stem").sort_by("position"))
    )
    refused = [
        (row, position)
        for row, position, key, basis, words in single.join(around, on="row").iter_rows()
        if not _is_company(key, position, words, basis == "ambiguous_name", row in companies)
    ]
    return pl.DataFrame(refused, schema={"row": pl.UInt32, "position": pl.Int64}, orient="row")


def _is_company(key: str, position: int, words: list[str], is_ambiguous: bool, is_in_company: bool) -> bool:
    lower = [word.lower() for word in words]
    before = lower[position - 1] if position else ""
    after = lower[position + 1] if position + 1 < len(lower) else ""
    is_person = before in PEOPLE and words[position - 1][:1].isupper()
    if is_person or after in FOLLOWERS.get(key, ()) or before in PRECEDERS.get(key, ()):
        return False
    others = {*lower[:position], *lower[position + 1 :]}
    if key in BROKERS and (others & RATING_WORDS or 0 < position >= len(lower) - len(key.split())):
        return False
    if not is_ambiguous:
        return True
    if before in _ARTICLES:
        return False
    if others & CONTEXTS.get(key, frozenset()):
        return True
    if key in CONTEXT_ONLY:
        return False
    acts = position == 0 and after in BUSINESS_VERBS
    return acts or is_in_company or bool(others & MARKET_WORDS) or _is_capital_by_choice(position, words)


def _is_capital_by_choice(position: int, words: list[str]) -> bool:
    """Whether the word has a capital that neither its place nor the style of the headline explains."""
    if position == 0 or not words[position - 1][:1].islower() or words[position].isupper():
        return False
    longer = [word for at, word in enumerate(words) if at and at != position and len(word) > 3]
    capitals = sum(word[:1].isupper() for word in longer)
    return len(longer) >= 2 and capitals < _TITLE_CASE * len(longer)

"""Whom a text is about: cashtags, exchange forms, symbols and company names, each with its confidence."""

from __future__ import annotations

import re

import polars as pl

from nextgen_assets.domain.company_names import is_ambiguous, legal_name, plain_name, spoken_names
from nextgen_assets.domain.company_words import AMBIGUOUS_SYMBOLS
from nextgen_assets.domain.name_context import unconvincing

CONFIDENCE = {
    "source": 1.0,
    "exchange": 0.99,
    "cashtag": 0.98,
    "parenthesis": 0.95,
    "full_name": 0.95,
    "name": 0.9,
    "alias": 0.85,
    "symbol": 0.75,
    "ambiguous_name": 0.7,
}
"""How sure each kind of evidence is that the text is about the security."""

BODY_SHARE = 0.6
"""Evidence in the body alone weighs this much of the same in the headline."""

MINIMUM_CONFIDENCE = 0.5
BODY_CHARACTERS = 500
MATCH_SCHEMA = {"row": pl.UInt32, "ticker": pl.String, "confidence": pl.Float64, "basis": pl.String}
_EXCHANGES = (
    "NYSE American|NYSE Arca|NYSEAMERICAN|NYSE|Nasdaq|NASDAQ|NasdaqGS|NasdaqGM|NasdaqCM|AMEX|ARCA|BATS|OTC"
)
_SYMBOL = r"[A-Z][A-Z0-9]{0,5}(?:[.\-][A-Z]{1,2})?"
_PATTERNS = {
    "cashtag": r"(?:^|[^\w$.])\$([A-Za-z]{1,6}(?:[.\-][A-Za-z]{1,2})?)\b",
    "exchange": rf"\b(?:{_EXCHANGES})\s*:\s*({_SYMBOL})\b",
    "parenthesis": rf"\(({_SYMBOL})\)",
}
_WORD = r"[\p{L}\p{N}][\p{L}\p{N}&.'/\-]*"
_WORD_OF_NAME = re.compile(r"[^\W_](?:[^\W_]|[&.'/\-])*")
_POSSESSIVE = r"'s?$"
_LONGEST_NAME = 6
_SHOUTED = 0.7


def match_tickers(texts: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Securities that each text is about.

    Parameters
    ----------
    texts : polars.DataFrame
        row (UInt32, unique), session_date, headline, body (may be null).
    securities : polars.DataFrame
        ticker, name, valid_from, valid_to (first session out, null while in): stays in the universe.

    Returns
    -------
    polars.DataFrame
        Columns of `MATCH_SCHEMA`, one row per text and ticker with a confidence of ``MINIMUM_CONFIDENCE``
        or more, sorted by row and ticker. ``basis`` names the strongest evidence, a key of `CONFIDENCE`.

    Notes
    -----
    As-of rule: a text is compared with the names and symbols that are in the universe on its session
    alone, so that neither a later listing nor a later name takes part.

    Names match word by word in capitals as a headline writes them; the longest name at a place wins. A
    name of one word that also means something else (apple, target, ford) needs evidence beside it, see
    `name_context`; symbols that are words (ON, ALL, IT) never match in plain capitals, only as ``$ON`` or
    ``NASDAQ: ON``. A name that two companies share matches neither.
    """
    forms = name_forms(securities)
    headlines = _evidence(texts.select("row", "session_date", text="headline"), securities, forms)
    bodies = _evidence(
        texts.filter(pl.col("body").is_not_null()).select(
            "row", "session_date", text=pl.col("body").str.slice(0, BODY_CHARACTERS)
        ),
        securities,
        forms,
    ).with_columns(pl.col("confidence") * BODY_SHARE)
    return (
        pl.concat([headlines, bodies])
        .filter(pl.col("confidence") >= MINIMUM_CONFIDENCE)
        .sort("row", "ticker", "confidence", "basis", descending=[False, False, True, False])
        .unique(["row", "ticker"], keep="first", maintain_order=True)
    )


def _evidence(texts: pl.DataFrame, securities: pl.DataFrame, forms: pl.DataFrame) -> pl.DataFrame:
    """Every piece of evidence in ``texts``: row, ticker, confidence, basis; doubles included."""
    plain = texts.with_columns(
        pl.col("text").fill_null("").str.replace_all("[\u2018\u2019\u02bc]", "'").str.slice(0, 2_000)
    )
    tokens = _tokens(plain)
    found = pl.concat([_written_symbols(plain), _words(tokens, securities, forms)])
    stays = securities.select("ticker", "valid_from", "valid_to").unique()
    confidence = pl.col("basis").replace_strict(CONFIDENCE, return_dtype=pl.Float64)
    joined = found.join(texts.select("row", "session_date"), on="row").join(stays, on="ticker")
    return (
        joined.filter(_is_member())
        .with_columns(confidence=confidence)
        .select(pl.col(name).cast(dtype) for name, dtype in MATCH_SCHEMA.items())
    )


def _is_member() -> pl.Expr:
    has_ended = (pl.col("valid_to") <= pl.col("session_date")).fill_null(False)
    return (pl.col("valid_from") <= pl.col("session_date")) & ~has_ended


def _written_symbols(texts: pl.DataFrame) -> pl.DataFrame:
    """Tickers written as such: ``$AAPL``, ``NYSE: IBM``, ``(GM)``."""
    parts = []
    for basis, pattern in _PATTERNS.items():
        some = texts.filter(pl.col("text").str.contains(pattern))
        matches = some.select("row", match=pl.col("text").str.extract_all(pattern)).explode("match")
        symbol = pl.col("match").str.extract(pattern).str.to_uppercase().str.replace("-", ".", literal=True)
        part = matches.select("row", ticker=symbol, basis=pl.lit(basis))
        if basis == "parenthesis":
            part = part.filter(~pl.col("ticker").str.to_lowercase().is_in(list(AMBIGUOUS_SYMBOLS)))
        parts.append(part)
    return pl.concat(parts)


def _tokens(texts: pl.DataFrame) -> pl.DataFrame:
    """One row per word: row, position, word, stem (without possessive), both as written, and neighbours."""
    text = pl.col("text")
    words = (
        texts.select("row", "session_date", word=text.str.extract_all(_WORD))
        .filter(pl.col("word").list.len() > 0)
        .with_columns(position=pl.int_ranges(0, pl.col("word").list.len()))
        .explode("word", "position")
        .with_columns(pl.col("word").str.strip_chars_end(".'/-"))
    )
    return words.with_columns(
        stem=pl.col("word").str.replace(_POSSESSIVE, ""),
        has_capitals=pl.col("word").str.contains(r"\p{Lu}").any().over("row"),
    )


def _plain_symbols(tokens: pl.DataFrame) -> pl.DataFrame:
    """Words in capitals that are no words: ``IBM``; nothing in a headline that is all capitals."""
    is_capitals = pl.col("word").str.contains(r"^[A-Z]{2}")
    shouted = tokens.group_by("row").agg(share=is_capitals.mean())
    return (
        tokens.filter(pl.col("stem").str.contains(rf"^{_SYMBOL}$") & (pl.col("stem").str.len_chars() >= 2))
        .join(shouted.filter(pl.col("share") < _SHOUTED), on="row")
        .filter(~pl.col("stem").str.to_lowercase().is_in(list(AMBIGUOUS_SYMBOLS)))
        .select(
            "row",
            "position",
            ticker="stem",
            key=pl.col("stem").str.to_lowercase(),
            length=pl.lit(1, pl.Int64),
            basis=pl.lit("symbol"),
        )
    )


def name_forms(securities: pl.DataFrame) -> pl.DataFrame:
    """What each security is called: ticker, company, key (words in lower case), length, form, basis.

    Notes
    -----
    ``company`` is equal for the share classes of one company, which share their names.
    """
    rows = []
    for ticker, name, start, end in securities.select("ticker", "name", "valid_from", "valid_to").iter_rows():
        exact = plain_name(name)
        for form in spoken_names(name):
            words = [word.rstrip(".'/-") for word in _WORD_OF_NAME.findall(form)]
            if len(words) == 1 and is_ambiguous(form):
                basis = "ambiguous_name"
            elif form == exact and len(words) > 1:
                basis = "full_name"
            else:
                basis = "name" if exact.lower().startswith(form.lower()) else "alias"
            key = " ".join(words).lower()
            rows.append(
                (ticker, legal_name(name), start, end, key, words[0].lower(), len(words), form, basis)
            )
    schema = ["ticker", "company", "valid_from", "valid_to", "key", "first_word", "length", "form", "basis"]
    return pl.DataFrame(rows, schema=schema, orient="row", infer_schema_length=None)


def _words(tokens: pl.DataFrame, securities: pl.DataFrame, forms: pl.DataFrame) -> pl.DataFrame:
    """Names and plain symbols that the words around them do not speak against: row, ticker, basis."""
    if securities.is_empty() or tokens.is_empty():
        return pl.DataFrame(schema={"row": pl.UInt32, "ticker": pl.String, "basis": pl.String})
    symbols = _plain_symbols(tokens).filter(pl.col("ticker").is_in(securities["ticker"].to_list()))
    found = pl.concat([_names(tokens, forms), symbols], how="diagonal")
    return found.join(unconvincing(found, tokens), on=["row", "position"], how="anti").select(
        "row", "ticker", "basis"
    )


def _names(tokens: pl.DataFrame, forms: pl.DataFrame) -> pl.DataFrame:
    """Names of members, the longest at each place, none that two companies share."""
    spans = _spans(tokens, forms)
    found = spans.join(forms, on=["key", "length"]).filter(_is_member() & _is_written_as(pl.col("form")))
    place = ["row", "position", "length"]
    companies = found.group_by(place).agg(companies=pl.col("company").n_unique())
    found = found.join(companies.filter(pl.col("companies") == 1), on=place)
    return _outside_longer(found).select("row", "position", "ticker", "key", "length", "basis")


def _spans(tokens: pl.DataFrame, forms: pl.DataFrame) -> pl.DataFrame:
    """Runs of words that may be a name: row, session_date, position, length, key, written."""
    later = [
        pl.when(pl.col("row") == pl.col("row").shift(-step))
        .then(pl.col("word").shift(-step))
        .alias(f"w{step}")
        for step in range(1, _LONGEST_NAME)
    ]
    later_stems = [
        pl.when(pl.col("row") == pl.col("row").shift(-step))
        .then(pl.col("stem").shift(-step))
        .alias(f"s{step}")
        for step in range(1, _LONGEST_NAME)
    ]
    firsts = forms["first_word"].unique().to_list()
    begins = pl.col("word").str.to_lowercase().is_in(firsts) | pl.col("stem").str.to_lowercase().is_in(firsts)
    starts = tokens.with_columns(w0="word", s0="stem").with_columns(*later, *later_stems).filter(begins)
    parts = []
    for length in range(1, min(_LONGEST_NAME, max(forms["length"].to_list())) + 1):
        before = [pl.col(f"w{step}") for step in range(length - 1)]
        for last in (f"w{length - 1}", f"s{length - 1}"):
            written = pl.concat_str(*before, pl.col(last), separator=" ")
            parts.append(
                starts.select(
                    "row",
                    "session_date",
                    "position",
                    "has_capitals",
                    written=written,
                    length=pl.lit(length, pl.Int64),
                )
            )
    spans = pl.concat(parts).filter(pl.col("written").is_not_null()).unique()
    return spans.with_columns(key=pl.col("written").str.to_lowercase())


def _is_written_as(form: pl.Expr) -> pl.Expr:
    """Whether the words are written as a name: capitals where the name has them, or a text without any.

    A form in capitals (HP, GE) must be in capitals; other long words must begin with one.
    """
    written = pl.col("written")
    is_acronym = form.str.contains(r"^[A-Z0-9&.]{2,5}$") & (pl.col("basis") == "alias")
    begins_small = written.str.contains(r"(?:^|\s)\p{Ll}\p{L}{3,}")
    is_product_case = written == form  # eBay, iRobot
    unambiguous = pl.col("basis") != "ambiguous_name"
    distinct = unambiguous & (pl.col("key").str.len_chars() >= 5) & ~pl.col("has_capitals")
    is_name = ~begins_small & ~written.str.contains(r"^\p{Ll}")
    return pl.when(is_acronym).then(is_product_case).otherwise(is_name | is_product_case | distinct)


def _outside_longer(found: pl.DataFrame) -> pl.DataFrame:
    """Matches that are not inside a longer one of the same text."""
    spans = found.select("row", outer_position="position", outer_length="length").unique()
    end, outer_end = pl.col("position") + pl.col("length"), pl.col("outer_position") + pl.col("outer_length")
    inside = (
        found.select("row", "position", "length")
        .unique()
        .join(spans, on="row")
        .filter(
            (pl.col("outer_length") > pl.col("length"))
            & (pl.col("outer_position") <= pl.col("position"))
            & (end <= outer_end)
        )
    )
    return found.join(inside, on=["row", "position", "length"], how="anti")

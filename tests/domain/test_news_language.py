"""Languages: the statement of the source wins, unknown is not English."""

from __future__ import annotations

import polars as pl
import pytest

from nextgen_assets.domain.news_language import detected, languages_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Google to buy YouTube for $1.65 billion in stock", "en"),
        ("Apple steigert Gewinn im ersten Quartal deutlich", "de"),
        ("Apple augmente son bénéfice au premier trimestre", "fr"),
        ("Las acciones de Tesla caen tras los resultados", "es"),
        ("Bolsas caem com temor de recessão", "pt"),
        ("トヨタ、純利益が過去最高", "ja"),
        ("삼성전자 영업이익 증가", "ko"),
        ("LVMH", "und"),
        ("$AAPL $MSFT 12345 https://example.com/en-francais", "und"),
        ("", "und"),
    ],
)
def test_the_text_tells_its_language_or_nothing(text: str, language: str) -> None:
    assert detected(text) == language


def test_the_statement_of_the_source_wins_whenever_it_reads_as_a_language() -> None:
    stated = pl.Series(["en-US", "FR", "english", None, "", "und"])
    texts = pl.Series(["Apple steigert Gewinn im ersten Quartal deutlich"] * 6)
    assert languages_of(stated, texts).rows() == [
        ("en", False),
        ("fr", False),
        ("de", True),
        ("de", True),
        ("de", True),
        ("de", True),
    ]

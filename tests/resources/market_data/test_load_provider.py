"""Providers are found by name, and a wrong name or option says what would be right."""

import re
import subprocess
import sys

import polars as pl
import pytest

from nextgen_assets.domain import quality
from nextgen_resources import market_data
from nextgen_resources.errors import SettingsError
from nextgen_resources.market_data import load_provider, provider_names


def test_the_modules_that_export_a_provider_are_the_providers():
    assert provider_names() == ["bokeh", "chain", "files", "recorded", "tradingview", "vintages", "yahoo"]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(SettingsError, match=r"'acme' does not exist; choose one of bokeh, chain, .*yahoo"):
        load_provider("acme")


@pytest.mark.parametrize("name", ["door", "file_bars", "../bokeh", "bokeh.stocks", ""])
def test_a_module_that_is_no_provider_is_refused(name):
    with pytest.raises(SettingsError, match=r"does not exist"):
        load_provider(name)


def test_an_unknown_option_lists_the_options():
    with pytest.raises(SettingsError, match=r"'tickrs'; it takes \(delay_minutes"):
        load_provider("bokeh", tickrs=["AAPL"])


def test_options_reach_the_provider():
    assert load_provider("bokeh", delay_minutes=20).delay_minutes == 20


def test_finding_the_providers_imports_no_slow_library():
    probe = (
        "import sys; from nextgen_resources.market_data import load_provider; load_provider('bokeh');"
        "slow = ('pandas', 'dagster', 'dagster_pandas', 'yfinance', 'bokeh_sampledata.stocks');"
        "print([name for name in slow if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_ticker_allow_list_is_that_of_the_table_and_of_the_quality_rules(repository_migration):
    assert market_data.TICKER_PATTERN == quality.TICKER_PATTERN == repository_migration


@pytest.fixture
def repository_migration():
    from pathlib import Path

    text = (Path(market_data.__file__).parents[2] / "sql/migrations/0001_ingestion.sql").read_text()
    return re.search(r"regexp_full_match\(ticker, '([^']+)'\)", text).group(1)


def test_the_schemas_name_the_columns_that_the_tables_need():
    assert list(market_data.BAR_SCHEMA)[:7] == [
        "ticker",
        "session_date",
        "open",
        "high",
        "low",
        "close",
        "volume",
    ]
    assert market_data.LISTING_SCHEMA["last_session"] == pl.Date
    assert list(market_data.ACTION_SCHEMA)[:3] == ["ticker", "ex_date", "kind"]

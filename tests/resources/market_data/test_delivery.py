"""A delivery in which some tickers were refused: both halves are kept, and neither passes for the whole."""

from datetime import date

import polars as pl
import pytest

from nextgen_resources import errors
from nextgen_resources.errors import SettingsError
from nextgen_resources.market_data import load_provider
from nextgen_resources.market_data.capabilities import require
from nextgen_resources.market_data.delivery import (
    deliver_actions,
    deliver_bars,
    each_ticker,
    reasons,
    whole_or_partial,
)

DAY = date(2013, 2, 25)


class Acme:
    """Delivers every ticker but those that ``refused`` names."""

    name = "acme"
    capabilities = frozenset({"daily", "actions"})

    def __init__(self, **refused):
        self.refused, self.asked = refused, []

    def _fetch(self, ticker):
        self.asked.append(ticker)
        if ticker in self.refused:
            raise self.refused[ticker]
        return ticker

    def daily_bars(self, tickers, first, last):
        parts, refused = each_ticker(tickers, self._fetch)
        frame = pl.DataFrame({"ticker": list(parts), "session_date": [DAY] * len(parts)}).with_columns(
            *(pl.lit(1.0).alias(name) for name in ("open", "high", "low", "close", "volume"))
        )
        return whole_or_partial(self.name, frame, parts, refused)

    def corporate_actions(self, tickers, first, last):
        parts, refused = each_ticker(tickers, self._fetch)
        frame = pl.DataFrame({"ticker": list(parts)}, schema={"ticker": pl.String})
        return whole_or_partial(self.name, frame, parts, refused)


GONE, DOWN = errors.ProviderNotFoundError("gone"), errors.ProviderUnavailableError("down")
STOP = errors.ProviderCircuitError("open")


def bars(provider, *tickers, **patience):
    return deliver_bars(provider, tickers, DAY, DAY, **patience)


def test_a_whole_delivery_names_its_source_and_refuses_nothing():
    delivery = bars(Acme(), "B", "A")
    assert delivery.rows.select("ticker", "source").rows() == [("A", "acme"), ("B", "acme")]
    assert delivery.refused == {}


def test_what_came_and_what_did_not_are_kept_apart():
    delivery = bars(Acme(B=GONE), "A", "B", "C")
    assert delivery.rows["ticker"].to_list() == ["A", "C"]
    assert delivery.refused == {"B": GONE}


def test_a_caller_that_knows_nothing_of_partial_deliveries_fails():
    with pytest.raises(errors.ProviderPartialError, match="2 tickers came and 1 were refused: not_found: B"):
        Acme(B=GONE).daily_bars(["A", "B", "C"], DAY, DAY)


def test_when_nothing_came_the_reason_is_raised():
    with pytest.raises(errors.ProviderNotFoundError, match="gone"):
        bars(Acme(A=GONE, B=GONE), "A", "B")


def test_a_refusal_that_may_pass_is_raised_until_the_last_try():
    with pytest.raises(errors.ProviderUnavailableError, match="down"):
        bars(Acme(B=DOWN), "A", "B", is_last_try=False)
    assert bars(Acme(B=DOWN), "A", "B", is_last_try=True).refused == {"B": DOWN}


def test_once_the_provider_stops_no_other_ticker_is_asked_for_and_the_delivery_fails():
    acme = Acme(B=STOP)
    with pytest.raises(errors.ProviderCircuitError, match="open"):
        bars(acme, "A", "B", "C", "D")
    assert acme.asked == ["A", "B"]


def test_actions_come_apart_in_the_same_way():
    delivery = deliver_actions(Acme(B=GONE), ["A", "B"], DAY, DAY)
    assert delivery.rows.rows() == [("A", "acme")]
    assert delivery.refused == {"B": GONE}


def test_without_a_list_of_actions_there_is_no_delivery():
    assert deliver_actions(load_provider("bokeh"), ["AAPL"], DAY, DAY) is None


def test_many_refusals_are_counted_and_a_few_named():
    refused = {**{f"T{n}": GONE for n in range(8)}, "X": DOWN}
    assert reasons(refused) == "not_found: T0, T1, T2, T3, T4 and 3 more; unavailable: X"


def test_what_is_not_offered_is_refused_with_what_is():
    with pytest.raises(
        SettingsError, match=r"intraday_prices needs bars within the day .*'bokeh' does not offer"
    ):
        require(load_provider("bokeh"), "intraday", "intraday_prices")

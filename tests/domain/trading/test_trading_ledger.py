from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest

from nextgen_assets.domain.trading.journal import Journal, exact_ratio
from nextgen_assets.domain.trading.ledger import entries_frame, replay, state_from_ledger
from nextgen_assets.domain.trading.portfolio import Book, LedgerError, PortfolioState, Position
from tests.domain.trading.trading_builders import FIRST, sessions_from

USD = 1_000_000
S1, S2, S3 = sessions_from(3)


def _journal() -> Journal:
    journal = Journal(Book(PortfolioState("baseline")))
    journal.deposit(S1, 1_000 * USD)
    return journal


def _lines(journal: Journal, kind: str) -> list[tuple[str, int, int]]:
    """Account, shares and micro-dollars of the last event of a kind."""
    last = [e.event_id for e in journal.entries if e.event_kind == kind][-1]
    return [(e.account, e.quantity, e.amount_micros) for e in journal.entries if e.event_id == last]


def test_average_cost_and_realised_gain_by_hand() -> None:
    journal = _journal()
    journal.buy(S1, "AAA", 10, 100 * USD)
    journal.buy(S2, "AAA", 5, 80 * USD)  # 15 shares for 180: 12 each
    gain = journal.sell(S3, "AAA", 6, 90 * USD)
    assert gain == 18 * USD
    assert _lines(journal, "trade") == [
        ("cash", 0, 90 * USD),
        ("positions", -6, -72 * USD),
        ("realized_pnl", 0, -18 * USD),
    ]
    state = replay(entries_frame(journal.entries), "baseline")
    assert dict(state.positions) == {"AAA": Position(9, 108 * USD, S1)}
    assert (state.cash_micros, state.realized_micros) == (910 * USD, 18 * USD)


def test_the_last_share_takes_the_last_cost_with_it() -> None:
    journal = _journal()
    journal.buy(S1, "AAA", 3, 100)  # a third of 100 micro-dollars each
    journal.sell(S2, "AAA", 1, 40)
    journal.sell(S2, "AAA", 1, 40)
    journal.sell(S3, "AAA", 1, 40)
    state = replay(entries_frame(journal.entries), "baseline")
    assert dict(state.positions) == {}
    assert state.realized_micros == 20
    assert state.cash_micros == 1_000 * USD + 20


def test_a_split_with_a_fraction_pays_cash_in_lieu() -> None:
    journal = _journal()
    journal.buy(S1, "AAA", 5, 50 * USD)
    journal.split(S2, "AAA", Fraction(3, 2), 8 * USD)  # 7.5 shares: 7, and half a share at 8
    # cost of the half share: 50 x 0.5 / 7.5 = 3.333333
    assert _lines(journal, "split") == [
        ("cash", 0, 4 * USD),
        ("positions", 2, -3_333_333),
        ("realized_pnl", 0, 3_333_333 - 4 * USD),
    ]
    assert journal.book.positions["AAA"] == Position(7, 46_666_667, S1)


def test_a_whole_split_moves_shares_and_no_money() -> None:
    journal = _journal()
    journal.buy(S1, "AAA", 5, 50 * USD)
    journal.split(S2, "AAA", Fraction(2), 5 * USD)
    assert _lines(journal, "split") == [("positions", 5, 0)]


def test_a_reverse_split_below_one_share_closes_the_position_for_cash() -> None:
    journal = _journal()
    journal.buy(S1, "AAA", 5, 50 * USD)
    journal.split(S2, "AAA", Fraction(1, 10), 90 * USD)
    assert "AAA" not in journal.book.positions
    assert journal.book.cash_micros == (1_000 - 50 + 45) * USD
    assert journal.book.totals["realized_pnl"] == 5 * USD  # 45 received for what cost 50


def test_ratios_are_read_as_the_fractions_they_stand_for() -> None:
    assert exact_ratio(1.5) == Fraction(3, 2)
    assert exact_ratio(0.333333333333) == Fraction(1, 3)
    assert exact_ratio(2.002) == Fraction(1001, 500)


def test_overspending_is_refused() -> None:
    with pytest.raises(LedgerError, match="cash of scenario baseline is -1"):
        _journal().buy(S1, "AAA", 1, 1_001 * USD)


def test_an_unbalanced_event_is_refused() -> None:
    with pytest.raises(LedgerError, match="sums to 1 micro-dollars"):
        _journal().post("fee", S1, [("cash", None, 0, -1), ("commission", None, 0, 2)])


def test_replaying_a_tampered_ledger_is_refused() -> None:
    journal = _journal()
    journal.buy(S1, "AAA", 3, 30 * USD)
    frame = entries_frame(journal.entries)
    tampered = frame.with_columns(
        amount_usd=pl.when(pl.col("account") == "positions")
        .then(pl.lit(Decimal("30.000001"), dtype=pl.Decimal(20, 6)))
        .otherwise("amount_usd")
    )
    with pytest.raises(LedgerError, match="trade event of 2005-01-03 sums to 1"):
        replay(tampered, "baseline")


def test_replaying_without_the_buy_is_refused() -> None:
    journal = _journal()
    journal.buy(S1, "AAA", 3, 30 * USD)
    journal.sell(S2, "AAA", 3, 30 * USD)
    with pytest.raises(LedgerError, match="would hold -3 shares"):
        replay(entries_frame(journal.entries).filter(pl.col("sequence") != 1), "baseline")


def test_entries_of_another_scenario_are_refused() -> None:
    with pytest.raises(LedgerError, match="baseline"):
        replay(entries_frame(_journal().entries), "cautious")


def test_the_state_needs_values_up_to_its_session() -> None:
    entries = entries_frame(_journal().entries)
    values = pl.DataFrame(
        {"session_date": [S1], "net_asset_value_usd": pl.Series([1000], dtype=pl.Decimal(20, 6))}
    )
    assert state_from_ledger(entries, "baseline", S1, values).recent_nav_micros == (1_000 * USD,)
    assert state_from_ledger(entries, "baseline", S1).recent_nav_micros is None
    with pytest.raises(LedgerError, match=f"end on {FIRST}; expected {S2}"):
        state_from_ledger(entries, "baseline", S2, values)


def test_a_ledger_without_entries_is_an_empty_state() -> None:
    assert state_from_ledger(entries_frame([]), "baseline", S1) == PortfolioState("baseline")


def test_a_position_closed_and_opened_again_starts_its_age_anew() -> None:
    journal = _journal()
    journal.buy(S1, "AAA", 3, 30 * USD)
    journal.sell(S2, "AAA", 3, 30 * USD)
    journal.buy(S3, "AAA", 1, 10 * USD)
    assert replay(entries_frame(journal.entries), "baseline").positions["AAA"].opened_on == S3

"""Looking back at each closed position: what was expected, what came, where the difference lies."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import polars as pl

from nextgen_assets.domain.sessions import SessionCalendar
from nextgen_assets.domain.trading.attribution import (
    CAUSES,
    UniverseReturns,
    attribute,
    position_legs,
    universe_returns,
)
from nextgen_assets.domain.trading.market import MarketData
from nextgen_assets.domain.trading.money import content_id, money_series, series_to_micros, to_usd
from nextgen_assets.domain.trading.outcome_chance import Outcome, held_outcome
from nextgen_assets.domain.trading.quantities import Quantity
from nextgen_assets.domain.trading.round_trips import ClosedPosition, closed_positions

REFLECTION_SCHEMA: Final[dict[str, pl.DataType]] = {
    "reflection_id": pl.String(),
    "scenario_id": pl.String(),
    "session_date": pl.Date(),
    "ticker": pl.String(),
    "opened_on": pl.Date(),
    "thesis": pl.String(),
    "outcome": pl.String(),
    "realized_pnl_usd": pl.Decimal(20, 6),
    "attribution": pl.String(),
    "lesson": pl.String(),
    "outcome_quantile": pl.Float64(),
    "outcome_chance": pl.Float64(),
    "as_of": pl.Datetime("us", "UTC"),
}


class ReflectionError(LookupError):
    """The plan or prediction that opened a closed position was not given."""


def reflect(
    entries: pl.DataFrame,
    trades: pl.DataFrame,
    plans: pl.DataFrame,
    predictions: pl.DataFrame,
    market: MarketData,
    sessions: list[date],
    scenario_id: str,
    calendar: SessionCalendar,
    delay_minutes: int,
) -> pl.DataFrame:
    """Reflect on every position closed in the sessions.

    Parameters
    ----------
    entries : DataFrame
        Columns of ``ledger_entries`` from inception.
    trades, plans : DataFrame
        Columns of ``trades`` and ``trade_plans`` from the opening of every such position on.
    predictions : DataFrame
        prediction_id, target_session_date, horizon_sessions, probability_up, expected_log_return,
        lower_log_return, upper_log_return, interval_coverage of the opening plans.
    market : MarketData
        Panels over the life of the positions.
    sessions : list of date
        Sessions to report.
    scenario_id : str
        Scenario of the ledger; rows of others are ignored.
    calendar : SessionCalendar
        Sessions of the exchange.
    delay_minutes : int
        Minutes from the close to the knowledge cut-off; gives ``as_of``.

    Returns
    -------
    DataFrame
        ``trade_reflections`` without ``run_id``, by session and ticker. ``realized_pnl_usd`` is net:
        sales, dividends and cash in lieu minus purchases, commission and borrowing. ``outcome_quantile`` is
        that of the position: of shares sold short, the probability of the security's return or a higher one.

    Raises
    ------
    ReflectionError
        If the trade, plan or prediction that opened a position is missing; pass earlier rows.

    Notes
    -----
    A reflection reads prices up to the open at which the position was closed and nothing later.
    """
    of_scenario = pl.col("scenario_id") == scenario_id
    closed = closed_positions(entries.filter(of_scenario), sessions[0], sessions[-1])
    records = _Records(trades.filter(of_scenario), plans.filter(of_scenario), predictions)
    universe = universe_returns(market) if closed else UniverseReturns((), ())
    rows = []
    for position in closed:
        thesis = records.opening_prediction(position)
        slippage = records.slippage_micros(position)
        parts = _attribution(position, thesis, slippage, market, universe)
        came = _outcome(position, thesis, market)
        cutoff = calendar.cutoff(position.closed_on, delay_minutes)
        rows.append((*_row(position, thesis, parts, came, scenario_id, calendar), cutoff))
    columns = list(zip(*rows, strict=True)) or [()] * len(REFLECTION_SCHEMA)
    return pl.DataFrame(
        [
            money_series(name, columns[at])
            if name == "realized_pnl_usd"
            else pl.Series(name, columns[at], dtype=dtype)
            for at, (name, dtype) in enumerate(REFLECTION_SCHEMA.items())
        ]
    )


class _Records:
    """Trades, plans and predictions, found by what a closed position knows of itself."""

    def __init__(self, trades: pl.DataFrame, plans: pl.DataFrame, predictions: pl.DataFrame) -> None:
        self._slippage: dict[str, list[tuple[date, int]]] = {}
        self._opening_plan: dict[tuple[str, date, str], str] = {}
        done = trades.filter(pl.col("status") != "rejected")
        micros = series_to_micros(done["slippage_usd"]).to_list()
        rows = done.select("ticker", "session_date", "plan_id", "side").rows()
        for (ticker, session, plan_id, side), slippage in zip(rows, micros, strict=True):
            self._slippage.setdefault(ticker, []).append((session, slippage))
            self._opening_plan[ticker, session, side] = plan_id
        wanted = set(self._opening_plan.values())
        self._prediction_of_plan = dict(
            plans.filter(pl.col("plan_id").is_in(wanted)).select("plan_id", "prediction_id").rows()
        )
        of_interest = predictions.filter(
            pl.col("prediction_id").is_in(set(self._prediction_of_plan.values()))
        )
        self._predictions = {row["prediction_id"]: row for row in of_interest.rows(named=True)}

    def slippage_micros(self, position: ClosedPosition) -> int:
        fills = self._slippage.get(position.ticker, [])
        return sum(micros for session, micros in fills if position.opened_on <= session <= position.closed_on)

    def opening_prediction(self, position: ClosedPosition) -> dict[str, Any]:
        side = "sell" if position.is_short else "buy"
        plan_id = self._opening_plan.get((position.ticker, position.opened_on, side))
        prediction_id = self._prediction_of_plan.get(plan_id) if plan_id else None
        prediction = self._predictions.get(prediction_id) if prediction_id else None
        if prediction is None:
            raise ReflectionError(
                f"{position.ticker} opened on {position.opened_on} and closed on {position.closed_on}: found "
                f"trade of plan {plan_id}, prediction {prediction_id}, and no row for it; "
                "pass trades, plans and predictions from the opening on"
            )
        return prediction


def _attribution(
    position: ClosedPosition,
    thesis: dict[str, Any],
    slippage_micros: int,
    market: MarketData,
    universe: UniverseReturns,
) -> dict[str, int]:
    first, last = market.row(position.opened_on), market.row(position.closed_on)
    shares: list[Quantity] = []
    held: Quantity = 0
    for row in range(first, last):
        held = position.shares_by_session.get(market.sessions[row], held)
        shares.append(held)
    target: date = thesis["target_session_date"]
    target_row = last if target > market.sessions[last] else market.row(target)
    legs = position_legs(market, universe, position.ticker, first, last, shares, target_row)
    return attribute(
        legs,
        position.result_micros,
        position.commission_micros + position.borrow_micros + slippage_micros,
        thesis["lower_log_return"],
        thesis["upper_log_return"],
    )


def _outcome(position: ClosedPosition, thesis: dict[str, Any], market: MarketData) -> Outcome:
    opened, closed = market.row(position.opened_on), market.row(position.closed_on)
    target: date = thesis["target_session_date"]
    target_row = closed if target > market.sessions[closed] else market.row(target)
    names = ("expected_log_return", "lower_log_return", "upper_log_return", "interval_coverage")
    expected, lower, upper, coverage = (float(thesis[name]) for name in names)
    rows = (opened - 1, target_row, closed)  # the order was planned at the close before it filled
    prediction = (expected, lower, upper, coverage)
    return held_outcome(market, position.ticker, rows, prediction, thesis["horizon_sessions"])


def _row(
    position: ClosedPosition,
    thesis: dict[str, Any],
    parts: dict[str, int],
    came: Outcome,
    scenario_id: str,
    calendar: SessionCalendar,
) -> tuple[Any, ...]:
    held = calendar.index(position.closed_on) - calendar.index(position.opened_on)
    result = position.result_micros
    probability, expected = thesis["probability_up"], thesis["expected_log_return"]
    name = f"{position.ticker}, sold short" if position.is_short else position.ticker
    expectation = (
        f"{name}: up with probability {probability:.2f} over {thesis['horizon_sessions']} "
        f"sessions to {thesis['target_session_date']}; expected log return {expected:+.4f}, "
        f"bounds {thesis['lower_log_return']:+.4f} to {thesis['upper_log_return']:+.4f}"
    )
    entered = "sold short" if position.is_short else "bought"
    share = f" ({result / position.entered_micros:+.2%} of the {_dollars(position.entered_micros)} {entered})"
    outcome = (
        f"{'gained' if result > 0 else 'lost' if result < 0 else 'broke even at'} {_dollars(abs(result))}"
        f"{share} after {held} sessions, "
        f"{_dollars(parts['cost'])} of it costs; {came.words}"
    )
    attribution = "{" + ", ".join(f'"{cause}": {to_usd(parts[cause])}' for cause in CAUSES) + "}"
    decided = (scenario_id, position.closed_on, position.ticker, position.opened_on, expectation, outcome)
    lesson = lesson_of(parts, result)
    quantile = 1.0 - came.quantile if position.is_short else came.quantile  # low is bad for the position
    reflection_id = content_id("reflection", *decided, result, attribution, lesson)
    return (reflection_id, *decided, result, attribution, lesson, quantile, came.chance)


def _dollars(micros: int) -> str:
    return f"{to_usd(micros):.2f} USD"


def lesson_of(parts: dict[str, int], result_micros: int) -> str:
    """The lesson of a closed position, by the cause that weighed most in the direction of the result.

    Parameters
    ----------
    parts : dict of str to int
        Micro-dollars by cause.
    result_micros : int
        Their sum.

    Examples
    --------
    >>> lesson_of({"market": 1, "selection": 0, "timing": 0, "cost": -9, "luck": 0}, -8)
    'Costs ate the trade: ask for a larger edge or trade less often.'
    """
    is_gain = result_micros > 0
    cause = max(CAUSES, key=lambda name: parts[name] if is_gain else -parts[name])
    return _LESSONS[cause, is_gain]


_LESSONS: Final = {
    ("market", True): "The market carried it: credit the tide, not the forecast.",
    ("market", False): "The market sank it: the forecast of this ticker is not to blame, the exposure was.",
    ("selection", True): "The thesis held: the ticker beat the universe within its bounds.",
    (
        "selection",
        False,
    ): "The thesis failed: the ticker lagged the universe within its bounds; trust this less.",
    ("timing", True): "Changes of size or a longer hold paid: the exit rule added value here.",
    ("timing", False): "Changes of size or a longer hold cost: leave when the horizon is over.",
    ("cost", True): "Gained although costs were the largest item: check the cost model.",
    ("cost", False): "Costs ate the trade: ask for a larger edge or trade less often.",
    ("luck", True): "The move went beyond the bounds in our favour: do not count on it again.",
    (
        "luck",
        False,
    ): "The move went beyond the bounds against us: the bounds were too narrow or the day was rare.",
}

"""The page is whole in itself, escapes what it is given and says what there is, and no more."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.sessions import xnys
from nextgen_assets.domain.trading.tear_sheet import tear_sheet_rows
from nextgen_assets.performance_pictures import rolling_sharpe_ratio
from nextgen_assets.tear_sheet_page import TearSheetInputs, extremes, pictures_of, tear_sheet_page

CALENDAR = xnys()
DAYS = CALENDAR.between(date(2011, 1, 3), date(2012, 3, 30))
HOSTILE = "<script>alert(1)</script>"


def inputs_of(n_days: int, n_closed: int) -> TearSheetInputs:
    rng, days = np.random.default_rng(1), DAYS[:n_days]
    path = 1000 * np.concatenate([[1.0], np.cumprod(1 + rng.normal(0.0005, 0.01, n_days - 1))])
    values = pl.DataFrame(
        {
            "session_date": days,
            "net_asset_value_usd": pl.Series(path).round(6).cast(pl.Decimal(20, 6)),
            "benchmark_value_usd": path[::-1],
            "gross_exposure": 0.4,
            "turnover": 0.1,
        }
    )
    money = {name: pl.Decimal(20, 6) for name in ("commission_usd", "slippage_usd")}
    paid = {"session_date": days[1:3], **{name: [Decimal(1)] * len(days[1:3]) for name in money}}
    costs = pl.DataFrame(paid, schema_overrides=money)
    trials = pl.DataFrame({"cutoff_session": [days[0]], "trials": [3]})
    closed = pl.DataFrame(
        {
            "ticker": [HOSTILE] * n_closed,
            "opened_on": days[:1] * n_closed,
            "session_date": days[1:2] * n_closed,
            "thesis": ["up"] * n_closed,
            "outcome": ["gained"] * n_closed,
            "lesson": ["none."] * n_closed,
            "realized_pnl_usd": [Decimal(at - 8) for at in range(n_closed)],
            "attribution": [json.dumps({"market": 2.5, "luck": -0.5})] * n_closed,
            "prediction_id": [f"p{at}" for at in range(n_closed)],
            "outcome_chance": [0.03 if at % 10 == 0 else 0.2 if at % 2 else None for at in range(n_closed)],
        },
        schema_overrides={
            "outcome_chance": pl.Float64,
            "realized_pnl_usd": pl.Decimal(20, 6),
            "prediction_id": pl.String,
        },
    )
    judged = pl.DataFrame(
        {
            "session_date": days[: n_days - 1],
            "probability_up": rng.uniform(0.4, 0.6, n_days - 1),
            "realised_log_return": rng.normal(0, 0.01, n_days - 1),
            "is_inside_interval": [at % 10 != 0 for at in range(n_days - 1)],
            "interval_coverage": 0.9,
        }
    )
    rows = tear_sheet_rows(values, costs, trials, days, "baseline", CALENDAR, 30)
    shown = {f"p{at}": f"why {at}: {HOSTILE}" for at in (0, n_closed - 1) if n_closed}
    return TearSheetInputs(rows, values, costs, closed, judged, shown)


class Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.tags.add(tag)
        self.links |= {str(said["href"])} if "href" in said else set()
        self.places |= {f"#{said['id']}"} if "id" in said else set()


@pytest.fixture(scope="module")
def page() -> str:
    inputs = inputs_of(300, 20)
    drawn = pictures_of(inputs)
    assert set(drawn) == {"growth", "rolling_sharpe", "exposure", "costs", "causes", "calibration"}
    return tear_sheet_page(inputs, "baseline", drawn)


def test_page_needs_nothing_outside_itself_and_runs_no_script(page: str) -> None:
    found = Anchors()
    found.feed(page)
    assert "script" not in found.tags
    assert HOSTILE not in page
    sources = re.findall(r"(?:src|href)=['\"]([^'\"]{0,30})", page)
    assert len([source for source in sources if source.startswith("data:image/png;base64,")]) == 6
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in sources)


def test_best_and_worst_positions_lead_to_their_explanation(page: str) -> None:
    found = Anchors()
    found.feed(page)
    assert found.links == {"#p0", "#p19"}  # the worst and the best; the others have no explanation here
    assert found.links <= found.places
    assert "nextgen explain p0" in page
    assert "held 90.0% (95 % interval" in page


def test_page_says_how_rare_outcomes_were_and_how_often_a_lesson_came(page: str) -> None:
    assert "Of 12 closed positions 2 came out" in page  # of twenty, eight are from before it was measured
    assert "<td>20</td><td>+30.00</td>" in page  # one lesson, and the sum of -8 to 11
    assert "<td>3.0%</td>" in page


def test_no_line_is_drawn_where_there_is_no_ratio() -> None:
    rows = inputs_of(300, 0).rows
    gap = pl.col("session_date").is_between(DAYS[270], DAYS[285])
    names = ("rolling_sharpe", "rolling_sharpe_lower", "rolling_sharpe_upper")
    broken = rows.with_columns(pl.when(~gap).then(pl.col(name)).alias(name) for name in names)
    bridged = broken.filter(~gap)
    assert rolling_sharpe_ratio(broken).png != rolling_sharpe_ratio(bridged).png


def test_a_position_is_among_the_best_or_the_worst_only_by_its_sign() -> None:
    best, worst = extremes(inputs_of(80, 20).closed)
    assert [int(x) for x in best["realized_pnl_usd"]] == [11, 10, 9, 8, 7]
    assert [int(x) for x in worst["realized_pnl_usd"]] == [-8, -7, -6, -5, -4]
    best, worst = extremes(inputs_of(80, 9).closed)
    assert best.is_empty()
    assert worst.height == 5


def test_a_record_of_two_sessions_has_a_page_without_figures_per_year() -> None:
    inputs = inputs_of(2, 0)
    drawn = pictures_of(inputs)
    assert "rolling_sharpe" not in drawn
    assert "causes" not in drawn
    text = tear_sheet_page(inputs, "baseline", drawn)
    assert "<td>growth a year</td><td>–</td><td>–</td>" in text
    assert "Too few judged predictions" in text

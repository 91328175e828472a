"""A correction after the judgement is a row of its own, of exactly the outcomes that it changed."""

from datetime import date, timedelta

import polars as pl
import pytest

from nextgen_assets.domain.insight_retests import continued, standing_findings
from nextgen_assets.domain.outcome_revisions import REVISION_SCHEMA, clusters, revised_outcomes, with_first
from nextgen_assets.domain.sessions import xnys

CALENDAR = xnys()
SESSION, TARGET, KNOWN = date(2012, 6, 1), date(2012, 6, 8), date(2012, 6, 12)
AS_OF = CALENDAR.cutoff(KNOWN, 30)
LEARNED = AS_OF - timedelta(hours=2)
STATED = {
    "probability_up": 0.7, "expected_log_return": 0.01, "lower_log_return": -0.03, "upper_log_return": 0.05,
    "volatility": 0.02,
}  # fmt: skip


def _said(**changes):
    row = {
        "prediction_id": "p", "scenario_id": "baseline", "ticker": "AAPL", "session_date": SESSION,
        "horizon_sessions": 5, "direction": "up",
    }  # fmt: skip
    return pl.DataFrame([row | STATED | changes], schema_overrides={"horizon_sessions": pl.Int32})


def _realised(log_return, known_at=LEARNED, target=TARGET):
    schema = {
        "ticker": pl.String, "session_date": pl.Date, "target_session_date": pl.Date, "realised_log_return": pl.Float64,
        "price_known_at": pl.Datetime("us", "UTC"),
    }  # fmt: skip
    rows = [] if log_return is None else [("AAPL", SESSION, target, log_return, known_at)]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _corrections(*given, ticker="AAPL"):
    rows = [(kind, ticker, day, LEARNED) for kind, day in given]
    schema = {"kind": pl.String, "ticker": pl.String, "day": pl.Date, "known_at": pl.Datetime("us", "UTC")}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _revised(before=0.04, after=-0.04, corrections=None, said=None, target=TARGET):
    given = _corrections(("price", TARGET)) if corrections is None else corrections
    return revised_outcomes(
        _said() if said is None else said,
        _realised(before, CALENDAR.close_at(TARGET), target),
        _realised(after, target=target),
        given,
        KNOWN,
        AS_OF,
    )


def test_corrected_close_of_the_target_gives_the_scores_of_the_new_return_worked_by_hand():
    row = _revised().row(0, named=True)
    assert (row["revised_on"], row["cause"], row["corrected"]) == (KNOWN, "price", '["price 2012-06-08"]')
    assert (row["realised_direction"], row["is_correct"], row["is_inside_interval"]) == ("down", False, False)
    assert row["brier_score"] == pytest.approx(0.49)
    assert row["surprise_z"] == pytest.approx(-2.5)
    assert (row["correction_known_at"], row["as_of"]) == (LEARNED, AS_OF)


def test_correction_that_moves_no_return_is_no_revision():
    assert _revised(after=0.04).is_empty()


@pytest.mark.parametrize(
    ("correction", "is_touched"),
    [
        (("price", SESSION), True),
        (("action", SESSION), False),
        (("action", TARGET), True),
        (("price", date(2012, 5, 31)), False),
        (("price", date(2012, 6, 11)), False),
    ],
)
def test_span_holds_the_close_it_starts_from_and_no_action_of_that_day(correction, is_touched):
    assert _revised(corrections=_corrections(correction)).height == int(is_touched)


def test_correction_of_another_ticker_touches_nothing():
    assert _revised(corrections=_corrections(("price", TARGET), ticker="IBM")).is_empty()


def test_price_that_was_missing_is_a_late_first_judgement_and_both_kinds_are_named():
    late = _revised(before=None).row(0, named=True)
    both = _revised(corrections=_corrections(("price", TARGET), ("action", date(2012, 6, 5))))
    assert late["cause"] == "late"
    assert both["cause"].to_list() == ["both"]
    assert both["corrected"].to_list() == ['["action 2012-06-05", "price 2012-06-08"]']


def test_target_at_the_session_of_the_correction_is_judged_first_there_and_not_revised():
    assert _revised(target=KNOWN).is_empty()


def test_other_horizon_judges_the_direction_only():
    row = _revised(said=_said().drop(*STATED)).row(0, named=True)
    assert (row["is_correct"], row["brier_score"], row["is_inside_interval"]) == (False, None, None)


def test_first_judgement_stands_beside_the_new_one_or_is_null():
    first = pl.DataFrame(
        {
            "prediction_id": ["p", "p"], "horizon_sessions": [5, 1], "first_log_return": [0.04, 0.9],
            "first_is_correct": [True, True], "first_brier_score": [0.09, None], "first_log_loss": [0.36, None],
            "first_is_inside_interval": [True, None],
        },
        schema_overrides={"horizon_sessions": pl.Int32},
    )  # fmt: skip
    row = with_first(_revised(), first).row(0, named=True)
    assert (row["first_log_return"], row["first_brier_score"]) == (0.04, 0.09)
    alone = with_first(_revised(before=None), first.clear())
    assert alone.columns == list(REVISION_SCHEMA)
    assert alone["first_log_return"].to_list() == [None]


def test_spans_around_corrected_days_are_joined_where_they_overlap_and_end_before_the_session():
    days = [date(2012, 6, 9), date(2012, 6, 5), date(2010, 6, 7)]
    spans = clusters(days, 2, date(2012, 6, 11), CALENDAR)
    assert spans == [(date(2010, 6, 3), date(2010, 6, 9)), (date(2012, 6, 1), date(2012, 6, 11))]


def test_findings_of_a_part_stand_for_the_next_one_as_if_both_were_one():
    about = {"insight_id": "a", "session_date": date(2012, 1, 31), "kind": "gap", "scope": "x", "effect": 1.0}
    none = {"tested_on": None, "verdict": None}
    schema = {"tested_on": pl.Date, "verdict": pl.String}
    earlier = pl.DataFrame([about | none], schema_overrides=schema)
    found = pl.DataFrame([about | {"insight_id": "b", "session_date": date(2012, 2, 29), "scope": "y"}])
    looks = pl.DataFrame({"insight_id": ["a"], "session_date": [date(2012, 2, 29)], "verdict": ["retired"]})
    standing = standing_findings(continued(earlier, found, looks), date(2012, 3, 30))
    assert [key[1] for key in standing] == ["y"]

"""Bars: right at the edges of days and clocks, the same however the ticks are cut."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextgen_assets.domain import bars as bars_module
from nextgen_assets.domain.bars import EMPTY, BarBuilder, Bars, build_bars, ticks_as_bars
from nextgen_assets.domain.market_days import Hours, market_days, parse_timeframe, parse_timeframes
from nextgen_assets.domain.sessions import xnys

HOURS: list[Hours] = ["exchange", "extended", "fx", "utc"]


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def at(bars: Bars, name: str) -> list[str]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    values = getattr(bars, name).tolist()
    return [(epoch + timedelta(microseconds=value)).isoformat(timespec="minutes")[:16] for value in values]


def ticks(moments: list[str], price: list[float] | None = None) -> Bars:
    ts = np.array([us(moment) for moment in moments], np.int64)
    values = np.arange(1.0, len(ts) + 1) if price is None else np.array(price)
    return ticks_as_bars(ts, values, np.full(len(ts), 10.0))


def built(rows: Bars, *names: str, hours: Hours = "utc") -> dict[str, Bars]:
    return build_bars(rows, parse_timeframes(names), hours, xnys())


def same(one: Bars, other: Bars) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name), equal_nan=field.name == "volume")
        for field in fields(Bars)
    )


def test_bar_says_what_its_ticks_say() -> None:
    rows = ticks(["2014-07-01T12:00:00Z", "2014-07-01T12:00:30Z", "2014-07-01T12:00:59Z"], [5.0, 7.0, 6.0])
    (bar,) = (built(rows, "1m")["1m"],)
    assert (bar.open[0], bar.high[0], bar.low[0], bar.close[0]) == (5.0, 7.0, 5.0, 6.0)
    assert (bar.volume[0], bar.count[0]) == (30.0, 3)
    assert (at(bar, "start"), at(bar, "end")) == (["2014-07-01T12:00"], ["2014-07-01T12:01"])
    assert (bar.first[0], bar.last[0]) == (rows.start[0], rows.start[2])


def test_tick_on_a_boundary_belongs_to_the_bar_that_begins_there_and_gaps_have_no_bar() -> None:
    rows = ticks(["2014-07-01T12:00:59Z", "2014-07-01T12:01:00Z", "2014-07-01T12:09:00Z"])
    assert at(built(rows, "1m")["1m"], "start") == [
        "2014-07-01T12:00",
        "2014-07-01T12:01",
        "2014-07-01T12:09",
    ]


def test_session_bars_count_from_the_open_and_end_with_the_close_in_summer_and_winter() -> None:
    summer = ["2014-07-01T13:29:59Z", "2014-07-01T13:30:00Z", "2014-07-01T19:59:59Z", "2014-07-01T20:00:00Z"]
    winter = ["2014-12-01T14:29:59Z", "2014-12-01T14:30:00Z", "2014-12-01T20:59:59Z", "2014-12-01T21:00:00Z"]
    for moments, opened in ((summer, "13:30"), (winter, "14:30")):
        bars = built(ticks(moments), "1h", "1d", hours="exchange")
        assert bars["1d"].count.tolist() == [2]
        assert at(bars["1d"], "start")[0].endswith(opened)
        hours = bars["1h"]
        assert ((hours.end - hours.start) // 60_000_000).tolist() == [60, 30]


def test_half_day_ends_at_one_and_a_holiday_week_is_shorter() -> None:
    rows = ticks(
        ["2014-11-26T15:00:00Z", "2014-11-28T17:59:00Z", "2014-11-28T18:00:00Z", "2014-12-01T15:00:00Z"]
    )
    bars = built(rows, "1m", "1d", "1w", hours="exchange")
    assert at(bars["1d"], "end") == ["2014-11-26T21:00", "2014-11-28T18:00", "2014-12-01T21:00"]
    assert list(zip(at(bars["1w"], "start"), at(bars["1w"], "end"), strict=True)) == [
        ("2014-11-24T14:30", "2014-11-28T18:00"),
        ("2014-12-01T14:30", "2014-12-05T21:00"),
    ]


@pytest.mark.parametrize(
    ("sunday", "hours_of_day"), [("2014-03-09", 23), ("2014-11-02", 25), ("2014-06-01", 24)]
)
def test_day_of_fx_is_as_long_as_the_clocks_of_new_york_make_it(sunday: str, hours_of_day: int) -> None:
    bars = built(ticks([f"{sunday}T12:00:00Z"]), "1h", "1d", hours="fx")
    assert (bars["1d"].end - bars["1d"].start).tolist() == [hours_of_day * 3_600_000_000]


def test_week_of_fx_begins_on_sunday_evening() -> None:
    rows = ticks(
        ["2014-05-30T20:59:59Z", "2014-05-30T21:00:00Z", "2014-06-01T20:59:59Z", "2014-06-01T21:00:00Z"]
    )
    weeks = built(rows, "1d", "1w", hours="fx")["1w"]
    assert at(weeks, "start") == ["2014-05-25T21:00", "2014-06-01T21:00"]
    assert weeks.count.tolist() == [3, 1]


@pytest.mark.parametrize("hours", HOURS)
def test_every_calendar_day_has_a_place_and_weeks_hold_their_days(hours: Hours) -> None:
    days = market_days(hours, xnys(), us("2014-01-01T00:00:00Z"), us("2015-01-01T00:00:00Z"))
    assert (days.starts[1:] >= days.ends[:-1]).all()
    assert ((days.week_starts <= days.starts) & (days.ends <= days.week_ends)).all()
    assert days.starts[0] < us("2014-01-01T00:00:00Z")
    assert days.ends[-1] > us("2015-01-01T00:00:00Z")


@pytest.mark.parametrize("name", ["7m", "0m", "25h", "24h", "2d", "1M", "m", "-5m", "5m; drop"])
def test_timeframe_that_no_day_holds_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is none; expected"):
        parse_timeframe(name)


def test_timeframes_that_the_shortest_does_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="40s does not divide 1m"):
        parse_timeframes(["1m", "40s", "1d"])
    assert [one.name for one in parse_timeframes(["1w", "1m", "1d", "1m"])] == ["1m", "1d", "1w"]


def test_bars_of_one_timeframe_agree_with_a_plain_group_by() -> None:
    rng = np.random.default_rng(3)
    ts = us("2014-07-01T00:00:00Z") + np.cumsum(rng.integers(0, 90_000_000, 5_000))
    price, size = rng.normal(100, 1, 5_000), rng.integers(1, 500, 5_000).astype(float)
    bars = built(ticks_as_bars(ts, price, size), "5m", "1h")
    frame = pl.DataFrame({"ts": ts, "price": price, "size": size}).with_columns(
        pl.col("ts").cast(pl.Datetime("us"))
    )
    for name in ("5m", "1h"):
        expected = frame.group_by_dynamic("ts", every=name).agg(
            pl.col("price").first().alias("open"), pl.col("price").max().alias("high"),
            pl.col("price").min().alias("low"), pl.col("price").last().alias("close"),
            pl.col("size").sum().alias("volume"), pl.len().alias("count"),
        )  # fmt: skip
        assert bars[name].start.tolist() == expected["ts"].dt.epoch("us").to_list()
        for column in ("open", "high", "low", "close", "volume", "count"):
            assert getattr(bars[name], column).tolist() == expected[column].to_list(), (name, column)


STEPS = st.lists(st.integers(0, 40_000), min_size=1, max_size=120)


def walk(steps: list[int], seed: int) -> Bars:
    """Ticks at whole seconds across the spring change of the clocks, sizes that do not add up exactly."""
    ts = us("2014-03-07T12:00:00Z") + np.cumsum(np.array(steps, np.int64)) * 1_000_000
    rng = np.random.default_rng(seed)
    return ticks_as_bars(ts, rng.normal(100, 1, len(ts)), rng.random(len(ts)))


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 99), st.sampled_from(HOURS), st.data())
def test_any_split_of_the_ticks_gives_the_bars_of_one_pass(
    steps: list[int], seed: int, hours: Hours, data: st.DataObject
) -> None:
    rows = walk(steps, seed)
    timeframes = parse_timeframes(["10s", "1m", "4h", "1d", "1w"])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=6)))
    builder = BarBuilder(timeframes, hours, xnys())
    ended: dict[str, list[Bars]] = {timeframe.name: [EMPTY] for timeframe in timeframes}
    for begin, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        part = rows.take(slice(begin, end))
        until = int(rows.start[end - 1]) if end else 0
        for name, bars in builder.add(part, until).items():
            ended[name].append(bars)
    forming = builder.forming()
    whole = build_bars(rows, timeframes, hours, xnys())
    for timeframe in timeframes:
        name = timeframe.name
        assert same(Bars.joined([*ended[name], forming.get(name, EMPTY)]), whole[name]), name
        assert len(forming.get(name, EMPTY)) <= 1


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 99), st.sampled_from(HOURS), st.integers(0, 4_000_000))
def test_deleting_every_tick_after_an_instant_changes_nothing_that_is_known_at_it(
    steps: list[int], seed: int, hours: Hours, offset: int
) -> None:
    rows = walk(steps, seed)
    instant = us("2014-03-07T12:00:00Z") + offset * 1_000_000
    timeframes = parse_timeframes(["1m", "1h", "1d", "1w"])
    past = rows.take(rows.start <= instant)
    builder = BarBuilder(timeframes, hours, xnys())
    ended = builder.add(past, instant)
    for name, bars in build_bars(rows, timeframes, hours, xnys()).items():
        assert same(ended[name], bars.take(bars.end <= instant)), name


def test_rows_that_go_back_or_come_from_the_future_are_refused() -> None:
    builder = BarBuilder(parse_timeframes(["1m"]), "utc", xnys())
    rows = ticks(["2014-07-01T12:00:30Z", "2014-07-01T12:00:40Z"])
    builder.add(rows, us("2014-07-01T12:00:40Z"))
    with pytest.raises(ValueError, match="must be ascending"):
        builder.add(rows, us("2014-07-01T12:00:40Z"))
    with pytest.raises(ValueError, match="not after"):
        builder.add(ticks(["2014-07-01T12:00:50Z"]), us("2014-07-01T12:00:45Z"))


def test_bar_is_forming_until_its_end_is_known_and_ended_from_then_on() -> None:
    builder = BarBuilder(parse_timeframes(["1m"]), "utc", xnys())
    assert not len(builder.add(ticks(["2014-07-01T12:00:30Z"]), us("2014-07-01T12:00:59Z"))["1m"])
    assert len(builder.forming()["1m"]) == 1
    assert len(builder.add(EMPTY, us("2014-07-01T12:01:00Z"))["1m"]) == 1
    assert not builder.forming()


def test_days_of_the_exchange_agree_with_its_calendar() -> None:
    days = market_days("exchange", xnys(), us("2014-01-02T00:00:00Z"), us("2014-12-31T00:00:00Z"))
    sessions = xnys().between(date(2013, 12, 30), date(2015, 1, 4))
    assert days.starts.tolist() == [int(xnys().open_at(day).timestamp()) * 1_000_000 for day in sessions]


def test_the_compiled_pass_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(3)
    ts = us("2014-05-04T00:00:00+00:00") + np.cumsum(draw.integers(0, 90_000_000, 5_000))
    rows = ticks_as_bars(ts, draw.normal(50, 1, 5_000), draw.uniform(0, 9, 5_000))
    frames = parse_timeframes(["1m", "5m", "1d"])
    plain = build_bars(rows, frames, "utc", xnys())
    monkeypatch.setattr(bars_module, "_ROWS_FOR_KERNEL", 1)
    compiled = build_bars(rows, frames, "utc", xnys())
    for name, expected in plain.items():
        for field in fields(Bars):
            found, wanted = getattr(compiled[name], field.name), getattr(expected, field.name)
            assert found.dtype == wanted.dtype
            assert found.tobytes() == np.ascontiguousarray(wanted).tobytes(), (name, field.name)

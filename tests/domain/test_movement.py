"""The movement benchmark: samples by target day, nothing of the target day in them, scores by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from nextgen_assets.domain.intervals import BootstrapConfig
from nextgen_assets.domain.movement import (
    FEATURES,
    MovementData,
    MovementDataError,
    MovementSamples,
    movement_samples,
    naive_calls,
)
from nextgen_assets.domain.movement_protocols import PROTOCOLS, MovementProtocol
from nextgen_assets.domain.movement_runs import (
    TEST,
    VALIDATION,
    FamilyRun,
    MovementRunner,
    balanced_threshold,
    ensemble_of,
    labelled_parts,
)
from nextgen_assets.domain.movement_scores import Calls, accuracy_of, mcc_of

START = date(2014, 1, 1)
SHORT = MovementProtocol(START, START + timedelta(60), START + timedelta(90), START + timedelta(120), ())


def movement_frame(n_days: int = 130, n_tickers: int = 6, seed: int = 3, signal: float = 0.0) -> pl.DataFrame:
    """Days in a row; the return of a day follows ``c_open`` of the day before by ``signal``."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(n_tickers):
        before = 0.0
        for day in range(n_days):
            features = dict(zip(FEATURES, random.normal(0.0, 1.0, len(FEATURES)).tolist(), strict=True))
            features["n_adj_close"] = move = random.normal(0.0, 1.0) + signal * before
            before = features["c_open"]
            label = 1 if move >= 0.55 else -1 if move <= -0.5 else 0
            rows.append({"ticker": f"T{number}", "date": START + timedelta(day), **features, "label": label})
    return pl.DataFrame(rows)


def changed(frame: pl.DataFrame, ticker: str, day: int, **values: float | None) -> pl.DataFrame:
    hit = (pl.col("ticker") == ticker) & (pl.col("date") == START + timedelta(day))
    return frame.with_columns(
        pl.when(hit).then(pl.lit(value)).otherwise(name).alias(name) for name, value in values.items()
    )


def samples_of(frame: pl.DataFrame, lookback: int = 4, judged: int = 5) -> MovementSamples:
    return movement_samples(MovementData.from_frame(frame), SHORT, lookback, judged)


def test_a_sample_holds_the_days_before_its_target_day_and_no_other() -> None:
    frame = movement_frame()
    samples = samples_of(frame)
    number = 17
    day = START + timedelta(int(samples.day_index[number]))
    inside = frame.filter(pl.col("date").is_between(day - timedelta(4), day - timedelta(1)))
    medians = inside.group_by("date").agg(pl.col(FEATURES).median()).sort("date").select(FEATURES).to_numpy()
    assert samples.windows[number, :, 11:] == pytest.approx(medians, abs=1e-6)
    target = frame.filter(pl.col("date") == day, pl.col("label") != 0)
    moves = np.log1p(target["n_adj_close"].to_numpy() / 100)
    rows = np.flatnonzero(samples.day_index == samples.day_index[number])
    assert samples.log_return[rows] == pytest.approx(moves)
    own = (
        inside.filter(ticker=target["ticker"][int(number - rows[0])]).sort("date").select(FEATURES).to_numpy()
    )
    assert samples.windows[number, :, :11] == pytest.approx(own - medians, abs=1e-6)
    assert samples.newest[number] == pytest.approx(own[-1])


def test_scrambling_the_target_day_and_later_changes_no_window() -> None:
    frame = movement_frame()
    later = pl.col("date") >= START + timedelta(100)
    other = movement_frame(seed=8)
    mixed = pl.concat([frame.filter(~later), other.filter(later)])
    one, two = samples_of(frame), samples_of(mixed)
    until = (one.day_index <= 99).sum()
    assert one.windows[:until].tobytes() == two.windows[:until].tobytes()
    on_the_day = [samples.windows[samples.day_index == 100] for samples in (one, two)]
    both = {window.tobytes() for window in on_the_day[0]} & {window.tobytes() for window in on_the_day[1]}
    assert both


def test_days_that_moved_little_and_broken_windows_are_left_out() -> None:
    frame = movement_frame()
    samples = samples_of(frame)
    moved = frame.filter(pl.col("label") != 0)
    first = {part: 4 if part == 0 else 5 for part in (0, 1, 2)}
    days = [(day - START).days for day in moved["date"]]
    assert len(samples.went_up) == sum(day < 120 and day >= first[0] for day in days)
    broken = samples_of(changed(frame, "T2", 50, c_high=None))
    lost = {
        (int(day), float(move)) for day, move in zip(samples.day_index, samples.log_return, strict=True)
    } - {(int(day), float(move)) for day, move in zip(broken.day_index, broken.log_return, strict=True)}
    assert {day for day, _ in lost} <= {51, 52, 53, 54}
    assert lost


def test_parts_are_split_by_target_day() -> None:
    samples = samples_of(movement_frame())
    assert samples.day_index[samples.part == 0].max() == 59
    assert (
        samples.day_index[samples.part == VALIDATION].min(),
        samples.day_index[samples.part == TEST].min(),
    ) == (60, 90)
    fit, validation, _ = labelled_parts(samples)
    assert np.abs(fit.windows.reshape(-1, 22).mean(axis=0)).max() < 0.05
    assert validation.volatility[0] == pytest.approx(samples.log_return[samples.part == 0].std())


def test_what_the_original_files_mark_as_absent_is_absent() -> None:
    frame = movement_frame()
    marked, empty = (
        samples_of(changed(frame, "T2", 50, c_high=value, d5=value)) for value in (-123_321.0, None)
    )
    assert marked.windows.tobytes() == empty.windows.tobytes()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (movement_frame(20).with_columns(date=pl.lit("Monday")), "another type than the benchmark's"),
        (movement_frame(20).drop("d25"), r"columns \['d25'\] are missing"),
        (pl.concat([movement_frame(20), movement_frame(1)]), "12 rows repeat a ticker and day"),
        (changed(movement_frame(20), "T1", 3, label=2), "label that is not -1, 0 or 1"),
        (changed(movement_frame(20), "T1", 3, d5=float("inf")), "infinite feature"),
        (changed(movement_frame(20), "T1", 3, label=1, n_adj_close=-1.0), "label against their n_adj_close"),
        (movement_frame(20).clear(), "0 rows"),
    ],
    ids=["type", "column", "repeat", "label", "infinite", "against", "empty"],
)
def test_data_of_another_form_are_refused(frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(MovementDataError, match=message):
        MovementData.from_frame(frame)


def test_data_of_other_years_are_refused() -> None:
    with pytest.raises(MovementDataError, match="the data have 2014-01-01 to 2014-05-10"):
        movement_samples(MovementData.from_frame(movement_frame()), PROTOCOLS["kdd17"], 5)


def test_naive_rules_say_what_their_names_say() -> None:
    samples = samples_of(movement_frame())
    said = naive_calls(samples)
    d10, move = FEATURES.index("d10"), FEATURES.index("n_adj_close")
    assert said["always up"].all()
    assert (said["momentum 10"] == (samples.newest[:, d10] < 0)).all()
    assert (said["reversal 1"] == (samples.newest[:, move] < 0)).all()


def test_scores_by_hand() -> None:
    went_up = np.array([1.0, 1.0, 0.0, 0.0, 1.0])
    said = np.array([[1.0, 0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    calls = Calls.of(said, went_up, np.array([0, 0, 1, 3, 3]))
    assert calls.by_seed(accuracy_of) == pytest.approx([0.6, 0.6])
    assert calls.by_seed(mcc_of) == pytest.approx([(2 * 1 - 1 * 1) / np.sqrt(3 * 3 * 2 * 2), 0.0])
    found = calls.interval(mcc_of)
    assert found.value == pytest.approx(1 / 12)
    assert (found.n, found.n_sessions) == (5, 3)


def test_days_are_resampled_whole_so_that_copies_of_a_ticker_add_no_certainty() -> None:
    random = np.random.default_rng(5)
    days, config = np.arange(200), BootstrapConfig(block_sessions=1, n_draws=400)
    went_up = (random.random(200) < 0.5).astype(np.float64)
    said = np.where(random.random(200) < 0.6, went_up, 1.0 - went_up)[None]
    one = Calls.of(said, went_up, days).interval(accuracy_of, config)
    copies = Calls.of(np.repeat(said, 50, axis=1), np.repeat(went_up, 50), np.repeat(days, 50))
    many = copies.interval(accuracy_of, config)
    assert (many.lower, many.upper) == pytest.approx((one.lower, one.upper))


def test_paired_difference_tells_a_better_model_and_not_a_model_from_itself() -> None:
    random = np.random.default_rng(6)
    went_up, days = (random.random(2_000) < 0.5).astype(np.float64), np.repeat(np.arange(200), 10)

    def caller(skill: float) -> Calls:
        right = random.random(2_000) < skill
        return Calls.of(np.where(right, went_up, 1.0 - went_up)[None], went_up, days)

    good, poor = caller(0.6), caller(0.5)
    difference, p_value = good.over(poor, mcc_of)
    assert difference.lower > 0
    assert p_value < 0.01
    assert good.over(good, accuracy_of) == (good.over(good, accuracy_of)[0], 1.0)
    with pytest.raises(ValueError, match="a paired test needs the same ones"):
        good.over(Calls.of(np.ones((1, 5)), np.ones(5), np.arange(5)), mcc_of)


def test_threshold_calls_as_many_up_as_went_up() -> None:
    probability = np.array([0.2, 0.9, 0.4, 0.6, 0.5])
    assert balanced_threshold(probability, np.array([1.0, 0.0, 0.0, 1.0, 0.0])) == 0.6


def test_a_planted_signal_is_found_and_choices_see_no_test_sample() -> None:
    said: list[str] = []
    frame = movement_frame(signal=2.0)
    runner = MovementRunner(MovementData.from_frame(frame), SHORT, said.append)
    run = runner.run("logistic", (1, 2, 3))
    assert len(run.test) == 1, "a family that draws nothing runs once"
    assert len(run.trials) == 9
    calls = runner.calls(run)
    assert calls.by_seed(mcc_of)[0] > 0.4
    first_test_day = START + timedelta(90)
    turned = frame.with_columns(
        pl.when(pl.col("date") >= first_test_day).then(-pl.col(name)).otherwise(name).alias(name)
        for name in ("n_adj_close", "label")
    )
    again = MovementRunner(MovementData.from_frame(turned), SHORT, said.append).run("logistic", (1,))
    assert again.settings == run.settings
    assert again.validation.tobytes() == run.validation.tobytes()


def test_ensemble_is_the_mean_of_log_odds_seed_by_seed() -> None:
    one = FamilyRun("a", {"lookback": 5}, (), np.array([[0.5]]), np.array([[0.8]]))
    two = FamilyRun("b", {"lookback": 5}, (), np.array([[0.5], [0.6]]), np.array([[0.8], [0.2]]))
    joined = ensemble_of([one, two])
    assert joined.test == pytest.approx(np.array([[0.8], [0.5]]))
    assert joined.settings["members"] == "a + b"

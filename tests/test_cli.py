"""The command line as people use it, on a small scenario built by the real graph."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner, Result
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation

from nextgen_assets.cli import main
from nextgen_assets.commands.serve import server_of
from nextgen_assets.explanation import UnknownPredictionError, explain
from nextgen_assets.inference import BatchPredictor
from nextgen_assets.prediction_service import issue
from nextgen_resources.inference.client import Client, RemoteError
from nextgen_resources.model_store import ModelStore
from nextgen_resources.timing import Stopwatch
from nextgen_resources.warehouse.appending import append_rows
from tests.graph.harness import SMALL, Built, built
from tests.inference.serving import running
from tests.resources.warehouse.table_rows import signals

FIRST, LAST = date(2004, 6, 1), date(2005, 7, 29)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """Fourteen months with models for the last ones, so that predictions speak and some trade."""
    with built(tmp_path_factory.mktemp("cli")) as small:
        small.run("prepare_inputs", FIRST, LAST)
        small.run("train_models", "2005-03-01", "2005-06-01")
        small.run("decide_and_trade", date(2005, 4, 1), LAST)
        yield small


def run(scenario: Built, *arguments: str, **environ: str) -> Result:
    values = {f"NEXTGEN__{key.upper().replace('.', '__')}": str(value) for key, value in SMALL.items()}
    values["NEXTGEN__PATHS__DATA_DIR"] = str(scenario.settings.paths.data_dir)
    values["NEXTGEN__SCENARIO_ID"] = "baseline"  # --scenario sets it for the process, which here lives on
    return CliRunner().invoke(main, list(arguments), env={**os.environ, **values, **environ})


def test_explain_follows_a_trade_to_its_raw_rows(scenario: Built) -> None:
    sql = (
        "SELECT p.prediction_id FROM trades t JOIN trade_plans p USING (plan_id) "
        "JOIN prediction_accuracy a USING (prediction_id) WHERE t.quantity > 0 ORDER BY t.session_date LIMIT 1"
    )
    wanted = scenario.warehouse.scalar(sql)
    assert wanted is not None, "the small scenario has no trade that rests on a judged prediction"
    result = run(scenario, "explain", wanted)
    assert result.exit_code == 0, result.output
    for part in (
        "Prediction `",
        "Adjustments in effect:",
        "## Model `",
        "## Window `",
        "### Raw rows",
        "## Outcome",
        "## Plan `",
        "## Trade `",
    ):
        assert part in result.output
    prediction = scenario.warehouse.read("explain_prediction", wanted=wanted).row(0, named=True)
    versions = scenario.warehouse.read("explain_provenance", window_id=prediction["window_id"])
    bars = versions.filter(pl.col("table_name") == "market_prices").row(0, named=True)
    assert bars["last_session"] == prediction["session_date"]
    assert bars["newest_known_at"] <= prediction["as_of"]
    assert f"market_prices | {bars['row_versions']}" in result.output


def test_explain_takes_ticker_and_session_and_says_why_it_abstained(scenario: Built) -> None:
    silent = scenario.warehouse.read(
        "SELECT ticker, session_date FROM predictions WHERE abstained LIMIT 1"
    ).row(0)
    text = explain(scenario.warehouse, f"{silent[0].lower()}@{silent[1]}", "classifier")
    assert "**Abstained**" in text


def test_explaining_nothing_or_several_says_what_to_give(scenario: Built) -> None:
    with pytest.raises(UnknownPredictionError, match="TICKER@YYYY-MM-DD"):
        explain(scenario.warehouse, "no-such-id", "classifier")
    with pytest.raises(UnknownPredictionError, match="several"):
        explain(scenario.warehouse, "", "classifier")
    result = run(scenario, "explain", "no-such-id")
    assert result.exit_code == 1
    assert "UnknownPredictionError" in result.output


def test_settings_show_values_origins_and_no_secret(scenario: Built) -> None:
    secret = "sk-canary-5f1d"
    result = run(scenario, "settings", "--json", OPENAI_API_KEY=secret, NEXTGEN__TRADING__SLIPPAGE_BPS="7")
    assert result.exit_code == 0, result.output
    assert secret not in result.output
    slippage = json.loads(result.output)["settings"]["trading.slippage_bps"]
    assert slippage["value"] == 7
    assert "NEXTGEN__TRADING__SLIPPAGE_BPS" in slippage["origin"]


def test_bad_setting_is_refused_with_key_value_and_range(scenario: Built) -> None:
    result = run(scenario, "settings", NEXTGEN__TRADING__MAX_WEIGHT="7")
    assert result.exit_code == 1
    assert "trading.max_weight" in result.output
    assert "7" in result.output


def test_migrate_is_harmless_when_up_to_date(scenario: Built) -> None:
    result = run(scenario, "migrate")
    assert result.exit_code == 0
    assert "up to date" in result.output


def test_compact_keeps_the_rows(scenario: Built) -> None:
    before = scenario.content("predictions")
    result = run(scenario, "compact")
    assert result.exit_code == 0, result.output
    assert scenario.content("predictions").equals(before)


def test_another_scenario_is_another_warehouse_and_compares(scenario: Built, tmp_path: Path) -> None:
    missing = run(scenario, "compare", "baseline", "bolder")
    assert missing.exit_code == 1
    assert "bolder" in missing.output
    assert run(scenario, "--scenario", "bolder", "migrate").exit_code == 0
    folder = scenario.settings.paths.data_dir
    assert (folder / "baseline" / "warehouse.duckdb").exists()
    assert (folder / "bolder" / "warehouse.duckdb").exists()
    result = run(scenario, "compare", "baseline", "bolder")
    assert result.exit_code == 0, result.output
    assert "predictions: n" in result.output


def ledger_members(scenario: Built, session: str) -> dict[str, list[dict[str, object]]]:
    """What the ledger says each model said, by window, without the weights."""
    rows = scenario.warehouse.read(
        "SELECT window_id, ensemble FROM predictions_latest WHERE session_date = $session AND window_id IS NOT NULL",
        session=session,
    )
    members = {window_id: json.loads(text) for window_id, text in rows.iter_rows()}
    return {key: [{k: v for k, v in m.items() if k in SAID} for m in said] for key, said in members.items()}


SAID = ("model_id", "family", "probability_up", "standardised_mean")


def test_service_says_what_the_ledger_says_to_the_bit_whatever_is_asked_together(
    scenario: Built, tmp_path: Path
) -> None:
    predictor = BatchPredictor(
        scenario.warehouse, scenario.settings, ModelStore(scenario.settings.models_dir)
    )
    with running(server_of(predictor), tmp_path / "s.sock") as address, Client(address) as client:
        for session in ("2005-04-15", "2005-06-30"):
            expected = ledger_members(scenario, session)
            assert len(expected) >= 3
            assert any(expected.values())
            for window_id, members in expected.items():
                (alone,) = client.predict_batch([window_id])
                assert alone["members"] == members
                assert alone["abstain_reason"] == (None if members else "window_incomplete")
        together = client.predict_batch(sorted(expected))
        assert [answer["window_id"] for answer in together] == sorted(expected)
        assert client.health()["sessions_kept"] == 2
        with pytest.raises(RemoteError, match="not in feature_windows"):
            client.predict_batch(["no-such-window"])
        refused: list[dict[str, object]] = [
            {},
            {"window_ids": []},
            {"window_ids": "x"},
            {"window_ids": [1]},
            {"window_ids": ["x"], "y": 1},
        ]
        for bad in refused:
            with pytest.raises(RemoteError, match="bad_parameters"):
                client.call("predict_batch", bad)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_client_in_another_language_reads_the_same_bits(scenario: Built) -> None:
    expected = ledger_members(scenario, "2005-06-30")
    predictor = BatchPredictor(
        scenario.warehouse, scenario.settings, ModelStore(scenario.settings.models_dir)
    )
    script = Path(__file__).parent / "inference" / "client.mjs"
    with running(server_of(predictor)) as address:
        assert isinstance(address, tuple)
        words = ["node", str(script), str(address[1]), *expected]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    reply = json.loads(done.stdout)
    assert reply["id"] == 7
    for answer in reply["result"]:
        members = expected[answer["window_id"]]
        said = [
            struct.unpack(">d", bytes.fromhex(member["probability_up"]))[0] for member in answer["members"]
        ]
        assert said == [member["probability_up"] for member in members]


def test_promotion_is_seen_and_what_was_kept_is_forgotten(scenario: Built) -> None:
    predictor = BatchPredictor(
        scenario.warehouse, scenario.settings, ModelStore(scenario.settings.models_dir)
    )
    (window_id, *_) = ledger_members(scenario, "2005-06-30")
    predictor.predict_batch([window_id])
    assert predictor.reload() is False
    assert predictor.lookup([window_id])
    with scenario.warehouse.get_connection() as connection:
        changed = "UPDATE model_deployments SET created_at = created_at + INTERVAL ({}) SECOND"
        connection.execute(changed.format(1))
    assert predictor.reload() is True
    assert predictor.lookup([window_id]) == {}
    assert predictor.health()["sessions_kept"] == 0
    with scenario.warehouse.get_connection() as connection:
        connection.execute(changed.format(-1))


def parity(scenario: Built) -> AssetCheckEvaluation:
    """The check of the newest session, run by itself."""
    check = dg.AssetCheckKey(dg.AssetKey("predictions"), "issued_again_gives_the_same_bytes")
    jobs = dg.Definitions(jobs=[dg.define_asset_job("parity", dg.AssetSelection.checks(check))])
    merged = dg.Definitions.merge(scenario.definitions, jobs)
    result = merged.resolve_job_def("parity").execute_in_process(instance=scenario.instance)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def test_predictions_issued_again_are_the_stored_bytes_and_a_changed_bit_is_found(scenario: Built) -> None:
    sound = parity(scenario)
    assert sound.passed, sound.metadata
    stored = scenario.content("predictions")["session_date"]
    both = stored.is_in([stored.min(), stored.max()])
    assert sound.metadata["predictions compared"].value == both.sum()
    change = "UPDATE predictions SET raw_probability_up = raw_probability_up {} 1e-16 WHERE session_date = DATE '{}'"
    with scenario.warehouse.transaction() as connection:
        connection.execute("CREATE TABLE kept AS FROM predictions")
        connection.execute(change.format("+", LAST))
    try:
        broken = parity(scenario)
        assert not broken.passed
        assert "raw_probability_up" in str(broken.metadata["sample"].value)
    finally:
        with scenario.warehouse.transaction() as connection:
            connection.execute("DELETE FROM predictions")
            connection.execute("INSERT INTO predictions FROM kept")
            connection.execute("DROP TABLE kept")


def test_skill_is_told_by_year_beside_momentum_and_coverage_by_regime(scenario: Built) -> None:
    found = json.loads(run(scenario, "skill", "--json").output)
    judged = scenario.content("prediction_accuracy")
    assert found["n"] == judged.height
    assert {row["contender"] for row in found["by_year"]} >= {"served", "logistic", "lstm", "momentum"}
    whole = next(row for row in found["coverage"] if row["scope"] == "all")
    assert whole["coverage"] == pytest.approx(judged["is_inside_interval"].mean())
    shown = run(scenario, "skill")
    assert shown.exit_code == 0, shown.output
    assert "regime wild" in shown.output


def decided(scenario: Built) -> pl.DataFrame:
    return scenario.warehouse.read(
        "SELECT * FROM model_deployments WHERE decision <> 'training' ORDER BY created_at"
    )


def members_on(scenario: Built, session: date) -> dict[str, float]:
    text = scenario.warehouse.scalar(
        "SELECT ensemble FROM predictions WHERE session_date = $day AND ensemble::VARCHAR <> '[]' LIMIT 1",
        day=session,
    )
    return {member["family"]: member["weight"] for member in json.loads(text)}


def test_models_are_listed_with_what_they_serve_and_shown_with_their_lineage(scenario: Built) -> None:
    listed = run(scenario, "models", "list")
    assert listed.exit_code == 0, listed.output
    assert "Models that serve 2005-08-01" in listed.output
    assert listed.output.count(" ensemble ") == 3
    every = json.loads(run(scenario, "models", "list", "--all", "--json").output)["models"]
    assert len(every) == scenario.content("model_registry").height == 12
    shown = run(scenario, "models", "show", every[-1]["model_id"][:10])
    assert shown.exit_code == 0, shown.output
    for part in (
        "hash as registered",
        "## Validation months",
        "## Deployments",
        "## Newest verdicts",
        "labels end",
    ):
        assert part in shown.output


def test_two_families_are_compared_on_the_same_rows_and_models_that_never_met_are_refused(
    scenario: Built,
) -> None:
    found = json.loads(run(scenario, "models", "compare", "logistic", "base_rate", "--json").output)
    assert found["n"] > 100
    loss = next(row for row in found["scores"] if row["score"] == "log_loss")
    assert loss["difference"] == pytest.approx(loss["logistic"] - loss["base_rate"])
    assert loss["lower"] < loss["difference"] < loss["upper"]
    ids = scenario.warehouse.read(
        "SELECT model_id FROM model_registry WHERE family = 'logistic' ORDER BY cutoff_session"
    )
    apart = run(scenario, "models", "compare", ids["model_id"][0], ids["model_id"][1])
    assert apart.exit_code == 1
    assert "0 judged predictions" in apart.output


def test_every_registered_model_is_handed_to_mlflow_with_its_checked_artifact(
    scenario: Built, tmp_path: Path
) -> None:
    spy = tmp_path / "python"
    answer = json.dumps({"added": ["one"], "known": ["two"], "version": "0"})
    spy.write_text(f"#!/bin/sh\ncat > {tmp_path}/asked.json\necho '{answer}'\n")
    spy.chmod(0o755)
    said = run(scenario, "models", "mirror", "--python", str(spy))
    assert said.exit_code == 0, said.output
    assert "1 models added to the experiment 'nextgen " in said.output
    asked = json.loads((tmp_path / "asked.json").read_text())
    assert asked["tracking_uri"].startswith("file:///")
    rows = {row["model_id"]: row for row in scenario.content("model_registry").iter_rows(named=True)}
    assert {model["model_id"] for model in asked["models"]} == set(rows)
    for model in asked["models"]:
        row = rows[model["model_id"]]
        assert model["params"]["cutoff_session"] == str(row["cutoff_session"])
        assert model["params"]["config.split.horizon_sessions"] == str(row["horizon_sessions"])
        assert (
            model["metrics"]["validation.log_loss.value"] == json.loads(row["metrics"])["log_loss"]["value"]
        )
        assert model["tags"]["nextgen.artifact_sha256"] == row["artifact_sha256"]
        assert sorted(file.name for file in Path(model["artifact"]).iterdir()) == [
            "arrays.safetensors",
            "manifest.json",
        ]
    elsewhere = run(scenario, "models", "mirror", "--tracking-uri", "ftp://there")
    assert elsewhere.exit_code == 1
    assert "expected one of file, sqlite, http, https" in elsewhere.output


@pytest.mark.slow
def test_a_refused_model_is_not_promoted_unless_despite_the_gate_and_a_rollback_ends_it(
    scenario: Built,
) -> None:
    before = scenario.content("predictions")
    refused = run(scenario, "models", "promote", "logistic", "--reason", "trial")
    assert refused.exit_code == 1
    assert "the gate refused it at 2005-06-30" in refused.output
    assert decided(scenario).is_empty()

    done = run(scenario, "models", "promote", "logistic", "--reason", "trial", "--despite-the-gate")
    assert done.exit_code == 0, done.output
    assert "served alone from 2005-08-01" in done.output
    again = run(scenario, "models", "promote", "logistic", "--reason", "trial", "--despite-the-gate")
    assert "is there already" in again.output
    assert "alone, appointed" in run(scenario, "models", "list").output
    scenario.run("prepare_inputs", date(2005, 8, 1), date(2005, 8, 3))
    scenario.run("decide_and_trade", date(2005, 8, 1), date(2005, 8, 2))
    assert members_on(scenario, date(2005, 8, 2)) == {"base_rate": 0.0, "logistic": 1.0, "lstm": 0.0}
    kept = scenario.content("predictions", LAST)
    assert kept.equals(before)

    back = run(scenario, "models", "rollback", "logistic", "--reason", "trial is over")
    assert back.exit_code == 0, back.output
    assert "a member again" in back.output
    assert decided(scenario)["live_from"].to_list() == [date(2005, 8, 1), date(2005, 8, 3)]
    assert "back from" in decided(scenario)["reason"][1]
    scenario.run("decide_and_trade", date(2005, 8, 3), date(2005, 8, 3))
    assert all(0 < weight < 1 for weight in members_on(scenario, date(2005, 8, 3)).values())


def test_decisions_that_cannot_be_are_refused_and_write_nothing(scenario: Built) -> None:
    there = decided(scenario).height
    cases = [
        (("promote", "oracle", "--reason", "x"), "no model answers to 'oracle'"),
        (("promote", "lstm", "--reason", " ", "--despite-the-gate"), "the reason is empty"),
        (("rollback", "oracle", "--reason", "x"), "0 deployments"),
    ]
    for arguments, message in cases:
        result = run(scenario, "models", *arguments)
        assert result.exit_code == 1
        assert message in result.output.replace("\n", " "), result.output
    assert decided(scenario).height == there


def test_threshold_is_overridden_for_the_next_session_listed_and_never_for_a_decided_one(
    scenario: Built,
) -> None:
    name = "humility.worst_brier_skill"
    late = run(scenario, "thresholds", "override", name, "0", "--reason", "x", "--from", "2005-07-01")
    assert late.exit_code == 1
    assert "have been decided and stay as they are" in late.output.replace("\n", " ")
    done = run(scenario, "thresholds", "override", name, "0", "--reason", "doubtful", "--author", "ann")
    assert f"{name} is 0 from 2005-08-" in done.output, done.output
    listed = run(scenario, "thresholds", "list").output
    assert f"{name}: 0  (ann: doubtful)" in listed
    with scenario.warehouse.transaction() as connection:
        connection.execute("DELETE FROM threshold_overrides")


@pytest.mark.slow
def test_override_of_humility_stands_aside_from_its_session_on_and_not_before(
    scenario: Built, tmp_path: Path
) -> None:
    start = date(2005, 7, 11)
    shutil.copytree(scenario.settings.paths.data_dir, tmp_path / "data")
    with built(tmp_path) as copy:
        before = copy.content("trade_plans")
        with copy.warehouse.transaction() as connection:
            connection.execute(
                "INSERT INTO threshold_overrides VALUES ('o', 'baseline', 'humility.min_return_to_width', 0.099, "
                "$start - 3, $start, 'trial', 'ann', now(), 'r')",
                {"start": start},
            )
        trading = ("trade_plans", "trades", "portfolio_holdings")
        copy.run("decide_and_trade", date(2005, 7, 1), LAST, assets=trading)
        after = copy.content("trade_plans")
    is_before = pl.col("session_date") < start
    assert after.filter(is_before).equals(before.filter(is_before))
    reasons = [
        principle["reason"]
        for text in after.filter(~is_before)["principles"]
        for principle in json.loads(text)
        if principle["verdict"] == "veto"
    ]
    assert any("of the width of bounds that straddle zero" in reason for reason in reasons)
    assert not after.filter(~is_before).equals(before.filter(~is_before))


def test_a_model_whose_artifact_was_exchanged_is_not_promoted(scenario: Built) -> None:
    model = scenario.warehouse.read("find_models", wanted="lstm").row(0, named=True)
    arrays = scenario.settings.models_dir / model["artifact_path"] / "arrays.safetensors"
    content = arrays.read_bytes()
    arrays.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        result = run(scenario, "models", "promote", "lstm", "--reason", "x", "--despite-the-gate")
        assert result.exit_code == 1
        assert "ArtifactHashError" in result.output
        assert "NOT USABLE" in run(scenario, "models", "show", "lstm").output
    finally:
        arrays.write_bytes(content)


@contextmanager
def answered(scenario: Built, session: date, *tickers: str | None) -> Iterator[None]:
    """Signals of a session, answered by the job; everything is taken back in the end."""
    moment = datetime(2005, 7, 29, 22, tzinfo=UTC)
    rows = [
        signals([session], signal_id=f"{ticker}@{session}", ticker=ticker).cast({"ticker": pl.String})
        for ticker in tickers
    ]
    append_rows(scenario.warehouse, "retrain_signals", pl.concat(rows), "test", moment)
    try:
        scenario.run("answer_signals", session, session)
        yield
    finally:
        with scenario.warehouse.transaction() as connection:
            connection.execute("DELETE FROM retrain_answers")
            connection.execute("DELETE FROM retrain_signals WHERE signal_id LIKE '%@%'")
            for table in ("model_registry", "model_deployments"):
                connection.execute(f"DELETE FROM {table} WHERE target_ticker IS NOT NULL")


def test_a_signal_of_one_ticker_gives_it_a_model_that_waits_and_a_person_may_put_it_in_charge(
    scenario: Built,
) -> None:
    asked = date(2005, 6, 15)
    with answered(scenario, asked, "IBM", None):
        answers = scenario.content("retrain_answers")
        assert dict(answers.select("ticker", "outcome").iter_rows()) == {
            "IBM": "trained",
            None: "left_to_the_month",
        }
        (model,) = (
            scenario.content("model_registry")
            .filter(pl.col("target_ticker").is_not_null())
            .iter_rows(named=True)
        )
        assert (model["target_ticker"], model["scope"], model["cutoff_session"]) == ("IBM", ["IBM"], asked)
        start = json.loads(model["metrics"])["started_from"]
        assert scenario.warehouse.scalar(
            "SELECT cutoff_session FROM model_registry WHERE model_id = $id", id=start
        ) == date(2005, 5, 31)
        deployed = scenario.warehouse.read("SELECT * FROM model_deployments WHERE target_ticker = 'IBM'")
        assert deployed.select("role", "decision", "live_from", "in_force_from").rows() == [
            ("challenger", "training", date(2005, 6, 16), date(2005, 8, 1))
        ]
        scenario.run("answer_signals", asked, asked)
        assert scenario.content("retrain_answers").equals(answers)
        assert "lstm IBM" not in run(scenario, "models", "list").output

        refused = run(scenario, "models", "promote", "IBM", "--reason", "trial")
        assert "the gate has not judged it yet" in refused.output.replace("\n", " ")
        done = run(scenario, "models", "promote", "IBM", "--reason", "trial", "--despite-the-gate")
        assert f"lstm {model['model_id']} is served alone for IBM from 2005-08-01" in done.output
        listed = run(scenario, "models", "list").output
        assert "lstm IBM" in listed
        assert "alone, appointed" in listed
        assert f"{model['model_id']} for IBM" in run(scenario, "models", "show", "IBM").output
        back = run(scenario, "models", "rollback", "IBM", "--reason", "trial is over")
        assert "IBM is served by the models for all from 2005-08-01" in back.output
        assert "alone, appointed" not in run(scenario, "models", "list").output
        assert "nothing to take back" in run(
            scenario, "models", "rollback", "IBM", "--reason", "x"
        ).output.replace("\n", " ")


def test_the_socket_says_of_the_ticker_what_the_ledger_would_and_of_the_others_what_it_says(
    scenario: Built,
) -> None:
    session = date(2005, 7, 15)
    store, moment = ModelStore(scenario.settings.models_dir), datetime(2005, 7, 15, 22, tzinfo=UTC)
    with answered(scenario, date(2005, 6, 15), "IBM"):
        decision = (
            "INSERT INTO model_deployments BY NAME SELECT * REPLACE ('promote' AS decision, 'champion' AS role, "
            "DATE '2005-07-01' AS live_from, NULL AS in_force_from) FROM model_deployments WHERE target_ticker = 'IBM'"
        )
        with scenario.warehouse.transaction() as connection:
            connection.execute(decision)
        issued = issue(
            scenario.warehouse, scenario.settings, store, [session], moment, Stopwatch()
        ).predictions
        predictor = BatchPredictor(scenario.warehouse, scenario.settings, store)
        stored = dict(
            scenario.content("predictions")
            .filter(session_date=session)
            .select("ticker", "ensemble")
            .iter_rows()
        )
        for row in issued.iter_rows(named=True):
            (answer,) = predictor.predict_batch([row["window_id"]])
            members = json.loads(row["ensemble"])
            said = [{k: v for k, v in member.items() if k != "weight"} for member in members]
            assert answer["members"] == said
            if row["ticker"] == "IBM":
                assert members[-1]["target_ticker"] == "IBM"
                assert (row["model_id"], row["raw_probability_up"]) == (
                    members[-1]["model_id"],
                    members[-1]["probability_up"],
                )
                assert [member["weight"] for member in members] == [0.0, 0.0, 0.0, 1.0]
            else:
                assert row["ensemble"] == stored[row["ticker"]]

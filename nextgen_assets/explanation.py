"""Why a prediction says what it says: the chain from raw rows to the trade, as Markdown."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl

from nextgen_assets.markdown import markdown_table
from nextgen_resources.errors import NextGenError
from nextgen_resources.warehouse.warehouse import Warehouse

_ARTICLES = 8


class UnknownPredictionError(NextGenError):
    """No prediction, or more than one, answers to the given id: give more of it."""


def explain(warehouse: Warehouse, wanted: str, method: str) -> str:
    """The chain of one prediction as Markdown.

    Parameters
    ----------
    wanted : str
        A prediction id, a unique beginning of one, or ``TICKER@YYYY-MM-DD``.
    method : str
        The scorer whose sentiment the features read; what others said of an article is shown beside.

    Returns
    -------
    str
        Prediction → model and its training span → window → raw bars and articles with their
        versions → outcome → plan, principles and trade.

    Raises
    ------
    UnknownPredictionError
        If nothing or several answer to ``wanted``.
    """
    found = warehouse.read("explain_prediction", wanted=wanted)
    if found.is_empty():
        raise UnknownPredictionError(
            f"no prediction answers to {wanted!r}; give the beginning of a prediction_id "
            "(select prediction_id from predictions) or TICKER@YYYY-MM-DD"
        )
    if found.height > 1 and found["ticker"].n_unique() * found["session_date"].n_unique() > 1:
        raise UnknownPredictionError(
            f"{wanted!r} is the beginning of several ids: {found['prediction_id'].to_list()} …"
        )
    prediction = found.row(0, named=True)
    with warehouse.snapshot():
        parts = [
            _prediction(warehouse, prediction),
            *_model(warehouse, prediction),
            *_window(warehouse, prediction, method),
        ]
        parts += [_outcome(warehouse, prediction), _plan(warehouse, prediction)]
    return "\n\n".join(part for part in parts if part)


def _prediction(warehouse: Warehouse, row: dict[str, Any]) -> str:
    title = f"# {row['ticker']}, session {row['session_date']}, {row['horizon_sessions']} sessions ahead"
    lines = [f"Prediction `{row['prediction_id']}` of scenario {row['scenario_id']}, run {row['run_id']}."]
    if row["abstained"]:
        lines.append(f"**Abstained**: {row['abstain_reason']}.")
    else:
        lines.append(
            f"**{row['direction']}** with probability up {row['probability_up']:.1%} "
            f"(before calibration {row['raw_probability_up']:.1%}); expected log return "
            f"{row['expected_log_return']:+.4f}, {row['interval_coverage']:.0%} bounds "
            f"[{row['lower_log_return']:+.4f}, {row['upper_log_return']:+.4f}] by {row['target_session_date']}."
        )
    lines.append(
        f"Cut-off {_instant(row['as_of'])}; newest input known {_instant(row['inputs_known_until'])}; "
        f"issued {_instant(row['issued_at'])} ({row['origin']})."
    )
    members = _members(json.loads(row["ensemble"]))
    return "\n\n".join([title, *lines, members, _calibration(warehouse, json.loads(row["adjustments"]))])


def _members(members: list[dict[str, Any]]) -> str:
    return markdown_table(pl.DataFrame(members)) if members else "No member was live."


def _calibration(warehouse: Warehouse, adjustment: dict[str, Any]) -> str:
    if not adjustment["n"]:
        return "No earlier prediction had matured to calibrate with."
    lower, upper = adjustment["lower_quantile"], adjustment["upper_quantile"]
    bounds = (
        "too few for bounds" if lower is None else f"bounds at {lower:+.2f} and {upper:+.2f} volatilities"
    )
    ids = list(adjustment.get("ids", {}).values())
    dated = warehouse.read("explain_adjustments", ids=ids) if ids else pl.DataFrame()
    said = (
        f"Calibrated on {adjustment['n']:,} matured predictions of {adjustment['n_sessions']} sessions, "
        f"{adjustment['first_session']} to {adjustment['last_session']}: temperature "
        f"{adjustment['temperature']:.3f}, bias {adjustment['bias']:+.3f}; {bounds}."
    )
    return f"{said}\n\nAdjustments in effect:\n\n{markdown_table(dated)}" if dated.height else said


def _model(warehouse: Warehouse, prediction: dict[str, Any]) -> list[str]:
    if prediction["model_id"] is None:
        return []
    row = warehouse.read(
        "explain_model", model_id=prediction["model_id"], session_date=prediction["session_date"]
    ).row(0, named=True)
    return [
        f"## Model `{row['model_id']}`\n\n{row['family']}, {_place(warehouse, prediction, row)}; trained on "
        f"{row['window_count']} windows of {', '.join(row['scope'])} from {row['first_training_session']} to "
        f"{row['last_training_session']} (cut-off {row['cutoff_session']}, labels end {row['labels_end_session']}, "
        f"scaler fitted until {row['scaler_fitted_until_session']}), seed {row['seed']}; artifact "
        f"`{row['artifact_sha256'][:16]}…`.",
        "On its validation sessions, beside the base rate of its training past:\n\n"
        + markdown_table(_validation(json.loads(row["metrics"]), json.loads(row["baseline_metrics"]))),
    ]


def _place(warehouse: Warehouse, prediction: dict[str, Any], model: dict[str, Any]) -> str:
    """How the model came to be served."""
    if model["target_ticker"] is None:
        return f"{model['role']} since {model['live_from']}"
    served = warehouse.read(
        "SELECT how, reason FROM ticker_models_at($session) WHERE model_id = $model_id",
        session=prediction["session_date"],
        model_id=model["model_id"],
    )
    how, reason = served.row(0) if served.height else ("decided differently by now", "")
    return (
        f"made for {model['target_ticker']} and served alone for it, {how}{f' ({reason})' if reason else ''}"
    )


def _validation(metrics: dict[str, Any], baseline: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "score": name.replace("_", " "),
                "model": f"{metrics[name]['value']:.4f}",
                "95 % interval": f"{metrics[name]['lower']:.4f} to {metrics[name]['upper']:.4f}",
                "base rate": f"{baseline[name]['value']:.4f}",
                "predictions": metrics[name]["n"],
                "sessions": metrics[name]["n_sessions"],
            }
            for name in baseline
        ]
    )


def _window(warehouse: Warehouse, prediction: dict[str, Any], method: str) -> list[str]:
    window_id = prediction["window_id"]
    if window_id is None:
        return []
    row = warehouse.read("explain_window", window_id=window_id).row(0, named=True)
    vector = pl.DataFrame({"feature": row["names"], "value": row["values"]})
    bars = warehouse.read("explain_bars", window_id=window_id, as_of=row["as_of"])
    articles = warehouse.read("explain_articles", window_id=window_id, method=method)
    return [
        f"## Window `{window_id}`\n\n{row['lookback_sessions']} sessions × {row['feature_count']} features, "
        f"{row['first_session_date']} to {row['session_date']}, from raw rows since {row['first_raw_session_date']}; "
        f"provenance `{row['provenance_hash']}`.\n\n{markdown_table(vector)}",
        "### Raw rows\n\n" + markdown_table(warehouse.read("explain_provenance", window_id=window_id)),
        "Newest bars:\n\n" + markdown_table(bars),
        "Newest articles:\n\n" + markdown_table(articles.tail(_ARTICLES))
        if articles.height
        else "No article in the window.",
    ]


def _outcome(warehouse: Warehouse, prediction: dict[str, Any]) -> str:
    rows = warehouse.read("explain_outcome", prediction_id=prediction["prediction_id"])
    revised = warehouse.read("explain_revisions", prediction_id=prediction["prediction_id"])
    later = "".join(map(_revision, revised.iter_rows(named=True)))
    if rows.is_empty():
        return (
            f"## Outcome\n\nNot judged when it fell due: it abstained, its target session has not closed, or a price was "
            f"missing.{later}"
        )
    row = rows.row(0, named=True)
    verdict = "right" if row["is_correct"] else "wrong"
    inside = "inside" if row["is_inside_interval"] else "outside"
    return (
        f"## Outcome\n\nRealised log return {row['realised_log_return']:+.4f} ({row['realised_direction']}): **{verdict}**, "
        f"{inside} the bounds, surprise {row['surprise_z']:+.2f} standard deviations, Brier {row['brier_score']:.4f}; "
        f"price known {_instant(row['price_known_at'])}.{later}"
    )


def _revision(row: dict[str, Any]) -> str:
    verdict = "right" if row["is_correct"] else "wrong"
    inside = "inside" if row["is_inside_interval"] else "outside"
    return (
        f"\n\nRevised on {row['revised_on']} ({', '.join(json.loads(row['corrected']))}, known "
        f"{_instant(row['correction_known_at'])}): return {row['realised_log_return']:+.4f}, **{verdict}**, {inside} the "
        f"bounds, Brier {row['brier_score']:.4f}. Sessions from then on read this; the first judgement stays."
    )


def _plan(warehouse: Warehouse, prediction: dict[str, Any]) -> str:
    rows = warehouse.read("explain_plan", prediction_id=prediction["prediction_id"])
    if rows.is_empty():
        return "## Plan\n\nNo plan rests on this prediction."
    row = rows.row(0, named=True)
    amount = f" {_shares(row['planned_quantity'])} shares" if row["planned_quantity"] else ""
    principles = markdown_table(pl.DataFrame(json.loads(row["principles"])))
    plan = (
        f"## Plan `{row['plan_id']}`\n\n**{row['action']}**{amount} at about "
        f"{row['reference_price']:.2f}, target weight {row['target_weight']:.1%}.\n\n{principles}"
    )
    if row["trade_id"] is None:
        return plan
    done = f"{row['status']}: {row['side']} {_shares(row['quantity'])}"
    return (
        f"{plan}\n\n## Trade `{row['trade_id']}`\n\n{done} at {row['price']:.4f} on "
        f"{row['filled_on']}, commission {row['commission_usd']:.2f}, slippage {row['slippage_usd']:.2f}, realised "
        f"{row['realized_pnl_usd']:+.2f} USD{'. ' + row['reject_reason'] if row['reject_reason'] else '.'}"
    )


def _shares(quantity: Decimal) -> str:
    return f"{quantity:,f}".rstrip("0").rstrip(".")


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")

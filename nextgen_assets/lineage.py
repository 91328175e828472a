"""Which columns the columns of the main tables are made of, as the UI draws them.

Written by hand beside the assets, because values are computed in the domain and no query could be read for them; a test
holds every name against the schema and every source against the graph.
"""

import dagster as dg

_BARS = "market_prices.open market_prices.high market_prices.low market_prices.close market_prices.volume"
_ACTIONS = "corporate_actions.split_ratio corporate_actions.cash_amount_usd"
_FORECAST = "feature_windows.values model_registry.artifact_sha256"
_BOUNDS = f"{_FORECAST} prediction_accuracy.realised_log_return"
_QUOTES = "market_ticks.bid market_ticks.ask market_ticks.last"
_STATE = ("bar_start", "bar_end", "open", "high", "low", "close", "volume", "tick_count")
_CLOSES = f"market_prices.close {_ACTIONS}"
_VALUES = "portfolio_holdings.market_value_usd trades.gross_usd trades.commission_usd trades.slippage_usd"
_WATCHED = (
    "ticker_universe.ticker market_prices.known_at news_articles.session_date feature_windows.is_complete "
    "model_registry.model_id predictions.abstained prediction_accuracy.prediction_id trades.gross_usd"
)

SOURCES: dict[str, dict[str, str]] = {
    "ticker_universe": {
        "ticker": "security_listings.ticker",
        "security_id": "security_listings.security_id",
        "valid_from": "security_listings.valid_from",
        "valid_to": "security_listings.valid_to",
        "median_dollar_volume_usd": "market_prices.close market_prices.volume",
        "last_close": "market_prices.close",
    },
    "market_prices": {"ticker": "security_listings.ticker"},
    "corporate_actions": {"ticker": "security_listings.ticker"},
    "quality_findings": {
        "ticker": "market_prices.ticker",
        "fault": f"{_BARS} {_ACTIONS}",
        "evidence": f"{_BARS} {_ACTIONS}",
        "source": "market_prices.source",
    },
    "bars_mtf": {
        **{name: f"intraday_prices.{name} {_QUOTES}" for name in ("open", "high", "low", "close")},
        "volume": "intraday_prices.volume market_ticks.size",
        "tick_count": "market_ticks.sequence",
        "first_ts": "market_ticks.ts intraday_prices.bar_start",
        "last_ts": "market_ticks.ts intraday_prices.bar_end",
    },
    "mtf_state": {
        **{name: f"bars_mtf.{name}" for name in _STATE},
        **{
            f"forming_{name}": f"intraday_prices.{name} {_QUOTES}"
            for name in ("open", "high", "low", "close")
        },
        "forming_volume": "intraday_prices.volume market_ticks.size",
        "forming_tick_count": "market_ticks.sequence",
    },
    "news_sentiment": {
        "ticker": "news_articles.tickers",
        "article_count": "news_articles.article_id",
        "story_count": "news_articles.content_hash",
        "mean_sentiment": "news_articles.headline news_articles.body",
        "decayed_sentiment": "news_articles.headline news_articles.body news_articles.published_at",
        "dispersion": "news_articles.headline news_articles.body",
        "buzz": "news_articles.article_id news_articles.session_date",
        "novelty": "news_articles.content_hash",
    },
    "feature_windows": {
        "values": f"{_BARS} {_ACTIONS} news_sentiment.decayed_sentiment news_sentiment.buzz",
        "missing_sessions": "market_prices.session_date",
        "is_complete": "market_prices.session_date",
        "inputs_known_until": "market_prices.known_at corporate_actions.known_at news_articles.first_seen_at",
        "provenance_hash": "market_prices.known_at corporate_actions.known_at news_articles.article_id",
    },
    "model_registry": {
        "artifact_sha256": f"feature_windows.values {_CLOSES}",
        "metrics": f"feature_windows.values {_CLOSES}",
        "baseline_metrics": _CLOSES,
    },
    "strategic_priorities": {
        "score": "news_sentiment.buzz news_sentiment.mean_sentiment market_prices.close market_prices.volume",
        "tier": "news_sentiment.buzz news_sentiment.mean_sentiment market_prices.close market_prices.volume",
    },
    "predictions": {
        "model_id": "model_registry.model_id",
        "window_id": "feature_windows.window_id",
        "raw_probability_up": _FORECAST,
        "probability_up": _BOUNDS,
        "direction": _BOUNDS,
        "expected_log_return": _BOUNDS,
        "lower_log_return": _BOUNDS,
        "upper_log_return": _BOUNDS,
        "volatility": _CLOSES,
        "ensemble": _FORECAST,
        "inputs_known_until": "feature_windows.inputs_known_until",
    },
    "prediction_accuracy": {
        "prediction_id": "predictions.prediction_id",
        "realised_log_return": _CLOSES,
        "is_correct": f"predictions.direction {_CLOSES}",
        "brier_score": f"predictions.probability_up {_CLOSES}",
        "log_loss": f"predictions.probability_up {_CLOSES}",
        "is_inside_interval": f"predictions.lower_log_return predictions.upper_log_return {_CLOSES}",
        "surprise_z": f"predictions.expected_log_return predictions.volatility {_CLOSES}",
        "price_known_at": "market_prices.known_at",
    },
    "feedback_metrics": {
        "value": "prediction_accuracy.brier_score prediction_accuracy.is_correct prediction_accuracy.is_inside_interval",
    },
    "learning_insights": {"effect": "prediction_accuracy.brier_score prediction_accuracy.surprise_z"},
    "retrain_signals": {
        "confidence": "feedback_metrics.value feedback_metrics.lower feedback_metrics.baseline_value",
    },
    "retrain_answers": {
        "signal_id": "retrain_signals.signal_id",
        "ticker": "retrain_signals.ticker",
        "outcome": "retrain_signals.confidence retrain_signals.window_end",
        "model_id": "model_registry.model_id feature_windows.values",
    },
    "trade_plans": {
        "prediction_id": "predictions.prediction_id",
        "target_weight": "predictions.probability_up predictions.expected_log_return predictions.lower_log_return",
        "quantity": "predictions.probability_up market_prices.close",
        "reference_price": "market_prices.close",
        "principles": "predictions.probability_up strategic_priorities.tier market_prices.volume",
    },
    "trades": {
        "plan_id": "trade_plans.plan_id",
        "quantity": "trade_plans.quantity market_prices.volume corporate_actions.split_ratio",
        "price": "market_prices.open",
        "gross_usd": "trade_plans.quantity market_prices.open",
        "realized_pnl_usd": "market_prices.open trade_plans.quantity corporate_actions.split_ratio",
    },
    "portfolio_holdings": {
        "quantity": "trades.quantity corporate_actions.split_ratio",
        "average_cost_usd": "trades.gross_usd trades.quantity",
        "close": "market_prices.close",
        "market_value_usd": "trades.quantity market_prices.close",
        "unrealized_pnl_usd": "trades.gross_usd trades.quantity market_prices.close",
    },
    "trade_reflections": {
        "realized_pnl_usd": "trades.realized_pnl_usd",
        "thesis": "trade_plans.prediction_id predictions.expected_log_return",
        "attribution": "trades.price market_prices.close",
    },
    "tear_sheet": {
        **dict.fromkeys(
            ("total_return", "cagr", "volatility", "sharpe", "max_drawdown", "rolling_sharpe"), _VALUES
        ),
        **dict.fromkeys(("benchmark_total_return", "benchmark_sharpe", "benchmark_max_drawdown"), _CLOSES),
        "deflated_sharpe": f"{_VALUES} model_registry.trials_to_date",
        "trials": "model_registry.trials_to_date",
        "mean_gross_exposure": "portfolio_holdings.market_value_usd",
        "turnover_a_year": "trades.gross_usd portfolio_holdings.market_value_usd",
        "commission_usd": "trades.commission_usd",
        "slippage_usd": "trades.slippage_usd",
        "cost_a_year": _VALUES,
    },
    "system_health": {
        "status": _WATCHED,
        "error_count": _WATCHED,
        "message": _WATCHED,
    },
}
"""Asset to column to the columns it is made of, each as ``asset.column``."""


def column_lineage(asset: str) -> dg.TableColumnLineage | None:
    """The lineage of an asset's columns for its metadata; None where none is stated."""
    columns = SOURCES.get(asset)
    if columns is None:
        return None
    return dg.TableColumnLineage(
        {column: [_dependency(name) for name in names.split()] for column, names in columns.items()}
    )


def _dependency(name: str) -> dg.TableColumnDep:
    asset, _, column = name.partition(".")
    return dg.TableColumnDep(asset_key=asset, column_name=column)

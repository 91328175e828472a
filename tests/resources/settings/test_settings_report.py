"""The report: every key once, in the order of the schema, with readable values and origins."""

import json
from collections.abc import Callable

from nextgen_resources.settings.catalogue import catalogue
from nextgen_resources.settings.report import settings_json, settings_table
from nextgen_resources.settings.schema import Settings

Load = Callable[..., Settings]


def test_table_has_every_key_once_in_the_order_of_the_schema(load: Load) -> None:
    assert [key for key, _, _ in settings_table(load())] == list(catalogue())


def test_table_shows_values_as_one_would_write_them(load: Load) -> None:
    rows = {
        key: (value, origin) for key, value, origin in settings_table(load(dotenv="NEXTGEN__MODELS__SEED=3"))
    }
    assert rows["models.seed"] == ("3", ".env:1")
    assert rows["models.families"] == ('["base_rate", "logistic", "lstm"]', "defaults.yaml")
    assert rows["ingestion.tickers"] == ("null", "defaults.yaml")
    assert rows["ingestion.first_session"] == ("2000-03-01", "defaults.yaml")
    assert rows["ingestion.provider_options"] == ("{}", "defaults.yaml")
    assert rows["trading.commission_per_share_usd"] == ("0.005", "defaults.yaml")
    assert rows["trading.initial_cash_usd"] == ("100000", "defaults.yaml")
    assert rows["credentials.openai_api_key"] == ("not set", "defaults.yaml")


def test_table_has_one_row_per_entry_of_a_mapping(load: Load) -> None:
    overrides = {"news.scorer_options": {"model": "m-1", "retries": 2, "strict": True, "tags": ["a", "b"]}}
    rows = [
        row for row in settings_table(load(overrides=overrides)) if row[0].startswith("news.scorer_options")
    ]
    assert rows == [
        ("news.scorer_options.model", "m-1", "overrides"),
        ("news.scorer_options.retries", "2", "overrides"),
        ("news.scorer_options.strict", "true", "overrides"),
        ("news.scorer_options.tags", '["a", "b"]', "overrides"),
    ]


def test_json_is_the_table_with_types_and_descriptions(load: Load) -> None:
    settings = load("ci")
    document = json.loads(settings_json(settings))
    assert (document["profile"], document["scenario_id"]) == ("ci", "ci")
    assert document["fingerprint"] == settings.fingerprint()
    assert document["project_root"] == str(settings.project_root)
    assert list(document["settings"]) == list(catalogue())
    assert document["settings"]["models.seed"] == {
        "value": 7,
        "origin": "defaults.yaml",
        "description": "seed of everything random in training",
    }
    assert document["settings"]["models.workers"]["origin"] == "profiles/ci.yaml"

"""The settings object: frozen, picklable, hashable, with a fingerprint that means something."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from nextgen_resources.errors import SettingsError
from nextgen_resources.settings.catalogue import catalogue, closest_key, section_names
from nextgen_resources.settings.frozen_mapping import FrozenMapping
from nextgen_resources.settings.schema import Settings

Load = Callable[..., Settings]


def test_settings_sections_and_origins_cannot_be_changed(load: Load) -> None:
    settings = load(overrides={"prediction.member_weights": {"lstm": 2}})
    with pytest.raises(ValidationError, match="frozen"):
        settings.scenario_id = "other"
    with pytest.raises(ValidationError, match="frozen"):
        settings.models.lstm.epochs = 1
    with pytest.raises(TypeError):
        settings.prediction.member_weights["lstm"] = 3  # type: ignore[index]
    with pytest.raises(TypeError):
        settings.origins["models.seed"] = "nowhere"  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        settings.provenance.profile = "ci"  # type: ignore[misc]


def test_lists_are_tuples(load: Load) -> None:
    assert load().models.families == ("base_rate", "logistic", "lstm")


def test_settings_survive_pickling_with_origins(load: Load) -> None:
    settings = load("ci", overrides={"news.provider_options": {"folder": "x", "years": [2001, 2002]}})
    copy = pickle.loads(pickle.dumps(settings))
    assert copy == settings
    assert copy.origins == settings.origins
    assert (copy.profile, copy.fingerprint()) == ("ci", settings.fingerprint())


def test_equal_settings_have_equal_hashes(load: Load) -> None:
    first, second = load(), load()
    assert first == second
    assert hash(first) == hash(second)
    assert load(overrides={"models.seed": 8}) != first


def test_money_is_exact(load: Load) -> None:
    trading = load().trading
    assert trading.commission_per_share_usd == Decimal("0.005")
    assert trading.initial_cash_usd == Decimal(100_000)


def test_settings_built_by_hand_have_no_provenance(load: Load) -> None:
    values = load().model_dump()
    bare = Settings.model_validate(values)
    assert bare.models == load().models
    with pytest.raises(SettingsError, match="built without load_settings"):
        _ = bare.origins


def test_a_relative_data_dir_is_refused_by_the_schema_itself(load: Load) -> None:
    values = load().model_dump()
    with pytest.raises(ValidationError, match="an absolute path is expected here, found data"):
        Settings.model_validate(values | {"paths": {"data_dir": Path("data")}})


def test_fingerprint_is_the_same_in_another_process(load: Load, project: Path) -> None:
    code = (
        "from nextgen_resources.settings.loader import load_settings;"
        f"print(load_settings(environ={{'NEXTGEN_ROOT': {str(project)!r}}}).fingerprint())"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == load().fingerprint()
    assert len(load().fingerprint()) == 64


@pytest.mark.parametrize(
    "overrides",
    [
        {"paths.data_dir": "/elsewhere"},
        {"credentials.openai_api_key": "sk-canary"},
        {"warehouse.threads": 9},
        {"scheduler.retries": 0},
        {"models.workers": 1},
        {"prediction.concurrency": 16},
        {"trading.initial_cash_usd": "100000.00"},
        {"trading.slippage_bps": 5.0},
    ],
)
def test_fingerprint_ignores_what_changes_no_row(load: Load, overrides: dict[str, object]) -> None:
    assert load(overrides=overrides).fingerprint() == load().fingerprint()


@pytest.mark.parametrize(
    "overrides",
    [
        {"scenario_id": "other"},
        {"models.seed": 8},
        {"models.lstm.learning_rate": 0.002},
        {"features.names": ["rsi_14"]},
        {"features.names": ["returns", "rsi_14"]},
        {"ingestion.provider_options": {"path": "x"}},
        {"prediction.member_weights": {"lstm": 2}},
        {"trading.slippage_bps": 5.5},
        {"feedback.insight_q": 0.1},
    ],
)
def test_fingerprint_follows_what_changes_rows(load: Load, overrides: dict[str, object]) -> None:
    assert load(overrides=overrides).fingerprint() != load().fingerprint()


def test_fingerprint_ignores_the_order_of_options(load: Load) -> None:
    one = load(overrides={"news.scorer_options": {"a": 1, "b": 2}})
    two = load(overrides={"news.scorer_options": {"b": 2, "a": 1}})
    assert one.fingerprint() == two.fingerprint()


def test_frozen_mapping_behaves_like_its_dictionary() -> None:
    mapping = FrozenMapping({"b": 2, "a": 1})
    assert mapping == {"a": 1, "b": 2}
    assert list(mapping) == ["a", "b"]
    assert hash(mapping) == hash(FrozenMapping({"a": 1, "b": 2}))
    assert pickle.loads(pickle.dumps(mapping)) == mapping
    assert dict(**mapping) == {"a": 1, "b": 2}
    assert repr(mapping) == "FrozenMapping({'a': 1, 'b': 2})"


def test_catalogue_knows_nested_sections_and_kinds() -> None:
    keys = catalogue()
    assert "models.lstm" in section_names()
    assert keys["ingestion.last_session"].is_text
    assert keys["ingestion.last_session"].is_nullable
    assert keys["news.provider_options"].is_mapping
    assert keys["models.lstm.device"].is_text
    assert not keys["models.seed"].is_text
    assert {name for name, key in keys.items() if key.is_secret} == {
        name for name in keys if name.startswith("credentials.")
    }


def test_a_misspelt_section_is_recognised() -> None:
    assert closest_key("tradng") == "trading"


def test_importing_the_package_reads_no_file_and_no_heavy_library() -> None:
    code = (
        "import sys, nextgen_resources.settings as s;"
        "assert 'nextgen_resources.settings.loader' not in sys.modules;"
        "import nextgen_resources.settings.loader, nextgen_resources.settings.report;"
        "heavy = {'torch', 'pandas', 'sklearn', 'dagster', 'polars', 'numpy', 'duckdb'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=True)

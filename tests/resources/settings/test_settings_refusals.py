"""What is refused, and that the message says key, value, allowed range, origin and next step."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextgen_resources.errors import SettingsError
from nextgen_resources.settings.layers import read_yaml_text
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings
from nextgen_resources.settings.yaml_values import parse_yaml

Load = Callable[..., Settings]


def _refusal(load: Load, *arguments: Any, **named: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(*arguments, **named)
    assert caught.value.__context__ is None  # a chained pydantic error would repeat the input
    return str(caught.value)


@pytest.mark.parametrize(
    ("variable", "suggestion"),
    [
        ("NEXTGEN__PREDICTION__CONCURENCY", "did you mean prediction.concurrency?"),
        ("NEXTGEN__PREDCTION__CONCURRENCY", "did you mean prediction.concurrency?"),
        ("NEXTGEN__TRADING__CONCURRENCY", "did you mean prediction.concurrency?"),
        ("NEXTGEN__CONCURRENCY", "did you mean prediction.concurrency?"),
        ("NEXTGEN__MODELS__LSTM__EPOCH", "did you mean models.lstm.epochs?"),
        ("NEXTGEN__XYZZY", "defaults.yaml lists every key"),
        ("NEXTGEN__", "defaults.yaml lists every key"),
        ("NEXTGEN__MODELS__SEED__DEEPER", "unknown key"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(load: Load, variable: str, suggestion: str) -> None:
    message = _refusal(load, env={variable: "4"})
    assert "unknown key" in message
    assert suggestion in message
    assert f"from environment {variable}" in message


def test_an_unknown_key_in_overrides_and_dotenv_is_refused(load: Load) -> None:
    message = _refusal(load, dotenv="\nNEXTGEN__NEWS__SCORRER=llm\n", overrides={"tradng": {"max_gross": 1}})
    assert "news.scorrer = 'llm' from .env:2: unknown key; did you mean news.scorer?" in message
    assert "tradng from overrides: unknown key; did you mean trading?" in message


def test_a_value_out_of_range_names_key_value_range_and_origin(load: Load) -> None:
    message = _refusal(load, "ci", {"NEXTGEN__PREDICTION__CONCURRENCY": "0"})
    assert message == (
        "1 problem in the settings (profile ci):\n"
        "  1. prediction.concurrency = 0 from environment NEXTGEN__PREDICTION__CONCURRENCY: expected a whole "
        "number from 1 to 64 (tickers predicted at once; changes no row)"
    )


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (
            "models.lstm.device",
            "gpu",
            "models.lstm.device = 'gpu' from overrides: expected one of 'auto', 'cpu'",
        ),
        ("ingestion.calendar", "XLON", "expected 'XNYS'"),
        ("ingestion.first_session", "1980-01-02", "expected a date YYYY-MM-DD from 1994-01-01 to 2035-12-31"),
        ("ingestion.first_session", "yesterday", "expected a date YYYY-MM-DD from 1994-01-01"),
        ("ingestion.tickers", ["aapl"], "matching ^[A-Z][A-Z0-9"),
        ("ingestion.tickers", "AAPL,MSFT", "expected a list such as [a, b] of at least one"),
        ("ingestion.tickers", [True], "expected a list such as [a, b] of at least one"),
        ("ingestion.tickers", [], "expected a list such as [a, b] of at least one"),
        ("ingestion.tickers", ["A", "A"], "each entry may occur once, found repeated: A"),
        ("models.seed", True, "models.seed = True from overrides: expected a whole number"),
        ("models.seed", "7", "expected a whole number"),
        ("models.seed", 7.5, "expected a whole number"),
        ("models.validation_fraction", 0, "expected a number above 0 and up to 0.5"),
        ("models.lstm.weight_decay", 2.0, "expected a number from 0 to 1"),
        ("models.lstm.learning_rate", float("nan"), "expected a number above 0"),
        ("trading.initial_cash_usd", -5, "expected a number from 1000 to 1000000000000 (cash"),
        ("trading.commission_per_share_usd", "0.0000001", "expected a number from 0 to 10"),
        ("trading.max_gross", float("inf"), "expected a number above 0 and up to 4"),
        ("scheduler.retries", 11, "expected a whole number from 0 to 10"),
        ("alerts.receivers", {"ops": "ftp://example.org"}, "is an http"),
        ("alerts.kinds", ["run_fialed"], "expected kinds among run_failed"),
        ("warehouse.memory_limit", "4 GB; DROP TABLE x", "expected text matching"),
        ("news.provider", "../evil", "expected text matching"),
        ("paths.data_dir", "  ", "paths.data_dir = '  ' from overrides: expected a path"),
        ("prediction.member_weights", 3, "expected a mapping of names to a number from 0 to 100"),
        ("prediction.member_weights", {"lstm": -1}, "prediction.member_weights.lstm = -1 from overrides"),
        ("models", 3, "models is a section, expected its keys"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(load: Load, key: str, value: object, expected: str) -> None:
    message = _refusal(load, overrides={key: value})
    assert expected in message
    assert message.startswith("1 problem ")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            {"trading.drawdown_brake": 0.4},
            "trading.drawdown_brake 0.4 must be below trading.drawdown_stop 0.3 (trading.drawdown_brake from "
            "overrides, trading.drawdown_stop from defaults.yaml)",
        ),
        ({"trading.max_weight": 0.9, "trading.max_gross": 0.5}, "trading.max_weight 0.9 must not exceed"),
        ({"trading.minimum_trade_weight": 0.3}, "must be below trading.max_weight 0.3"),
        ({"ingestion.first_session": "2013-03-04"}, "ingestion.last_session 2013-03-01 must not be before"),
        ({"models.champion": "oracle"}, "models.champion 'oracle' must be one of models.families"),
        ({"news.window_sessions": 100, "news.buzz_history_sessions": 50}, "must not be below"),
        ({"feedback.minimum_sessions": 251}, "must not exceed feedback.window_sessions 250"),
        ({"feedback.minimum_sessions": 10}, "must exceed twice models.horizon_sessions 5, so at least 11"),
        ({"prediction.member_weights": {"oracle": 1}}, "names oracle, not among models.families"),
        (
            {"prediction.member_weights": {"base_rate": 0, "logistic": 0, "lstm": 0}},
            "gives every family of models.families weight 0",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    load: Load, overrides: dict[str, object], expected: str
) -> None:
    assert expected in _refusal(load, overrides=overrides)


def test_all_problems_are_reported_at_once(load: Load) -> None:
    message = _refusal(
        load,
        env={
            "NEXTGEN__MODELS__SEED": "-1",
            "NEXTGEN__WAREHOUSE__THREDS": "2",
            "NEXTGEN__FEATURES__NAMES": "[a",
        },
        dotenv="what is this\nNEXTGEN__TRADING__MAX_GROSS=9\n",
    )
    assert message.startswith("5 problems in the settings")
    assert "models.seed = -1 from environment NEXTGEN__MODELS__SEED" in message
    assert "warehouse.threds = '2'" in message
    assert "features.names = '[a' from environment NEXTGEN__FEATURES__NAMES: not valid YAML" in message
    assert ".env:1: cannot be read, expected NAME=value" in message
    assert "trading.max_gross = 9 from .env:2: expected a number above 0 and up to 4" in message


def test_a_variable_for_a_whole_section_is_refused(load: Load) -> None:
    message = _refusal(load, env={"NEXTGEN__MODELS": "{seed: 3}"})
    assert "models is a section; set NEXTGEN__MODELS__<key> instead" in message


def test_a_variable_with_single_underscores_is_refused_with_the_right_name(load: Load) -> None:
    message = _refusal(load, env={"NEXTGEN_PREDICTION_CONCURRENCY": "4"})
    assert "NEXTGEN_PREDICTION_CONCURRENCY is not read; write NEXTGEN__PREDICTION__CONCURRENCY" in message


def test_the_root_cannot_be_moved_by_dotenv(load: Load) -> None:
    assert ".env:1: NEXTGEN_ROOT says where .env lies" in _refusal(load, dotenv="NEXTGEN_ROOT=/tmp\n")


def test_a_dotenv_that_is_not_text_is_refused(load: Load, project: Any) -> None:
    (project / ".env").write_bytes(b"\xff\xfe\x00")
    assert "it is not UTF-8 text" in _refusal(load)


@pytest.mark.parametrize("scenario", ["baseline", "a", "0-risk_2", "x" * 32])
def test_a_scenario_id_of_plain_characters_is_taken(load: Load, scenario: str) -> None:
    assert load(env={"NEXTGEN__SCENARIO_ID": scenario}).scenario_id == scenario


@pytest.mark.parametrize(
    "scenario", ["", "  ", "Base", "../x", "a/b", "-a", "_a", "x" * 33, "a b", "a\n", "é"]
)
def test_any_other_scenario_id_is_refused(load: Load, scenario: str) -> None:
    message = _refusal(load, overrides={"scenario_id": scenario})
    assert "expected text matching ^[a-z0-9][a-z0-9_-]{0,31}$" in message


@pytest.mark.parametrize("scenario", ["", "null"])
def test_an_empty_scenario_in_the_environment_does_not_fall_back(load: Load, scenario: str) -> None:
    if scenario == "null":
        assert load(env={"NEXTGEN__SCENARIO_ID": scenario}).scenario_id == "null"  # text is taken literally
    else:
        assert "scenario_id = ''" in _refusal(load, env={"NEXTGEN__SCENARIO_ID": scenario})


def test_a_null_scenario_is_refused(load: Load) -> None:
    assert "scenario_id = None" in _refusal(load, overrides={"scenario_id": None})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "not valid YAML at line 1"),
        ("- 1\n- 2\n", "expected a mapping of sections, found list"),
        ("models:\n  seed: 1\n  seed: 2\n", "the key seed occurs twice"),
        ("models: {lstm: 3}\n", "models.lstm is a section"),
        ("a: !!python/object/apply:os.system [ls]\n", "not valid YAML"),
    ],
)
def test_a_broken_yaml_file_is_refused_with_its_name(text: str, expected: str) -> None:
    problems = read_yaml_text(text, "profiles/mine.yaml").problems
    assert len(problems) == 1
    assert expected in problems[0]
    assert "profiles/mine.yaml" in problems[0]


def test_an_empty_file_or_section_says_nothing() -> None:
    for text in ("", "# only a comment\n", "models:\n", "models: {}\n"):
        layer = read_yaml_text(text, "x")
        assert (layer.entries, layer.problems) == ([], [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("12:30", "12:30"),
        ("0o17", 15),
        ("0x1F", 31),
        ("010", 10),
        ("1_000", "1_000"),
        ("-1.5e-3", -0.0015),
        ("2013-03-01", "2013-03-01"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_yaml_follows_the_core_schema(text: str, value: object) -> None:
    parsed = parse_yaml(text)
    assert (parsed, type(parsed)) == (value, type(value))


@given(
    st.integers() | st.floats(allow_nan=False) | st.booleans() | st.from_regex(r"[A-Z]{1,5}", fullmatch=True)
)
def test_scalars_survive_a_list_of_yaml(value: object) -> None:
    text = (
        str(value).lower()
        if isinstance(value, bool)
        else repr(value)
        if not isinstance(value, str)
        else value
    )
    text = text.replace("inf", ".inf")
    if text not in {"TRUE", "FALSE", "NULL"}:
        assert parse_yaml(f"[{text}]") == [value]


def test_a_directory_called_dotenv_is_skipped(load: Load, project: Any) -> None:
    (project / ".env").mkdir()
    assert load_settings(environ={"NEXTGEN_ROOT": str(project)}).models.seed == 7


@pytest.mark.parametrize(("horizon", "window"), [(3, 252), (5, 250), (7, 252), (10, 240), (29, 232)])
def test_window_of_feedback_is_made_of_whole_blocks(load: Load, horizon: int, window: int) -> None:
    settings = load(overrides={"models.horizon_sessions": horizon})
    assert settings.feedback_window_sessions == window
    assert settings.feedback_block_sessions == 2 * horizon

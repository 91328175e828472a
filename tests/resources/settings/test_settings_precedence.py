"""Which place wins, and that the origin of every value is told."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import yaml

from nextgen_resources.errors import SettingsError
from nextgen_resources.settings.catalogue import catalogue
from nextgen_resources.settings.layers import profile_names, read_packaged_yaml
from nextgen_resources.settings.loader import find_project_root, load_settings
from nextgen_resources.settings.schema import Settings

Load = Callable[..., Settings]
KEY = "warehouse.memory_limit"


def test_without_anything_the_default_of_the_file_holds(load: Load) -> None:
    settings = load()
    assert (settings.prediction.concurrency, settings.origins["prediction.concurrency"]) == (
        2,
        "defaults.yaml",
    )


def test_a_profile_wins_over_defaults(load: Load) -> None:
    settings = load("ci")
    assert (settings.warehouse.memory_limit, settings.origins[KEY]) == ("1GB", "profiles/ci.yaml")


def test_the_environment_wins_over_the_profile(load: Load) -> None:
    settings = load("ci", {"NEXTGEN__WAREHOUSE__MEMORY_LIMIT": "2GB"})
    assert settings.warehouse.memory_limit == "2GB"
    assert settings.origins[KEY] == "environment NEXTGEN__WAREHOUSE__MEMORY_LIMIT"


def test_dotenv_is_read_last_and_wins_over_the_environment(load: Load) -> None:
    dotenv = "\n# local\n\nNEXTGEN__WAREHOUSE__MEMORY_LIMIT=3GB\n"
    settings = load("ci", {"NEXTGEN__WAREHOUSE__MEMORY_LIMIT": "2GB"}, dotenv)
    assert (settings.warehouse.memory_limit, settings.origins[KEY]) == ("3GB", ".env:4")


def test_overrides_of_the_caller_win_over_dotenv(load: Load) -> None:
    dotenv = "NEXTGEN__WAREHOUSE__MEMORY_LIMIT=3GB\n"
    nested = load("ci", None, dotenv, {"warehouse": {"memory_limit": "5GB"}})
    dotted = load("ci", None, dotenv, {KEY: "5GB"})
    assert nested.warehouse.memory_limit == dotted.warehouse.memory_limit == "5GB"
    assert nested.origins[KEY] == dotted.origins[KEY] == "overrides"


def test_a_higher_place_replaces_single_keys_only(load: Load) -> None:
    settings = load(env={"NEXTGEN__MODELS__LSTM__EPOCHS": "3"})
    assert (settings.models.lstm.epochs, settings.models.lstm.hidden_size) == (3, 24)


def test_of_a_repeated_dotenv_line_the_last_counts(load: Load) -> None:
    settings = load(dotenv="NEXTGEN__MODELS__SEED=1\nexport NEXTGEN__MODELS__SEED='2'\n")
    assert (settings.models.seed, settings.origins["models.seed"]) == (2, ".env:2")


def test_the_profile_is_development_unless_stated(load: Load) -> None:
    settings = load()
    assert settings.profile == "development"
    assert settings.ingestion.last_session == date(2013, 3, 1)
    assert settings.origins["ingestion.last_session"] == "profiles/development.yaml"


def test_the_profile_comes_from_argument_then_dotenv_then_environment(load: Load) -> None:
    env = {"NEXTGEN_PROFILE": "ci"}
    assert load(env=env).profile == "ci"
    assert load(env=env, dotenv="NEXTGEN_PROFILE=production\n").profile == "production"
    assert load("development", env, "NEXTGEN_PROFILE=production\n").profile == "development"


def test_an_unknown_profile_is_refused_with_the_choices(load: Load) -> None:
    with pytest.raises(
        SettingsError, match=r"'prodution'.*ci, development, production; did you mean production"
    ):
        load("prodution")


@pytest.mark.parametrize("profile", profile_names())
def test_every_profile_loads_and_every_key_has_an_origin(load: Load, profile: str) -> None:
    settings = load(profile)
    assert set(settings.origins) == set(catalogue())
    assert set(settings.origins.values()) == {"defaults.yaml", f"profiles/{profile}.yaml"}


def test_defaults_yaml_states_every_key_and_no_other() -> None:
    layer = read_packaged_yaml("defaults.yaml")
    stated = {entry.name for entry in layer.entries}
    assert layer.problems == []
    assert stated == {name for name, key in catalogue().items() if not key.is_mapping}


def test_every_key_has_a_description() -> None:
    assert [name for name, key in catalogue().items() if not key.description] == []


def test_mappings_are_merged_by_key_and_null_removes_one(load: Load) -> None:
    settings = load(
        env={
            "NEXTGEN__PREDICTION__MEMBER_WEIGHTS": "{lstm: 2, logistic: 1}",
            "NEXTGEN__PREDICTION__MEMBER_WEIGHTS__BASE_RATE": "0.5",
        },
        dotenv="NEXTGEN__PREDICTION__MEMBER_WEIGHTS__LOGISTIC=null\n",
    )
    assert dict(settings.prediction.member_weights) == {"base_rate": 0.5, "lstm": 2.0}
    assert settings.origins["prediction.member_weights.lstm"] == (
        "environment NEXTGEN__PREDICTION__MEMBER_WEIGHTS"
    )


def test_a_list_replaces_the_list_below(load: Load) -> None:
    settings = load(env={"NEXTGEN__MODELS__FAMILIES": "[base_rate, lstm]"})
    assert settings.models.families == ("base_rate", "lstm")


@pytest.mark.parametrize(
    ("variable", "text", "section", "field", "expected"),
    [
        ("NEXTGEN__INGESTION__TICKERS", "[ON, NO, Y]", "ingestion", "tickers", ("ON", "NO", "Y")),
        ("NEXTGEN__INGESTION__TICKERS", "null", "ingestion", "tickers", None),
        ("NEXTGEN__INGESTION__LAST_SESSION", "2012-12-31", "ingestion", "last_session", date(2012, 12, 31)),
        ("NEXTGEN__INGESTION__LAST_SESSION", "", "ingestion", "last_session", None),
        ("NEXTGEN__NEWS__PROVIDER", "no", "news", "provider", "no"),
        ("NEXTGEN__NEWS__PROVIDER", '"chronicle"', "news", "provider", "chronicle"),
        ("NEXTGEN__NEWS__HALF_LIFE_SESSIONS", "1e1", "news", "half_life_sessions", 10.0),
    ],
)
def test_variables_are_read_as_yaml_with_text_taken_literally(
    load: Load, variable: str, text: str, section: str, field: str, expected: object
) -> None:
    assert getattr(getattr(load(env={variable: text}), section), field) == expected


def test_options_keep_the_types_of_yaml(load: Load) -> None:
    prefix = "NEXTGEN__INGESTION__PROVIDER_OPTIONS__"
    settings = load(
        env={f"{prefix}A": "1", f"{prefix}B": "true", f"{prefix}C": "[x, 2.5]", f"{prefix}D": "t"}
    )
    options = dict(settings.ingestion.provider_options)
    assert options == {"a": 1, "b": True, "c": ("x", 2.5), "d": "t"}
    assert [type(options[key]) for key in "abd"] == [int, bool, str]


def test_variables_of_other_programs_are_ignored(load: Load) -> None:
    foreign = {"PATH": "/bin", "NEXTGEN_SOMETHING": "1", "MODELS__SEED": "3"}
    assert load(env=foreign) == load()
    assert load(dotenv="DAGSTER_HOME=/x\nOTHER=1\n") == load()


def test_an_explicit_dotenv_file_is_read_in_place_of_the_local_one(project: Path) -> None:
    (project / ".env").write_text("NEXTGEN__MODELS__SEED=1\n")
    other = project / "other.env"
    other.write_text("NEXTGEN__MODELS__SEED=2\n")
    environ = {"NEXTGEN_ROOT": str(project)}
    settings = load_settings(environ=environ, dotenv_path=other)
    assert (settings.models.seed, settings.origins["models.seed"]) == (2, "other.env:1")
    assert load_settings(environ=environ, dotenv_path=Path(os.devnull)).models.seed == 7
    with pytest.raises(SettingsError, match=r"missing\.env cannot be read: No such file"):
        load_settings(environ=environ, dotenv_path=project / "missing.env")


def test_the_process_environment_is_read_when_none_is_given(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXTGEN_ROOT", str(project))
    monkeypatch.setenv("NEXTGEN__MODELS__SEED", "99")
    assert load_settings().models.seed == 99


def test_paths_follow_root_and_scenario(load: Load, project: Path) -> None:
    settings = load(overrides={"scenario_id": "bold-2"})
    base = project / "dagster_home" / "data" / "bold-2"
    assert settings.project_root == project
    assert (settings.scenario_dir, settings.warehouse_path) == (base, base / "warehouse.duckdb")
    assert (settings.models_dir, settings.reports_dir) == (base / "models", base / "reports")


@pytest.mark.parametrize(
    ("given", "expected"), [("/srv/x", "/srv/x"), ("a/../b", "{root}/b"), ("~/d", "{home}/d")]
)
def test_data_dir_may_be_absolute_relative_or_at_home(
    load: Load, project: Path, given: str, expected: str
) -> None:
    wanted = expected.format(root=project, home=Path.home())
    assert str(load(overrides={"paths.data_dir": given}).paths.data_dir) == wanted


def test_the_root_is_found_upward_from_here_when_the_package_is_installed_elsewhere(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = project / "notebooks" / "mine"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    monkeypatch.setattr("nextgen_resources.settings.loader.__file__", str(deep / "loader.py"))
    assert find_project_root({}) == project


def test_without_a_project_the_error_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nextgen_resources.settings.loader.__file__", str(tmp_path / "loader.py"))
    monkeypatch.setattr("nextgen_resources.settings.loader.ROOT_MARKER", "no-such-marker.yaml")
    with pytest.raises(SettingsError, match="set NEXTGEN_ROOT to its folder"):
        find_project_root({})


def test_a_stated_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"NEXTGEN_ROOT = .*gone.*expected an existing folder"):
        find_project_root({"NEXTGEN_ROOT": str(tmp_path / "gone")})


def test_the_packaged_files_are_plain_yaml_too() -> None:
    folder = Path(__file__).parents[3] / "nextgen_resources" / "settings"
    for file in [folder / "defaults.yaml", *(folder / "profiles").glob("*.yaml")]:
        assert isinstance(yaml.safe_load(file.read_text(encoding="utf-8")), dict)

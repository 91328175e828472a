"""No secret in any representation, message, table or hash; set through environment or .env only."""

import json
import traceback
from collections.abc import Callable

import pytest

from nextgen_resources.errors import SettingsError
from nextgen_resources.settings.data_sections import Credentials
from nextgen_resources.settings.layers import read_yaml_text
from nextgen_resources.settings.report import settings_json, settings_table
from nextgen_resources.settings.schema import Settings

Load = Callable[..., Settings]
CANARY = "canary-7f3a91$HOME#x"


def _openai(settings: Settings) -> str | None:
    secret = settings.credentials.openai_api_key
    return None if secret is None else secret.get_secret_value()


@pytest.mark.parametrize("variable", ["NEXTGEN__CREDENTIALS__OPENAI_API_KEY", "OPENAI_API_KEY"])
def test_a_secret_is_read_by_either_name_and_taken_literally(load: Load, variable: str) -> None:
    assert _openai(load(env={variable: CANARY})) == CANARY
    assert _openai(load(env={variable: "123456"})) == "123456"
    assert _openai(load(env={variable: "{not: yaml"})) == "{not: yaml"


def test_a_secret_in_dotenv_wins_and_names_its_line(load: Load) -> None:
    settings = load(env={"OPENAI_API_KEY": "old"}, dotenv=f"A=1\nOPENAI_API_KEY='{CANARY}'\n")
    assert _openai(settings) == CANARY
    assert settings.origins["credentials.openai_api_key"] == ".env:2"


def test_the_prefixed_name_wins_over_the_usual_one(load: Load) -> None:
    env = {"OPENAI_API_KEY": "usual", "NEXTGEN__CREDENTIALS__OPENAI_API_KEY": "prefixed"}
    assert _openai(load(env=env)) == "prefixed"


def test_an_unfilled_line_leaves_the_secret_below_in_force(load: Load) -> None:
    dotenv = "OPENAI_API_KEY=\nNEXTGEN__CREDENTIALS__POLYGON_API_KEY=\n"
    settings = load(env={"OPENAI_API_KEY": "from-environment"}, dotenv=dotenv)
    assert _openai(settings) == "from-environment"
    assert settings.credentials.polygon_api_key is None


def test_an_empty_secret_is_refused_not_kept(load: Load) -> None:
    with pytest.raises(SettingsError, match="expected a secret text, or null"):
        load(overrides={"credentials.openai_api_key": ""})


def test_no_representation_shows_a_secret(load: Load) -> None:
    names = [name.upper() for name in Credentials.model_fields]
    settings = load(env=dict.fromkeys(names, CANARY))
    shown = [
        repr(settings),
        str(settings),
        repr(settings.credentials),
        str(settings.model_dump()),
        settings.model_dump_json(),
        json.dumps(Settings.model_json_schema()),
        settings_json(settings),
        repr(settings_table(settings)),
        repr(settings.provenance),
    ]
    assert [text for text in shown if "canary" in text] == []
    states = {key: value for key, value, _ in settings_table(settings) if key.startswith("credentials.")}
    assert len(states) == len(names)
    assert set(states.values()) == {"••• set"}


@pytest.mark.parametrize(
    "settings_of",
    [
        {"env": {"NEXTGEN__CREDENTIALS__OPENAI_KEY": CANARY}},
        {"env": {"NEXTGEN__OPENAI_API_KEY": CANARY}},
        {"env": {"NEXTGEN__CREDENTIALS": CANARY}},
        {"env": {"NEXTGEN__CREDENTIAL__OPENAI": CANARY}},
        {"env": {"NEXTGEN__NEWS__SCORER_OPTIONS__API_KEY": CANARY}},
        {"env": {"NEXTGEN__NEWS__SCORER_OPTIONS": f"{{api_token: '{CANARY}'}}"}},
        {"dotenv": f"NEXTGEN__CREDENTIALS__OPENAI_KEY='{CANARY}'\n"},
        {"overrides": {"credentials": CANARY}},
        {"overrides": {"credentials.openai_api_key": [CANARY]}},
        {"env": {"OPENAI_API_KEY": CANARY, "NEXTGEN__MODELS__SEED": "x"}},
    ],
)
def test_no_error_message_or_traceback_shows_a_secret(load: Load, settings_of: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**settings_of)
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_options_with_a_secret_point_to_the_credentials(load: Load) -> None:
    with pytest.raises(SettingsError) as caught:
        load(env={"NEXTGEN__NEWS__SCORER_OPTIONS__API_KEY": CANARY})
    message = str(caught.value)
    assert "news.scorer_options: options are shown and hashed" in message
    assert "found api_key; put it in the section credentials" in message
    assert "from environment NEXTGEN__NEWS__SCORER_OPTIONS__API_KEY" in message


def test_a_secret_in_a_shared_file_is_refused_unseen() -> None:
    layer = read_yaml_text(f"credentials:\n  openai_api_key: '{CANARY}'\n", "profiles/mine.yaml")
    assert layer.entries == []
    assert "set NEXTGEN__CREDENTIALS__OPENAI_API_KEY in the environment or .env" in layer.problems[0]
    assert "canary" not in layer.problems[0]

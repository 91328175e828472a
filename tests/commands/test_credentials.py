"""Credentials: present, fit, fresh or not, by name and never by value; the store of the system in production."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import ClassVar

import keyring
import pytest
from click.testing import CliRunner
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from nextgen_assets.cli import main
from nextgen_assets.commands.credentials import Report, check
from nextgen_resources.errors import SettingsError
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import Settings
from tests.resources.http.loopback import Loopback, Reply, Seen, serving

CANARY = "canary-58c2e0d1f7aa"
TODAY = date(2024, 5, 3)


class Store(KeyringBackend):
    """A store in memory; ``is_locked`` makes it refuse."""

    priority: ClassVar[float] = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise KeyringLocked(f"locked {CANARY}")
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.held:
            raise PasswordDeleteError("none")
        del self.held[service, username]


@pytest.fixture
def store() -> Iterator[Store]:
    before, found = keyring.get_keyring(), Store()
    keyring.set_keyring(found)
    yield found
    keyring.set_keyring(before)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    return tmp_path


def settings_in(project: Path, profile: str = "development", **env: str) -> Settings:
    return load_settings(profile, {"NEXTGEN_ROOT": str(project), **env})


def report(settings: Settings, name: str, *, online: bool = False, rotate: int = 180) -> Report:
    return {found.name: found for found in check(settings, rotate, online, TODAY)}[name]


def run(project: Path, *words: str, profile: str = "production", given: str | None = None) -> tuple[int, str]:
    env = {"NEXTGEN_ROOT": str(project), "NEXTGEN_PROFILE": profile}
    done = CliRunner().invoke(main, list(words), env=env, input=given)
    return done.exit_code, done.output


def test_stored_secret_is_read_in_production_only(project: Path, store: Store) -> None:
    code, said = run(project, "credentials", "set", "openai_api_key", given=f"{CANARY}\n")
    assert code == 0, said
    assert CANARY not in said
    held = settings_in(project, "production").credentials.openai_api_key
    assert held is not None
    assert held.get_secret_value() == CANARY
    assert settings_in(project).credentials.openai_api_key is None


def test_environment_wins_over_the_store(project: Path, store: Store) -> None:
    store.set_password("nextgen", "openai_api_key", "stored")
    settings = settings_in(project, "production", OPENAI_API_KEY="given")
    assert settings.origins["credentials.openai_api_key"] == "environment OPENAI_API_KEY"


def test_locked_store_stops_with_what_to_do_and_quotes_nothing(project: Path, store: Store) -> None:
    store.is_locked = True
    with pytest.raises(SettingsError, match=r"KeyringLocked.*unlock it") as caught:
        settings_in(project, "production")
    assert CANARY not in str(caught.value)
    assert caught.value.__suppress_context__


def test_age_rotation_and_expiry_come_from_the_store(project: Path, store: Store) -> None:
    store.set_password("nextgen", "polygon_api_key", CANARY)
    for noted, state in [
        ({"set_on": "2024-04-03"}, "ok"),
        ({"set_on": "2023-04-03"}, "rotate"),
        ({"set_on": "2024-04-03", "expires_on": "2024-05-03"}, "expired"),
        ({"set_on": "2024-04-03", "expires_on": "2024-05-04"}, "ok"),
        ({}, "ok"),
    ]:
        store.set_password("nextgen", "polygon_api_key.dates", json.dumps(noted))
        found = report(settings_in(project, "production"), "polygon_api_key")
        assert found.state == state, noted
        assert CANARY not in str(found)


def test_token_says_itself_when_it_expires(project: Path) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1_700_000_000}).encode()).decode().rstrip("=")
    found = report(settings_in(project, OPENAI_API_KEY=f"aaa.{claims}.bbb"), "openai_api_key")
    assert found.state == "expired"
    assert "2023-11-14" in found.message


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("OPENAI_API_KEY", "two words", "blanks"),
        ("OPENAI_API_KEY", "changeme", "placeholder"),
        ("OPENAI_API_KEY", "•••", "placeholder"),
        ("WEBHOOK_SIGNING_SECRET", "short", "guessed"),
        ("WEBHOOK_SIGNING_SECRET", "whsec_!!!!!!!!!!!!!!!", "base64"),
        ("REDIS_URL", "localhost:6379", "redis://"),
    ],
)
def test_malformed_secret_is_told_without_showing_it(
    project: Path, variable: str, value: str, words: str
) -> None:
    found = report(settings_in(project, **{variable: value}), variable.lower())
    assert (found.state, words in found.message) == ("malformed", True)
    assert value not in found.message or value in {"short"}


def test_missing_credential_is_trouble_only_when_a_setting_needs_it(project: Path, store: Store) -> None:
    code, said = run(project, "credentials", "check")
    assert code == 0, said
    assert report(settings_in(project), "openai_api_key").state == "absent"
    needing = settings_in(project, NEXTGEN__NEWS__SCORER="openai")
    assert report(needing, "openai_api_key").message == "not set, needed by news.scorer openai"
    assert report(needing, "openai_api_key").is_trouble


def answering(seen: Seen) -> Reply:
    if seen.headers.get("authorization") == f"Bearer {CANARY}":
        return Reply(body=b'{"data": []}', headers={"content-type": "application/json"})
    return Reply(status=401, body=b"{}", headers={"content-type": "application/json"})


def test_service_is_asked_on_request_and_says_whether_it_takes_the_key(project: Path) -> None:
    with serving(answering) as server:
        for key, state in [(CANARY, "ok"), ("another-key", "refused")]:
            settings = settings_in(
                project, OPENAI_API_KEY=key, NEXTGEN__SCORING__OPENAI__BASE_URL=f"{server.url}/v1"
            )
            found = report(settings, "openai_api_key", online=True)
            assert found.state == state
            assert key not in str(found)
        asked: Loopback = server
        assert [seen.path for seen in asked.seen] == ["/v1/models", "/v1/models"]


def test_unreachable_service_is_unknown_and_not_refused(project: Path) -> None:
    settings = settings_in(
        project, OPENAI_API_KEY=CANARY, NEXTGEN__SCORING__OPENAI__BASE_URL="http://127.0.0.1:9/v1",
        NEXTGEN__HTTP__BACKOFF_SECONDS="0",
    )  # fmt: skip
    assert report(settings, "openai_api_key", online=True).state == "unknown"


def test_stored_secret_is_removed_with_its_dates(project: Path, store: Store) -> None:
    run(project, "credentials", "set", "polygon_api_key", "--expires-on", "2030-01-31", given=CANARY)
    assert len(store.held) == 2
    assert "2030-01-31" in store.held["nextgen", "polygon_api_key.dates"]
    assert run(project, "credentials", "delete", "polygon_api_key") == (0, "polygon_api_key was removed\n")
    assert store.held == {}
    assert run(project, "credentials", "delete", "polygon_api_key")[1].endswith("was not there\n")


def test_unknown_name_and_placeholder_are_refused(project: Path, store: Store) -> None:
    code, said = run(project, "credentials", "set", "aws_key", given=CANARY)
    assert code == 1
    assert "expected one of openai_api_key" in said
    code, said = run(project, "credentials", "set", "openai_api_key", given="changeme")
    assert code == 1
    assert "nothing was stored" in said
    assert store.held == {}

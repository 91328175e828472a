"""``nextgen credentials``: which secrets are there, fit and fresh; nothing here ever prints one."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

import click

from nextgen_resources.clock import SystemClock
from nextgen_resources.errors import NextGenError, ProviderUnauthorizedError, SettingsError
from nextgen_resources.settings import keyring_store as store
from nextgen_resources.settings.data_sections import Credentials
from nextgen_resources.settings.schema import Settings

NAMES = tuple(Credentials.model_fields)


@dataclass(frozen=True)
class Report:
    """One credential, without its value.

    Attributes
    ----------
    needed_by : str
        The setting that needs it; empty when nothing does.
    state : str
        ``ok``, ``absent``, ``missing`` (needed), ``malformed``, ``refused``, ``expired``, ``rotate``, ``unknown``.
    """

    name: str
    origin: str
    needed_by: str
    state: str
    message: str

    @property
    def is_trouble(self) -> bool:
        """Whether something that is needed will not work."""
        return self.state in {"missing", "malformed", "refused", "expired"}


def check(settings: Settings, rotate_after_days: int, is_online: bool, today: date) -> list[Report]:
    """Presence, form, age and expiry of every credential; with ``is_online`` also whether its service takes it."""
    return [_report(settings, name, rotate_after_days, is_online, today) for name in NAMES]


def print_check(settings: Settings, rotate_after_days: int, is_online: bool, as_json: bool) -> bool:
    """Print the reports; whether all is well."""
    reports = check(settings, rotate_after_days, is_online, SystemClock().now().date())
    if as_json:
        click.echo(json.dumps([asdict(report) for report in reports], indent=2))
    else:
        width = max(map(len, NAMES))
        for report in reports:
            colour = (
                "red" if report.is_trouble else "yellow" if report.state in {"rotate", "unknown"} else None
            )
            click.echo(
                f"{report.name:{width}}  {click.style(f'{report.state:9}', fg=colour)}  {report.message}"
            )
    return not any(report.is_trouble for report in reports)


def set_credential(name: str, secret: str, expires_on: date | None) -> None:
    """Keep a credential in the operating system's store, dated today."""
    _known(name)
    problem = _FORMS.get(name, _no_form)(secret)
    if problem:
        raise SettingsError(f"{name}: {problem}; nothing was stored")
    store.store_secret(name, secret, store.Dates(SystemClock().now().date(), expires_on))
    click.echo(f"{name} is stored; it is read with NEXTGEN_PROFILE=production")


def delete_credential(name: str) -> None:
    """Remove a credential from the operating system's store."""
    _known(name)
    removed = store.delete_secret(name)
    click.echo(f"{name} was {'removed' if removed else 'not there'}")


def _known(name: str) -> None:
    if name not in NAMES:
        raise SettingsError(f"{name!r} is no credential; expected one of {', '.join(NAMES)}")


def _report(settings: Settings, name: str, rotate_after_days: int, is_online: bool, today: date) -> Report:
    needed_by = _needs(settings).get(name, "")
    held = getattr(settings.credentials, name)
    if held is None:
        state = "missing" if needed_by else "absent"
        message = f"not set, needed by {needed_by}" if needed_by else "not set, and nothing needs it"
        return Report(name, "", needed_by, state, message)
    secret, origin = held.get_secret_value(), settings.origins[f"credentials.{name}"]
    dates = store.read_dates(name) if origin == store.ORIGIN else store.Dates()
    expires_on = dates.expires_on or _expiry_of_token(secret)
    problem = _FORMS.get(name, _no_form)(secret)
    age = (today - dates.set_on).days if dates.set_on else None
    said = [f"from {origin}", f"for {needed_by}" if needed_by else "nothing needs it"]
    if problem:
        return Report(name, origin, needed_by, "malformed", "; ".join([*said, problem]))
    if expires_on is not None:
        said.append(f"expires on {expires_on}")
        if expires_on <= today:
            return Report(name, origin, needed_by, "expired", "; ".join(said))
    said.append(f"set {age} days ago" if age is not None else "its age is not known")
    if is_online and (refusal := _refusal(settings, name, secret)) is not None:
        state, words = refusal
        return Report(name, origin, needed_by, state, "; ".join([*said, words]))
    if age is not None and age > rotate_after_days:
        said.append(f"older than {rotate_after_days} days: rotate it")
        return Report(name, origin, needed_by, "rotate", "; ".join(said))
    return Report(name, origin, needed_by, "ok", "; ".join(said))


def _needs(settings: Settings) -> dict[str, str]:
    """Credential to the setting that needs it."""
    needs: dict[str, str] = {}
    news = set(settings.news.sources)
    if "openai" in {settings.news.scorer, settings.scoring.fallback}:
        needs["openai_api_key"] = "news.scorer openai"
    if "polygon" in news:
        needs["polygon_api_key"] = "news.provider polygon"
    if "alpaca" in news:
        needs |= dict.fromkeys(("alpaca_api_key_id", "alpaca_api_secret_key"), "news.provider alpaca")
    if settings.alerts.receivers:
        needs |= {"webhook_signing_secret": "alerts.receivers"}
    return needs


def _no_form(secret: str) -> str:
    """What is wrong with the form of any secret; empty when nothing is."""
    if secret != secret.strip() or any(character.isspace() for character in secret):
        return "it holds blanks, so it was probably not copied whole or with its line end"
    if secret.lower() in {"changeme", "secret", "password", "xxx", "todo"} or set(secret) <= set("x*.•"):
        return "it is a placeholder"
    return ""


def _webhook_form(secret: str) -> str:
    parts = secret.split()
    if any(len(part) < 16 for part in parts):
        return "it is shorter than 16 characters and can be guessed"
    for part in parts:
        if part.startswith("whsec_"):
            try:
                base64.b64decode(part.removeprefix("whsec_"), validate=True)
            except binascii.Error:
                return "what follows whsec_ is not base64"
    return ""


def _redis_form(secret: str) -> str:
    parts = urlsplit(secret)
    is_url = parts.scheme in {"redis", "rediss", "unix"} and (parts.hostname or parts.path)
    return _no_form(secret) if is_url else "expected an address such as redis://host:6379/0"


_FORMS: Mapping[str, Callable[[str], str]] = {
    "webhook_signing_secret": _webhook_form,
    "redis_url": _redis_form,
}


def _expiry_of_token(secret: str) -> date | None:
    """The day on which a JSON web token expires; None for any other secret."""
    parts = secret.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(int(claims["exp"]), UTC).date()
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


_PROBES: Mapping[str, tuple[str, Callable[[str], dict[str, str]]]] = {
    "openai_api_key": ("{openai}/models", lambda secret: {"authorization": f"Bearer {secret}"}),
    "polygon_api_key": (
        "https://api.polygon.io/v3/reference/exchanges",
        lambda secret: {"authorization": f"Bearer {secret}"},
    ),
}
"""A question that costs nothing, to the service of a credential."""


def _refusal(settings: Settings, name: str, secret: str) -> tuple[str, str] | None:
    """State and words when the service does not take the credential or cannot be asked; None when it takes it."""
    if name not in _PROBES:
        return None
    from nextgen_resources.http.client import HttpClient
    from nextgen_resources.http.policy import HttpPolicy

    url, headers = _PROBES[name]
    url = url.format(openai=settings.scoring.openai.base_url.rstrip("/"))
    host = urlsplit(url).hostname or ""
    is_local = host in {"127.0.0.1", "localhost"}
    policy = HttpPolicy(settings.http, clock=SystemClock())
    client = HttpClient(policy, "credentials", {host}, loopback_is_allowed=is_local)
    try:
        client.get(url, headers=headers(secret))
    except ProviderUnauthorizedError:
        return "refused", f"{host} does not accept it"
    except NextGenError as error:
        return "unknown", f"{host} could not be asked ({type(error).__name__})"
    finally:
        client.close()
    return None

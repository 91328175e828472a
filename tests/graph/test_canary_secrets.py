"""Every credential is a canary and the services are hostile: no channel that anybody reads or keeps holds one.

A real run over a news service and a language model that throw the key back in their errors, first refused, then
answered; webhooks that are refused; then everything that people do with the result. All that was written is looked through:
files, SQLite and DuckDB cell by cell, archives unfolded, and what was printed.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import traceback
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner

from nextgen_assets.cli import main
from nextgen_assets.commands.graph_run import RunFailedError
from nextgen_assets.orchestration.sensors import tell_receivers
from nextgen_resources.clock import FrozenClock
from nextgen_resources.structured_logs import secrets_of
from tests.graph.harness import SMALL, Built, built
from tests.graph.servers import as_variables
from tests.resources.alerts.receivers import listening
from tests.resources.http.loopback import Reply, Seen, serving
from tests.resources.sentiment.openai_server import Heard, Said, answered, loopback_model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

MARK = "canary7f3a"
CANARIES = {
    "openai_api_key": f"sk-{MARK}-openai",
    "polygon_api_key": f"{MARK}polygon$x&y",
    "alpaca_api_key_id": f"{MARK}alpacaid",
    "alpaca_api_secret_key": f"{MARK}alpacasecret",
    "webhook_signing_secret": f"whsec_{MARK}0123456789abcdefghijkl",
}
SESSIONS = ("2012-07-02", "2012-07-06")
CREDENTIALS = {f"credentials.{name}": secret for name, secret in CANARIES.items()}


class Hostile:
    """Services that quote the key in what they refuse, until they are told to answer."""

    is_kind = False

    def news(self, request: Seen) -> Reply:
        """Polygon's list of articles, or a refusal that holds the whole request."""
        if not self.is_kind:
            return Reply(
                {"error": f"bad key {request.headers['authorization']} in {request.headers} {request.query}"},
                status=401,
            )
        found = {
            "id": "1", "title": "Apple profit rises", "published_utc": "2012-07-03T14:00:00Z", "tickers": ["AAPL"],
            "article_url": "https://example.org/1", "publisher": {"name": "Wire"},
        }  # fmt: skip
        return Reply({"results": [found], "count": 1}, headers={"content-type": "application/json"})

    def model(self, heard: Heard) -> Said:
        """An answer, or a refusal that holds the key."""
        if self.is_kind:
            return answered("responses")
        return Said(
            {"error": {"message": f"Incorrect API key provided: {heard.headers['authorization']}"}}, 401
        )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Built, list[str]]]:
    """The folder of all that was written, the scenario, and what was said and raised meanwhile."""
    folder, hostile = tmp_path_factory.mktemp("canary"), Hostile()
    with (
        serving(hostile.news) as news,
        loopback_model(hostile.model) as model,
        listening([500, 401]) as receiver,
    ):
        settings = CREDENTIALS | {
            "news.provider": "polygon",
            "news.provider_options": {"server": news.url},
            "news.scorer": "openai",
            "scoring.fallback": "classifier",
            "scoring.openai.base_url": model.base_url,
            "ingestion.first_session": "2012-06-01",
            "http.backoff_seconds": 0.0,
            "scheduler.retries": 0,
            "alerts.receivers": {"ops": receiver.url},
            "alerts.private_hosts": ["127.0.0.1"],
        }
        with built(folder, settings) as scenario:
            said = [*in_the_graph(scenario, hostile), told(scenario), told(scenario)]
            said += [body + str(headers) for headers, body in receiver.came]
            said += by_command(folder, settings)
            yield folder, scenario, said


def in_the_graph(scenario: Built, hostile: Hostile) -> Iterator[str]:
    """Refused news, then refused scores, then a whole run; the errors as anybody would print them."""
    with pytest.raises(RunFailedError) as failed:
        scenario.run("prepare_inputs", *SESSIONS)
    assert "401" in str(failed.value)
    yield "".join(traceback.format_exception(failed.value))
    job = scenario.definitions.resolve_implicit_global_asset_job_def()
    with pytest.raises(Exception, match="401") as raised:
        job.execute_in_process(
            instance=scenario.instance,
            asset_selection=[dg.AssetKey("news_articles")],
            partition_key=SESSIONS[0],
        )
    yield "".join(traceback.format_exception(raised.value))
    hostile.is_kind = True
    scenario.run("prepare_inputs", *SESSIONS, assets=["news_articles"])
    hostile.is_kind = False
    scenario.run("prepare_inputs", *SESSIONS, assets=["news_sentiment"])
    assert scenario.warehouse.scalar("SELECT count(*) FROM news_score_failures") == 1
    hostile.is_kind = True
    scenario.run("prepare_inputs", *SESSIONS)
    scenario.run("decide_and_trade", *SESSIONS)


def told(scenario: Built) -> str:
    """One tick of the sensor that tells the receivers, after the runs."""
    resources = {
        "warehouse": scenario.warehouse,
        "settings": scenario.settings,
        "clock": FrozenClock(datetime.now(UTC)),
    }
    with dg.build_sensor_context(scenario.instance, resources=resources) as context:
        return str(getattr(tell_receivers(context), "skip_message", ""))


def by_command(folder: Path, settings: dict[str, object]) -> Iterator[str]:
    """What people do with the result: each command's output."""
    values = as_variables(SMALL | settings | {"paths.data_dir": str(folder / "data")})
    environment = {**os.environ, **values, "NEXTGEN_ROOT": str(folder), "DAGSTER_HOME": str(folder / "home")}
    (folder / "workspace.yaml").touch()
    for words in (
        ("settings",),
        ("settings", "--json"),
        ("credentials", "check"),
        ("health", "--json"),
        ("alerts", "list"),
        ("manifest", "--json"),
        ("explain", f"AAPL@{SESSIONS[-1]}"),
        ("tear-sheet", "--export", str(folder / "exports")),
        ("backup", str(folder / "backups")),
        ("explain", "nothing-like-it"),
    ):
        done = CliRunner().invoke(main, list(words), env=environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exception)
        yield f"{words}: {done.output}"


def texts(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and what is folded up in it: cells of databases, members of archives, packed bodies."""
    content = path.read_bytes()
    yield content
    if content.startswith(b"SQLite format 3"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            tables = [
                name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            for table in tables:
                for row in database.execute(f'SELECT * FROM "{table}"'):
                    yield from map(unpacked, row)
        database.close()
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as database:
            for (table,) in database.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                for row in database.execute(f'SELECT * FROM "{table}"').fetchall():
                    yield repr(row).encode()
    elif content.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def unpacked(cell: object) -> bytes:
    """A cell as bytes, inflated when it is deflated."""
    data = cell if isinstance(cell, bytes) else str(cell).encode()
    try:
        return data + zlib.decompress(data)
    except zlib.error:
        return data


def forms() -> list[bytes]:
    """The canaries as they are, in JSON, in a URL, and in Base64 as basic authentication has them."""
    plain = [MARK, *CANARIES.values()]
    found = {*plain, *(json.dumps(text)[1:-1] for text in plain), *map(urllib.parse.quote, plain)}
    return [text.encode() for text in found] + [base64.b64encode(text.encode()) for text in CANARIES.values()]


def test_services_had_the_keys_and_the_search_would_find_them(kept: tuple[Path, Built, list[str]]) -> None:
    folder, scenario, _ = kept
    assert set(CANARIES.values()) <= set(secrets_of(scenario.settings))
    planted = folder.parent / "planted.sqlite"
    with sqlite3.connect(planted) as database:
        database.execute("CREATE TABLE t (x BLOB)")
        database.execute("INSERT INTO t VALUES (?)", [zlib.compress(CANARIES["polygon_api_key"].encode())])
    database.close()
    assert any(form in text for text in texts(planted) for form in forms())
    outcomes = scenario.warehouse.read("SELECT provider, outcome FROM provider_calls").rows()
    assert ("polygon", "unauthorized") in outcomes
    assert ("polygon", "ok") in outcomes


def test_no_file_holds_a_credential_however_deep(kept: tuple[Path, Built, list[str]]) -> None:
    folder, _, _ = kept
    files = [path for path in folder.rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files}
    # what runs print, their events and metadata, the warehouse, calls and alerts, the record as a page and as tables
    assert {".duckdb", ".db", ".sqlite", ".err", ".html", ".xlsx", ".csv"} <= kinds, kinds
    leaks = {
        str(path.relative_to(folder))
        for path in files
        for text in texts(path)
        for form in forms()
        if form in text
    }
    assert leaks == set()


def test_nothing_that_was_said_raised_or_sent_holds_a_credential(kept: tuple[Path, Built, list[str]]) -> None:
    _, _, said = kept
    assert len(said) > 15
    assert [text[:300] for text in said for form in forms() if form in text.encode()] == []

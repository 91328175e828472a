"""Five hundred hostile texts through every door that takes one: refused by an allow-list, without any effect."""

from __future__ import annotations

import itertools
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import TypeAdapter, ValidationError

from nextgen_assets.cli import main
from nextgen_assets.explanation import UnknownPredictionError, explain
from nextgen_resources.alerts.outbox import Outbox
from nextgen_resources.backup import contents_of, read_backup
from nextgen_resources.clock import SystemClock
from nextgen_resources.errors import (
    BackupError,
    ModelStoreError,
    PartitionKeyError,
    SettingsError,
    WarehouseError,
)
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.field_types import Name, Ticker
from nextgen_resources.settings.loader import load_settings
from nextgen_resources.settings.schema import ScenarioId
from nextgen_resources.warehouse.io_manager import validated_key
from nextgen_resources.warehouse.warehouse import Warehouse, named_query

_SEEDS = {
    "sql": ["'; DROP TABLE market_prices; --", "x' OR '1'='1", '"; ATTACH \'/tmp/evil.db\' AS e; --',
            "1); COPY market_prices TO '/tmp/evil.csv'; --", "$$; INSTALL httpfs; $$", "x'||(SELECT 1)||'",
            "UNION SELECT * FROM predictions", "read_csv('/etc/passwd')", "%' --", "; PRAGMA database_list"],
    "path": ["../../etc/passwd", "/etc/passwd", "..\\..\\windows", "a/../../b", "~/.ssh/id_rsa", "file:///etc/passwd",
             "//host/share", "C:\\x", "....//....//etc", "%2e%2e%2fetc", "con", ".", "..", "/dev/stdin"],
    "shell": ["$(touch /tmp/evil)", "`id`", "| cat /etc/passwd", "&& rm -rf .", "${HOME}", "{{7*7}}", "-rf", "--help", "\n id"],
    "text": ["", " ", "\x00", "A\x00B", "a\u202eb", "\ufeffAAPL", "AAPL\u200b", "ＡＡＰＬ", "💥" * 20, "A" * 10_000, "é" * 300,
             "\r\nX-Header: 1", "<script>alert(1)</script>", "=cmd|'/c calc'!A0",
             "@SUM(1)", "NaN", "null", "True", "1e309", "-1"],
    "date": ["2005-02-30", "2005-13-01", "20050228", "2005-2-28", "0000-00-00", "9999-12-31T00:00", "２００５-02-28",
             "2005-02-28; DROP",
             "2005-02-28\n2005-03-01", "|2005-02-28", "2005-02-28|AAPL"],
}  # fmt: skip


def corpus() -> list[str]:
    """Five hundred different texts: the seeds, and mixtures of them with ordinary ones."""
    seeds = list(itertools.chain(*_SEEDS.values()))
    chosen, found = random.Random(3), dict.fromkeys(seeds)
    while len(found) < 500:
        first, second = (
            chosen.choice(seeds[:-1]) or " ",
            chosen.choice([*seeds, "AAPL", "2005-02-28", "baseline"]),
        )
        found.setdefault(
            chosen.choice([first + second, second + first, f"{second}/{first}", f"{first}\t{second}"])
        )
    return list(found)


CORPUS = corpus()


@pytest.fixture
def effects(warehouse: Warehouse, tmp_path: Path) -> Callable[[], tuple[object, ...]]:
    """What a text might have changed: the tables, the folder of the test, places that the texts name."""

    def seen() -> tuple[object, ...]:
        files = sorted(
            str(path) for path in tmp_path.rglob("*") if not path.name.endswith((".lock", ".turn", ".wal"))
        )
        evil = [str(path) for path in Path("/tmp").glob("evil*")]
        return contents_of(warehouse), files, evil

    return seen


def test_corpus_is_as_large_as_it_says() -> None:
    assert len(CORPUS) == len(set(CORPUS)) == 500


def test_partition_keys_are_dates_or_nothing() -> None:
    for text in CORPUS:
        with pytest.raises(PartitionKeyError):
            validated_key(text)


def test_tickers_and_scenarios_are_plain_names_or_refused() -> None:
    kinds = [
        ("ingestion.tickers", Ticker, r"[A-Z][A-Z0-9.\-]{0,9}"),
        ("scenario_id", ScenarioId, r"[a-z0-9][a-z0-9_-]{0,31}"),
        ("ingestion.provider", Name, r"[a-z][a-z0-9_]{0,63}"),
    ]
    for key, kind, allowed in kinds:
        adapter: TypeAdapter[str] = TypeAdapter(kind)
        for number, text in enumerate(CORPUS):
            if re.fullmatch(allowed, text):
                assert adapter.validate_python(text) == text
                continue
            with pytest.raises(ValidationError):
                adapter.validate_python(text)
            if number % 50 == 0:
                value = [text] if key == "ingestion.tickers" else text
                with pytest.raises(SettingsError, match=re.escape(key)):
                    load_settings(environ={}, dotenv_path=Path(os.devnull), overrides={key: value})


def test_queries_are_names_of_files_in_their_folder() -> None:
    for text in CORPUS:
        with pytest.raises((WarehouseError, OSError, ValueError)):
            named_query(text)


def test_explanations_find_nothing_and_change_nothing(
    warehouse: Warehouse, effects: Callable[[], tuple[object, ...]]
) -> None:
    before = effects()
    with warehouse.snapshot():
        for text in CORPUS[::3]:
            with pytest.raises(UnknownPredictionError):
                explain(warehouse, text, "classifier")
    assert effects() == before


def test_models_are_loaded_from_nowhere_else(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    for text in CORPUS:
        with pytest.raises(ModelStoreError):
            store.load(text, "0" * 64)


def test_backups_and_alerts_take_no_other_thing_for_theirs(
    warehouse: Warehouse, tmp_path: Path, effects: Callable[[], tuple[object, ...]]
) -> None:
    before, outbox = effects(), Outbox(tmp_path / "alerts.sqlite")
    for text in CORPUS:
        with pytest.raises((BackupError, ValueError)):
            read_backup(tmp_path / text)
        assert outbox.replay(SystemClock().now(), text) == 0
    assert effects() == before


def test_command_line_ends_with_a_message_and_no_trace(
    tmp_path: Path, warehouse: Warehouse, effects: Callable[[], tuple[object, ...]]
) -> None:
    env = {"NEXTGEN__PATHS__DATA_DIR": str(tmp_path / "data"), "NEXTGEN_ROOT": None}
    before, runner = effects(), CliRunner()
    for text in CORPUS[::20]:
        if "\x00" in text:
            continue  # no shell passes it on
        for words in (
            ["--scenario", text, "settings"],
            ["alerts", "replay", "--", text],
            ["explain", "--", text],
        ):
            done = runner.invoke(main, words, env=env)
            assert done.exit_code in (0, 1, 2), (words, done.output)
            assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exception)
            assert "Traceback" not in done.output
    after = effects()
    assert after[0] == before[0]
    assert after[2] == before[2]
    made = {Path(path).relative_to(tmp_path).parts[0] for path in after[1]}  # type: ignore[attr-defined]
    assert made <= {"warehouse.duckdb", "data"}

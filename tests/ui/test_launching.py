"""What a person starts from a page: a backfill that goes green, and a check that fails in plain sight."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from nextgen_resources.warehouse.warehouse import Warehouse
from tests.graph.harness import SMALL
from tests.graph.servers import DAEMONS, Api, Door, daemon, polling, webserver
from tests.graph.test_blocking_checks import TOO_LATE
from tests.ui.browser import Browser, absent, chromium

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1_500),
    pytest.mark.skipif(absent() is not None, reason=f"needs a browser: {absent()}"),
]
FIRST, LAST = date(2005, 2, 22), date(2005, 2, 25)
TICKERS = 4
"""Securities of the embedded data that were listed then."""
ENDED = ("Success", "Failure", "Failed", "Canceled")
UNDER_WAY = (
    "Queued",
    "Not started",
    "Starting",
    "Started",
    "In progress",
    "Canceling",
    "Requested",
    "Failing",
)
TAB = "\ue004"
"""The key that leaves a field, by its code in the WebDriver protocol."""
PATIENCE = 180.0
"""Seconds for a page on a machine that does other things too."""


@dataclass(frozen=True)
class Site:
    """A browser before the UI of a scenario whose daemon is at work."""

    browser: Browser
    address: str
    warehouse: Warehouse
    pictures: Path

    def open(self, path: str) -> Browser:
        """The page at ``path`` of the UI."""
        self.browser.open(f"{self.address}{path}")
        return self.browser

    def backfill(self, asset: str, first: date, last: date) -> str:
        """Launch a backfill from the page of an asset, as a person does; its id."""
        page = self.open(f"/assets/{asset}")
        page.wait_for("return document.body.innerText.includes('Latest check results')", "the page", PATIENCE)
        page.click("//button[starts-with(normalize-space(.), 'Materialize')]")
        page.wait_for(
            f"return document.body.innerText.includes('Launch runs to materialize {asset}')",
            "the dialog",
            PATIENCE,
        )
        page.type("//*[@role='dialog']//input[starts-with(@placeholder, 'ex:')]", f"[{first}...{last}]{TAB}")
        page.screenshot(self.pictures / f"dialog_{asset}.png")
        page.click("//*[@role='dialog']//button[normalize-space(.) = 'Launch backfill' and not(@disabled)]")
        said = page.wait_for(
            "return (document.body.innerText.match(/Created backfill\\s+(\\w+)/) || [])[1]",
            "the answer",
            PATIENCE,
        )
        assert re.fullmatch(r"[a-z0-9]{8}", said)
        return str(said)

    def ended(self, backfill: str) -> str:
        """How the runs page says that a backfill ended, once it has."""
        state = f"(document.body.innerText.match(/{backfill}[^]*?({'|'.join(ENDED + UNDER_WAY)})/) || [])[1]"
        ended = f"{list(ENDED)}.includes({state}) && {state}"
        page = self.open("/runs")
        said = page.wait_for(f"return {ended}", f"the end of backfill {backfill}", 2 * PATIENCE)
        page.screenshot(self.pictures / f"runs_{backfill}.png")
        return str(said)


def await_healthy(api: Api) -> None:
    """Return once every daemon that the instance needs has reported."""
    for _ in polling(PATIENCE, "the daemon to report"):
        states = api.ask(DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
        if all(state["healthy"] for state in states if state["required"]):
            return


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The UI of a scenario that knows its listings and nothing else, its daemon at work, the first-visit dialog dismissed."""
    folder = tmp_path_factory.mktemp("launching")
    door = Door.to(folder, SMALL)
    assert door.call("nextgen", "migrate").returncode == 0
    listed = door.materialize(
        "security_listings", "--partition-range", f"{FIRST}...{LAST}", timeout_seconds=600
    )
    assert listed.returncode == 0, listed.stderr
    warehouse = Warehouse(database=str(folder / "data" / "baseline" / "warehouse.duckdb"))
    with webserver(door) as api, daemon(door), chromium(folder, 1600, 1000) as browser:
        api.ask("mutation SeenIntroduction { setNuxSeen }")
        await_healthy(api)
        yield Site(browser, api.url.removesuffix("/graphql"), warehouse, folder)


def test_backfill_launched_from_the_page_goes_green_and_leaves_its_rows(site: Site) -> None:
    assert site.ended(site.backfill("market_prices", FIRST, LAST)) == "Success"
    rows = site.warehouse.read(
        "SELECT session_date, count(*) AS n FROM market_prices GROUP BY ALL ORDER BY ALL"
    )
    assert rows["session_date"].to_list() == [date(2005, 2, day) for day in (22, 23, 24, 25)]
    assert rows["n"].to_list() == [TICKERS] * 4


def test_check_that_fails_is_red_on_the_page_of_its_asset_and_says_which_rows(site: Site) -> None:
    with site.warehouse.transaction() as connection:
        connection.execute(TOO_LATE)
    site.ended(site.backfill("news_articles", FIRST, LAST))  # Dagster counts rows that came, not their checks
    page = site.browser
    page.click("//*[normalize-space(text()) = 'Show runs within backfills']", PATIENCE)
    page.wait_for("return document.body.innerText.includes('Failure')", "the run that failed", PATIENCE)
    page.screenshot(site.pictures / "failed_run.png")
    page = site.open("/assets/news_articles?view=checks&checkDetail=admitted_only_after_publication")
    shown = "[...document.querySelectorAll('*')].findLast(part => part.innerText === 'Failed')"
    page.wait_for(f"return {shown} !== undefined", "the failed check", PATIENCE)
    page.wait_for("return document.body.innerText.includes('rows_in_breach')", "its figures", PATIENCE)
    page.screenshot(site.pictures / "failed_check.png")
    text = page.text()
    assert "No article belongs to a session that had its cut-off before the article was published." in text
    assert "blocking" in text
    red, green, blue = map(int, re.findall(r"\d+", page.run(f"return getComputedStyle({shown}).color"))[:3])
    assert red > 2 * max(green, blue), (red, green, blue)

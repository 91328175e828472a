"""The product as a person sees it: the Dagster UI of a small scenario in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pytest

from nextgen_assets.definitions import ASSET_MODULES
from tests.graph.harness import SMALL, built
from tests.graph.servers import Door, webserver
from tests.ui.browser import Browser, absent, chromium

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(absent() is not None, reason=f"needs a browser: {absent()}"),
]
ASSETS = sorted(module.__name__.rpartition(".")[2] for module in ASSET_MODULES)
GROUPS = ("features", "feedback", "ingestion", "intraday", "models", "operations", "predictions", "trading")
FIRST, LAST = date(2004, 6, 1), date(2005, 6, 30)


@dataclass(frozen=True)
class Window:
    """A browser before the UI of a scenario."""

    browser: Browser
    address: str

    def open(self, path: str) -> Browser:
        """The page at ``path`` of the UI."""
        self.browser.open(f"{self.address}{path}")
        return self.browser


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """The UI of a scenario in which every asset has run, the first-visit dialog dismissed."""
    folder = tmp_path_factory.mktemp("ui")
    door = Door.to(folder, SMALL)
    with built(folder) as small:  # writes the dagster.yaml that the webserver then reads
        small.run("prepare_inputs", FIRST, LAST)
        small.run("train_models", "2005-03-01", "2005-05-01")
        small.run("decide_and_trade", date(2005, 4, 1), LAST)
    with webserver(door) as api, chromium(folder, 4600, 2600) as browser:
        api.ask("mutation SeenIntroduction { setNuxSeen }")
        yield Window(browser, api.url.removesuffix("/graphql"))


def test_asset_graph_shows_every_asset_by_name(window: Window) -> None:
    assert len(ASSETS) == 26
    drawn = "[...document.querySelectorAll('svg foreignObject')].map(node => node.textContent)"
    nodes: list[str] = []
    for group in GROUPS:  # one open at a time: the page draws only what lies in the window
        page = window.open(f"/asset-groups?expanded=global%40global%3A{group}")
        page.wait_for(f"return {drawn}.join(' ').includes('partitions')", f"the assets of {group}")
        nodes += page.run(f"return {drawn}")
    assert [asset for asset in ASSETS if not any(node.startswith(asset) for node in nodes)] == []


def test_asset_page_shows_its_picture_columns_and_checks(window: Window) -> None:
    page = window.open("/assets/portfolio_holdings?view=overview")
    row = "[...document.querySelectorAll('tr')].find(row => row.cells[0].innerText.trim() === 'equity')"
    page.wait_for(f"return {row} !== undefined", "the metadata of the asset")
    column = "Average cost of a share, US dollars."
    page.wait_for(f"return document.body.innerText.includes({column!r})", "the columns of the asset")
    text = page.text()
    assert "One row per scenario, session and position at the close." in text
    page.run(
        f"[...{row}.querySelectorAll('*')].findLast(cell => cell.innerText === '[Show Markdown]').click()"
    )
    picture = "document.querySelector('img[src^=\"data:image/png\"]')"
    width = page.wait_for(f"return {picture} && {picture}.naturalWidth", "the equity curve")
    assert width == 900


def test_timeline_knows_the_runs_of_the_demo(window: Window) -> None:
    page = window.open("/overview")
    page.wait_for("return document.body.innerText.includes('decide_and_trade')", "the runs of the jobs")
    assert "No runs" not in page.text()

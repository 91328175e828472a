"""The same orders by vectorbt and backtesting.py, run by an interpreter that has them: ``python ledger_peer.py FOLDER``.

Reads ``orders.npz`` that ``bench_ledger`` wrote, simulates, and leaves values and seconds in ``peer.npz``.
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")


def vectorbt_values(given: dict[str, np.ndarray], orders: str, direction: str) -> tuple[float, np.ndarray]:
    """Seconds of the second run (the first compiles) and the value at each close."""
    import pandas as pd
    import vectorbt as vbt

    days = pd.bdate_range("2000-01-03", periods=len(given["closes"]))
    names = ("closes", "opens", orders, "slippage")
    frames = {name: pd.DataFrame(given[name], index=days) for name in names}
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        portfolio = vbt.Portfolio.from_orders(
            frames["closes"],
            size=frames[orders].astype(float),
            price=frames["opens"],
            slippage=frames["slippage"],
            fixed_fees=float(given["fee"]),
            init_cash=float(given["cash"]),
            direction=direction,
            group_by=True,
            cash_sharing=True,
            call_seq="auto",
            size_granularity=1.0,
            freq="B",
        )
        value = portfolio.value().to_numpy()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:]), value


def backtesting_value(given: dict[str, np.ndarray]) -> tuple[float, float]:
    """Seconds and final equity of the first ticker, each bought and sold whole, without slippage."""
    import pandas as pd
    from backtesting import Backtest, Strategy

    opens, closes = given["opens"][:, 0], given["closes"][:, 0]
    orders = given["round_trips"]
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    days = pd.bdate_range("2000-01-03", periods=len(closes))
    bars = pd.DataFrame({"Open": opens, "High": high, "Low": low, "Close": closes}, index=days)

    class Given(Strategy):
        def init(self) -> None:
            pass

        def next(self) -> None:
            at = len(self.data)  # what is ordered now fills at the next open
            if at < len(orders) and orders[at] > 0:
                self.buy(size=int(orders[at]))
            elif at < len(orders) and orders[at] < 0:
                self.position.close()

    started = time.perf_counter()
    test = Backtest(bars, Given, cash=float(given["cash"]), commission=(float(given["fee"]), 0.0))
    result = test.run()
    return time.perf_counter() - started, float(result["_equity_curve"]["Equity"].iloc[-1])


def main(folder: str) -> None:
    """Simulate with both and say how long each took."""
    given = dict(np.load(Path(folder, "orders.npz")))
    seconds, value = vectorbt_values(given, "orders", "longonly")
    short_seconds, short_value = vectorbt_values(given, "short_orders", "both")
    one, final = backtesting_value(given)
    found = {"value": value, "short_value": short_value, "final": final}
    found |= {"seconds": seconds, "short_seconds": short_seconds, "one": one}
    np.savez(Path(folder, "peer.npz"), **{name: np.asarray(what) for name, what in found.items()})


if __name__ == "__main__":
    main(sys.argv[1])

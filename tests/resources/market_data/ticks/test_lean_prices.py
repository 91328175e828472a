"""Prices times ten thousand come back to the very number that was meant."""

import io
from datetime import date

import numpy as np

from nextgen_resources.market_data.ticks import FileContext, load_tick_format


def test_every_scaled_price_is_the_nearest_number_to_its_decimal() -> None:
    prices = np.arange(900_000, 960_000)
    lines = "\n".join(f"{34_200_000 + place},{price},1,P,0,0" for place, price in enumerate(prices))
    context = FileContext("X", date(2014, 7, 1), "file", 1 << 24)
    (chunk,) = load_tick_format("lean", security="equity", kind="trade").chunks(
        io.BytesIO(lines.encode()), context
    )
    assert chunk.ticks["last"].to_list() == (prices / 10_000).tolist()

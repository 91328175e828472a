"""What each member of the ensemble said, row by row, and what several of them say together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from nextgen_assets.domain.calibration import logit, sigmoid

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
NO_MEMBERS = "[]"
"""Text of the ``ensemble`` column where nobody spoke."""
_MEMBER = {
    "model_id": pl.String,
    "family": pl.String,
    "weight": pl.Float64,
    "probability_up": pl.Float64,
    "standardised_mean": pl.Float64,
}
_UNPACKED = {**_MEMBER, "target_ticker": pl.String}
"""The model that serves one ticker alone names it."""


@dataclass(frozen=True, eq=False)
class Members:
    """Forecasts by recipe: a recipe is a family with its settings, whichever month it was trained in.

    Parameters
    ----------
    recipes : tuple of str
        Sorted.
    log_odds, mean : ndarray of float64, shape (n_rows, n_recipes)
        Log odds of up, and standardised mean return; NaN where a recipe was silent.
    """

    recipes: tuple[str, ...]
    log_odds: Floats
    mean: Floats

    @classmethod
    def parse(cls, texts: pl.Series, recipe_of: Mapping[str, str]) -> Members:
        """Read the ``ensemble`` column of predictions.

        Parameters
        ----------
        texts : Series of String
            JSON lists of {model_id, family, probability_up, standardised_mean, …}, or null.
        recipe_of : mapping of str to str
            Recipe by model_id; a model that is not in it goes by its family, and its ticker if it serves one.
        """
        said = unpacked(texts).drop_nulls("probability_up")
        names = pl.DataFrame(
            {"model_id": list(recipe_of), "recipe": list(recipe_of.values())},
            schema={"model_id": pl.String, "recipe": pl.String},
        )
        said = said.join(names, on="model_id", how="left", maintain_order="left")
        kind = pl.concat_str("family", "target_ticker", separator=" of ").fill_null(pl.col("family"))
        said = said.with_columns(pl.col("recipe").fill_null(kind))
        recipes = tuple(said["recipe"].unique().sort().to_list())
        log_odds, mean = (np.full((texts.len(), len(recipes)), np.nan, order="F") for _ in range(2))
        for column, recipe in enumerate(recipes):
            chosen = said.filter(pl.col("recipe") == recipe)
            rows = chosen["row"].to_numpy()
            log_odds[rows, column] = logit(chosen["probability_up"].to_numpy())
            mean[rows, column] = chosen["standardised_mean"].to_numpy()
        return cls(recipes, log_odds, mean)

    def of(self, recipe: str, rows: Indices) -> tuple[Floats, Floats]:
        """Log odds and standardised mean of one recipe; NaN where it was silent."""
        if recipe not in self.recipes:
            return np.full(rows.size, np.nan), np.full(rows.size, np.nan)
        place = self.recipes.index(recipe)
        return self.log_odds[rows, place], self.mean[rows, place]

    def joined(self, rows: Indices, weights: Mapping[str, float]) -> tuple[Floats, Floats]:
        """Probability of up and standardised mean of the weighted recipes, by mean logit and mean.

        Where some are silent the others share their weight; NaN where all are.

        Notes
        -----
        Summed recipe by recipe in the order of their names: a row gives the same bits in any batch.
        """
        total, log_odds, mean = (np.zeros(rows.size) for _ in range(3))
        for recipe in sorted(weights):
            if weights[recipe] <= 0:
                continue
            odds, level = self.of(recipe, rows)
            spoke = np.isfinite(odds)
            share = np.where(spoke, weights[recipe], 0.0)
            total += share
            log_odds += share * np.where(spoke, odds, 0.0)
            mean += share * np.where(spoke, level, 0.0)
        silent = total == 0
        divisor = np.where(silent, np.nan, total)
        return sigmoid(log_odds / divisor), mean / divisor


def unpacked(texts: pl.Series) -> pl.DataFrame:
    """The members in the ``ensemble`` column, one per row: ``row`` (place of the text), what each is and said, and
    ``target_ticker``, null but for the model of one ticker.

    Rows whose text is null or an empty list have none.
    """
    kind = pl.List(pl.Struct(_UNPACKED))
    decoded = pl.DataFrame({"said": texts.cast(pl.String).str.json_decode(kind)}).with_row_index("row")
    return decoded.filter(pl.col("said").list.len() > 0).explode("said").unnest("said")


def packed(members: pl.DataFrame, n_rows: int) -> pl.Series:
    """The ``ensemble`` column of ``n_rows`` rows: inverse of :func:`unpacked`, numbers to the bit.

    Parameters
    ----------
    members : DataFrame
        ``row`` and what each member is and said; rows ascending, members of a row in their order.
    """
    said = members.select("row", said=pl.struct(*_MEMBER)).group_by("row", maintain_order=True).agg("said")
    wrapped = said.select("row", text=pl.struct(m="said").struct.json_encode())
    texts = wrapped.with_columns(pl.col("text").str.slice(len('{"m":')).str.head(-1))
    every = pl.DataFrame({"row": pl.Series(range(n_rows), dtype=pl.UInt32)})
    joined = every.join(texts.cast({"row": pl.UInt32}), on="row", how="left", maintain_order="left")
    return joined["text"].fill_null(NO_MEMBERS).alias("ensemble")


def alone(text: str, member: Mapping[str, object]) -> str:
    """The ``ensemble`` text of one row with a further member, who is served alone."""
    others = [{**other, "weight": 0.0} for other in json.loads(text)]
    return json.dumps([*others, {**member, "weight": 1.0}])

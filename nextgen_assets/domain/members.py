"""What each member of the ensemble said, row by row, and what several of them say together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nextgen_assets.domain.calibration import logit, sigmoid

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


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
    def parse(cls, texts: Sequence[str | None], recipe_of: Mapping[str, str]) -> Members:
        """Read the ``ensemble`` column of predictions.

        Parameters
        ----------
        texts : sequence of str or None
            JSON lists of {model_id, family, probability_up, standardised_mean, …}.
        recipe_of : mapping of str to str
            Recipe by model_id; a model that is not in it goes by its family.
        """
        cells: list[tuple[int, str, float, float]] = []
        for row, text in enumerate(texts):
            for said in json.loads(text) if text else ():
                if "probability_up" in said:
                    recipe = recipe_of.get(said["model_id"], said["family"])
                    cells.append((row, recipe, said["probability_up"], said["standardised_mean"]))
        recipes = tuple(sorted({recipe for _, recipe, _, _ in cells}))
        column = {recipe: place for place, recipe in enumerate(recipes)}
        log_odds, mean = (np.full((len(texts), len(recipes)), np.nan) for _ in range(2))
        rows = np.array([cell[0] for cell in cells], dtype=np.int64)
        columns = np.array([column[cell[1]] for cell in cells], dtype=np.int64)
        log_odds[rows, columns] = logit(np.array([cell[2] for cell in cells], dtype=np.float64))
        mean[rows, columns] = np.array([cell[3] for cell in cells], dtype=np.float64)
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


def reweighted(text: str, weights: Mapping[str, float]) -> str:
    """The ``ensemble`` text of one row with the weights of its model_ids."""
    members = json.loads(text)
    for member in members:
        member["weight"] = weights[member["model_id"]]
    return json.dumps(members)

"""Training of one ticker at one session: the network that served it, fine-tuned on what the session knew."""

from dataclasses import replace
from datetime import date
from functools import cached_property

from nextgen_assets.domain.fine_tuning import fine_tuned
from nextgen_assets.domain.models import ModelInputError, RefinableFamily, load_family
from nextgen_assets.domain.signal_answers import NOTHING_TO_START_FROM, TOO_LITTLE_HISTORY, NotTrained
from nextgen_assets.domain.splits import TooLittleDataError
from nextgen_assets.domain.trained_model import TrainedModel
from nextgen_assets.domain.training_data import TrainingData
from nextgen_assets.feature_selection import feature_set_of
from nextgen_assets.training_inputs import training_data
from nextgen_resources.model_store import ModelStore
from nextgen_resources.settings.schema import Settings
from nextgen_resources.training_checkpoints import TrainingCheckpoints
from nextgen_resources.warehouse.warehouse import Warehouse


class TickerTraining:
    """Fine-tunes for single tickers, at the sessions that it is told of.

    Parameters
    ----------
    sessions : list of date
        Cut-offs that may be asked for, ascending. Their windows are read when the first is asked for.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        settings: Settings,
        store: ModelStore,
        checkpoints: TrainingCheckpoints,
        sessions: list[date],
    ) -> None:
        self._warehouse, self._settings, self._store = warehouse, settings, store
        self._checkpoints, self._sessions = checkpoints, sessions
        self._champions: dict[str, TrainedModel] = {}

    def train(self, ticker: str, session: date) -> TrainedModel | NotTrained:
        """The model of ``ticker`` cut off at ``session``, or why there is none.

        Notes
        -----
        It goes on from the model for all that served the session: of the champion's family if that can go on,
        else of the first of the settings that can.
        """
        champion = self._champion(session)
        if champion is None:
            return NotTrained(
                NOTHING_TO_START_FROM,
                f"no network for all tickers served {session}; models.families needs one, trained by then",
            )
        data = self._data.get(session)
        if data is None:
            return NotTrained(TOO_LITTLE_HISTORY, f"no feature window is stored up to {session}")
        try:
            return fine_tuned(data, session, ticker, champion, self._checkpoints)
        except TooLittleDataError as error:
            return NotTrained(TOO_LITTLE_HISTORY, str(error))
        except (
            ModelInputError
        ) as error:  # such as a network of an older release: the next month brings a new one
            return NotTrained(NOTHING_TO_START_FROM, str(error))

    @cached_property
    def _data(self) -> dict[date, TrainingData]:
        return {
            cutoff: data for data, cutoff in training_data(self._warehouse, self._settings, self._sessions)
        }

    def _champion(self, session: date) -> TrainedModel | None:
        models = self._settings.models
        families = [models.champion, *(family for family in models.families if family != models.champion)]
        found = self._warehouse.read(
            "model_to_fine_tune",
            session=session,
            families=[family for family in families if isinstance(load_family(family), RefinableFamily)],
            feature_set_id=feature_set_of(self._settings).feature_set_id,
            horizon_sessions=models.horizon_sessions,
        )
        if found.is_empty():
            return None
        row = found.row(0, named=True)
        if row["model_id"] not in self._champions:
            arrays, manifest = self._store.load(row["artifact_path"], row["artifact_sha256"])
            self._champions[row["model_id"]] = self._eager(TrainedModel.from_artifact(arrays, manifest))
        return self._champions[row["model_id"]]

    def _eager(self, champion: TrainedModel) -> TrainedModel:
        """The champion with the passes that the settings give to a single ticker."""
        answers, known = self._settings.answers, champion.config["model"]
        passes = {
            "refining_epochs": answers.epochs,
            "refining_rate": answers.learning_rate_share,
            "batch_size": answers.batch_size,
        }
        own = {name: passes.get(name, value) for name, value in known.items()}
        return replace(champion, config={**champion.config, "model": own})

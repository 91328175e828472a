"""Training of the sentiment classifier, from labelled files to the weights in the package."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from nextgen_assets.commands.labelled_file import LabelledColumns, read_labelled
from nextgen_resources.sentiment.short_texts import __file__ as package_file
from nextgen_resources.sentiment.short_texts.training import Recipe, labelled_chronicle, save, train


def train_classifier(
    labelled: Path, others: Mapping[str, Path], columns: LabelledColumns, output: Path | None
) -> None:
    """Fit the weights to ``labelled``, choose the reading on ``others`` and the chronicle, write both.

    Parameters
    ----------
    labelled : Path
        File with the text that the weights are fitted to.
    others : mapping of str to Path
        Labelled text of other kinds, by name.
    columns : LabelledColumns
        Where text and label stand in ``labelled``; the files of ``others`` are read by the usual names.
    output : Path or None
        Folder to write to; None: the package itself.
    """
    folder = output or Path(package_file).parent
    folder.mkdir(parents=True, exist_ok=True)
    frames = {name: read_labelled(path, LabelledColumns()) for name, path in others.items()}
    model, recipe = train(
        read_labelled(labelled, columns), frames | {"chronicle": labelled_chronicle()}, Recipe()
    )
    save(model, recipe, folder)
    Console().print_json(recipe)

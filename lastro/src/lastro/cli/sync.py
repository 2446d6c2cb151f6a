"""`lastro sync`: the run of the current model, rebuilt from the stages' outputs."""

from __future__ import annotations

import click


@click.command("sync")
def command() -> None:
    """Rebuild the MLflow run of the model in this checkout from the pipeline's outputs.

    For outputs restored from DVC's cache, trained offline, or tracked on a server that was lost. Does nothing where the
    run is there and complete.
    """
    from lastro.core.errors import ExternalError, LastroError
    from lastro.core.paths import Paths, find_root
    from lastro.operations.tracking import record, runs, store

    paths = Paths.of(find_root())
    model = record.file_digest(paths.model)
    tracked = store.open_store(paths.root)
    try:
        before = runs.find_run(tracked, model)
        had = dict(before.data.tags) if before else {}
        where = record.record(tracked, paths, "evaluate")
        after = runs.find_run(tracked, model).data.tags
    except LastroError:
        raise
    except Exception as error:
        raise ExternalError(
            f"the run could not be recorded: {store.describe(error)}", fix="run lastro sync again"
        ) from None
    complete = all(had.get(tag) == after.get(tag) for tag in (runs.TRIAL, runs.TRAINED, runs.EVALUATED))
    print(f"{'complete already' if complete else 'recorded'}: {where}")

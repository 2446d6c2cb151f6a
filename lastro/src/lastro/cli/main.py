"""The command line. Each command is a file of its own, which is imported only when it is called."""

from __future__ import annotations

import difflib
import gc
import importlib

import click

from lastro.core.errors import exit_with_message

COMMANDS = {
    "check": "Print the verdict: exit 0 when it is pass, 1 when it is fail.",
    "doctor": "Check the tracking server, the DVC remote, Git, Docker and the packages.",
    "drift": "Compare the model in production with the newest data.",
    "github": "Do what the workflows do on GitHub: comment, status, release, settings.",
    "history": "Show what was promoted and rolled back: when, by whom, why.",
    "image": "Build, verify, push and run the published image.",
    "init": "Put your own table in the place of the example.",
    "merge": "Merge another branch, leaving dvc.lock to the pipeline.",
    "notes": "Write the files of a release: notes, model card, metrics, trace.",
    "promote": "Move staging or production to the model of a release tag, after checking it.",
    "register": "Register the model of a commit: exactly one version, however often it is run.",
    "release": "Say whether a release tag may be released, and why.",
    "report": "Report what a change does to the model: against the base revision and production.",
    "repro": "Run the pipeline, restoring what DVC's storage has.",
    "reproduce": "Train a commit's model again, and compare the bytes.",
    "retire": "Take a version out of every alias for good.",
    "rollback": "Return production to an earlier release.",
    "serve": "Serve a model on a local port, for trying out.",
    "show": "Show what stands behind a version, an alias or a release tag.",
    "stage": "Run one stage of the pipeline: what dvc.yaml calls.",
    "status": "Show commit, data, parameters and model of a revision, and whether dvc.lock is up to date.",
    "sync": "Rebuild the MLflow run of the current model where it is missing or incomplete.",
    "trace": "Show the chain behind a model, from commit to image, and where it is broken.",
    "train": "Train and track a trial with other hyperparameters; touches no file of the pipeline.",
    "versions": "List the registered versions, with their aliases.",
}


class LazyGroup(click.Group):
    """Knows its commands by name and summary, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return importlib.import_module(f"lastro.cli.{name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lastro")
def cli() -> None:
    """Lastro: a model repository whose only interface is Git.

    Exit codes: 0 done, 1 the verdict is no, 2 bad input or configuration, 3 another system failed.
    """


OBJECTS_BEFORE_COLLECTION = 100_000
"""Python's 700 make it look for cycles all through the import of MLflow, which leaves none: a sixth of its time."""


def main() -> None:
    """Run the command line: the console script."""
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    exit_with_message(lambda: cli(prog_name="lastro"))

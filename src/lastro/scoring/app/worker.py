"""What each worker process makes of the settings: the app."""

from __future__ import annotations

import json

from .http import App
from .model import Model
from .settings import Settings


def create() -> App:
    """The app of this process; uvicorn calls it."""
    settings = Settings.read()
    release = json.loads(settings.release.read_bytes()) if settings.release.exists() else {}
    return App(Model(settings.model), release, settings)

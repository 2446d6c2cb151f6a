"""What is printed of a store's address and of its errors: never a password."""

from __future__ import annotations

import pytest

from lastro.core.check import without_password
from lastro.operations.tracking.store import describe


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://ana:secret@mlflow.example.com/path", "https://mlflow.example.com/path"),
        ("https://ana:se@cret@mlflow.example.com", "https://mlflow.example.com"),
        (
            "postgresql://ana:secret@127.0.0.1:5432/mlflow?password=secret",
            "postgresql://127.0.0.1:5432/mlflow",
        ),
        ("sqlite:////home/ana/mlflow.db", "sqlite:////home/ana/mlflow.db"),
        ("azureml://eu.api.azureml.ms/mlflow/v1.0/x", "azureml://eu.api.azureml.ms/mlflow/v1.0/x"),
    ],
)
def test_address_without_its_password(uri, expected):
    assert without_password(uri) == expected


def test_reason_without_a_password():
    printed = describe(OSError("404 Client Error for url: https://ana:secret@mlflow.example.com/api"))
    assert printed == "404 Client Error for url: https://mlflow.example.com/api"

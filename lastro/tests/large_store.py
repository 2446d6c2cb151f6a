"""A store with thousands of runs and versions, copies of the first ones under digests of their own."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, create_engine, text

RUN_TABLES = ("tags", "params", "latest_metrics")


def digest(number: int) -> str:
    """The digest of the model of the copy with this number, from 1."""
    return hashlib.md5(f"model {number}".encode()).hexdigest()


def add_copies(uri: str, name: str, runs: int, versions: int) -> None:
    """Copy the newest version of `name` and its run, by SQL: over HTTP it would take an hour.

    Args:
        uri: of the database.
        runs: how many runs to add, oldest last.
        versions: how many versions to add, of the first of these runs.
    """
    engine = create_engine(uri)
    with engine.begin() as connection:
        newest = connection.execute(
            text(
                "SELECT version, run_id FROM model_versions WHERE name = :name AND current_stage != 'Deleted_Internal' "
                "ORDER BY version DESC"
            ),
            {"name": name},
        ).first()
        last = connection.execute(
            text("SELECT max(version) FROM model_versions WHERE name = :name"), {"name": name}
        ).scalar()
        connection.execute(text("CREATE TABLE copies (number INTEGER, run VARCHAR(32), model VARCHAR(32))"))
        rows = [
            {"number": n, "run": hashlib.md5(f"run {n}".encode()).hexdigest(), "model": digest(n)}
            for n in range(1, runs + 1)
        ]
        connection.execute(text("INSERT INTO copies VALUES (:number, :run, :model)"), rows)
        _copy(
            connection,
            "runs",
            f"o.run_uuid = '{newest.run_id}'",
            run_uuid="c.run",
            start_time="o.start_time - c.number",
            artifact_uri="replace(o.artifact_uri, o.run_uuid, c.run)",
        )
        by_digest = "CASE WHEN o.key = 'lastro.model' THEN c.model ELSE o.value END"
        for table in RUN_TABLES:
            changed = {"value": by_digest} if table == "tags" else {}
            _copy(connection, table, f"o.run_uuid = '{newest.run_id}'", run_uuid="c.run", **changed)
        these = f"o.name = '{name}' AND o.version = {newest.version} AND c.number <= {versions}"
        number, source = f"{last} + c.number", "'runs:/' || c.run || '/model'"
        _copy(
            connection,
            "model_versions",
            these,
            version=number,
            run_id="c.run",
            source=source,
            storage_location=source,
        )
        _copy(connection, "model_version_tags", these, version=number, value=by_digest)
        connection.execute(text("DROP TABLE copies"))
        # What comes row by row, autovacuum counts by itself.
        connection.execute(text("ANALYZE"))
    engine.dispose()


def _copy(connection: Connection, table: str, condition: str, **changed: str) -> None:
    """Insert into `table` its own rows once for each copy, with some columns changed."""
    columns = list(connection.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys())
    values = ", ".join(changed.get(column, f'o."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    connection.execute(
        text(f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} o, copies c WHERE {condition}")
    )

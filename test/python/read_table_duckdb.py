"""Reads Iceberg tables by their metadata files with DuckDB's own Iceberg extension and answers what it found.

Arguments of a request: metadata file, then optionally --snapshot ID and --where EXPRESSION.
Values are given as read_table.py gives them: timestamps as microseconds, dates as days, decimals as text, bytes as
hexadecimal, maps as objects.
"""

import argparse
import datetime
import decimal
import importlib.resources

import duckdb

from serve import serve

parser = argparse.ArgumentParser()
parser.add_argument("metadata")
parser.add_argument("--snapshot", type=int)
parser.add_argument("--where", default="true")

# Nothing is fetched: the extensions are those of the packages, signed by DuckDB.
connection = duckdb.connect(
    config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
)
for name in ("avro", "iceberg"):
    package = importlib.resources.files(f"duckdb_extension_{name}")
    connection.load_extension(str(package / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"))

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value):
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return (aware - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.date):
        return (value - EPOCH.date()).days
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def answer(given):
    arguments = parser.parse_args(given)
    location = arguments.metadata.removeprefix("file://")
    options = f", snapshot_from_id = {arguments.snapshot}" if arguments.snapshot else ""
    rows = connection.sql(f"SELECT * FROM iceberg_scan('{location}'{options}) WHERE {arguments.where}")
    snapshots = connection.sql(f"SELECT snapshot_id FROM iceberg_snapshots('{location}') ORDER BY sequence_number")
    return {
        "columns": [[name, str(kind)] for name, kind in zip(rows.columns, rows.types)],
        "rows": [[plain(value) for value in row] for row in rows.fetchall()],
        "snapshots": [str(snapshot) for (snapshot,) in snapshots.fetchall()],
    }


serve(answer)

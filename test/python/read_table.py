"""Reads Iceberg tables by their metadata files with PyIceberg and answers what it found.

Arguments of a request: metadata file, then optionally --snapshot ID and --filter EXPRESSION.
Values are printed without loss: timestamps as microseconds, dates as days, decimals as text, bytes as hexadecimal,
maps as objects.
"""

import argparse
import datetime
import decimal

import pyarrow as pa
from pyiceberg.table import StaticTable

from serve import serve

parser = argparse.ArgumentParser()
parser.add_argument("metadata")
parser.add_argument("--snapshot", type=int)
parser.add_argument("--filter")

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value, kind):
    if value is None:
        return None
    if pa.types.is_timestamp(kind):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return (aware - EPOCH) // datetime.timedelta(microseconds=1)
    if pa.types.is_date(kind):
        return (value - EPOCH.date()).days
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if pa.types.is_struct(kind):
        return {field.name: plain(value[field.name], field.type) for field in kind}
    if pa.types.is_map(kind):
        return {key: plain(item, kind.item_type) for key, item in value}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [plain(item, kind.value_type) for item in value]
    return value


def answer(given):
    arguments = parser.parse_args(given)
    table = StaticTable.from_metadata(arguments.metadata)
    options = {"snapshot_id": arguments.snapshot} if arguments.snapshot else {}
    if arguments.filter:
        options["row_filter"] = arguments.filter
    scan = table.scan(**options)
    rows = scan.to_arrow()
    return {
        "columns": [[field.name, str(field.type)] for field in rows.schema],
        "rows": [
            [plain(row[field.name], field.type) for field in rows.schema] for row in rows.to_pylist(maps_as_pydicts=None)
        ],
        "files": len(list(scan.plan_files())),
        "snapshots": [
            {"id": str(snapshot.snapshot_id), "operation": snapshot.summary.operation.value}
            for snapshot in table.metadata.snapshots
        ],
        "partition": str(table.spec()),
        "sort": str(table.sort_order()),
        "counts": table.inspect.files().select(["record_count", "file_size_in_bytes"]).to_pylist(),
    }


serve(answer)

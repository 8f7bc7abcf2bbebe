"""Uses Sluice's Iceberg REST catalogue as people do with PyIceberg and prints what it found as one JSON document.

Arguments: address of the server, client id, client secret, properties of the client as a JSON object.
"""

import datetime
import json
import sys

import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, DayTransform
from pyiceberg.types import IntegerType, LongType, NestedField, StringType, StructType, TimestamptzType

http, client_id, client_secret, properties = sys.argv[1:]
seen = {}


def connect(credential):
    return load_catalog("sluice", type="rest", uri=f"{http}/iceberg", credential=credential, **json.loads(properties))


def failure(work, *kinds):
    try:
        work()
    except Exception as error:
        return {"type": type(error).__name__, "text": str(error)[:400], "is_kind": isinstance(error, kinds)}
    return None


catalog = connect(f"{client_id}:{client_secret}")
seen["wrong_secret"] = failure(lambda: connect(f"{client_id}:nonsense").list_namespaces())
seen["wrong_token"] = failure(
    lambda: load_catalog("x", type="rest", uri=f"{http}/iceberg", token="nonsense").list_namespaces()
)

# What is there.
seen["namespaces"] = catalog.list_namespaces()
seen["tables"] = catalog.list_tables("prod")
seen["exists"] = [catalog.namespace_exists("prod"), catalog.namespace_exists("elsewhere"), catalog.table_exists("prod.orders")]
seen["no_namespace"] = failure(lambda: catalog.list_tables("elsewhere"), NoSuchNamespaceError)
seen["no_table"] = failure(lambda: catalog.load_table("prod.nothing"), NoSuchTableError)
seen["no_table_elsewhere"] = failure(lambda: catalog.load_table("elsewhere.orders"), NoSuchTableError)
orders = catalog.load_table("prod.orders")
seen["columns"] = [[field.name, str(field.field_type)] for field in orders.schema().fields]
seen["rows"] = orders.scan(selected_fields=("id", "name")).to_arrow().sort_by("id").to_pylist()

# A table of its own: schema, partition, nested column.
fields = Schema(
    NestedField(1, "id", StringType(), required=False),
    NestedField(2, "at", TimestamptzType(), required=False),
    NestedField(3, "n", IntegerType(), required=False),
    NestedField(4, "web", StructType(NestedField(5, "page", StringType(), required=False)), required=False),
)
by_day = PartitionSpec(PartitionField(2, 1000, DayTransform(), "at_day"))
visits = catalog.create_table("prod.visits", fields, partition_spec=by_day, properties={"owner": "me"})
seen["owner"] = visits.properties["owner"]
seen["spec"] = str(visits.spec())
arrow = pa.schema(
    [
        ("id", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("n", pa.int64()),
        ("web", pa.struct([("page", pa.string())])),
    ]
)


def rows(*numbers, schema=arrow, page="page"):
    start = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
    return pa.Table.from_pylist(
        [
            {"id": f"v{n}", "at": start + datetime.timedelta(days=n % 3), "n": n, "web": {page: f"/p{n}"}}
            for n in numbers
        ],
        schema=schema,
    )


visits.append(rows(*range(9)))
visits.overwrite(rows(100), overwrite_filter="n < 2")
visits.delete("n = 2")
with visits.update_schema() as update:
    update.rename_column(("web", "page"), "path")
    update.add_column("note", StringType())
later = pa.schema([*list(arrow)[:3], pa.field("web", pa.struct([("path", pa.string())])), pa.field("note", pa.string())])
visits.append(rows(200, schema=later, page="path"))
seen["visits"] = (
    visits.scan(selected_fields=("n", "web.path", "note")).to_arrow().sort_by("n").to_pylist()
)

# Two writers: who comes second is told so, and can do it again on what is there.
mine, theirs = catalog.load_table("prod.visits"), catalog.load_table("prod.visits")
stale = theirs.transaction()
stale.append(rows(302, schema=later, page="path"))
mine.append(rows(301, schema=later, page="path"))
requirements, updates = stale._requirements, stale._updates
seen["stale"] = failure(
    lambda: catalog.commit_table(theirs, (*requirements,), updates), CommitFailedException
)
theirs.refresh()
theirs.append(rows(303, schema=later, page="path"))

# A client that lost the answer asks again.
repeated = catalog.load_table("prod.visits").transaction()
repeated.append(rows(304, schema=later, page="path"))
requirements, updates = repeated._requirements, repeated._updates
for _ in range(2):
    catalog.commit_table(theirs, (*requirements,), updates)

# Created with its rows in one step.
with catalog.create_table_transaction("prod.together", Schema(NestedField(1, "k", LongType(), required=False))) as together:
    together.append(pa.table({"k": pa.array([1, 2, 3], pa.int64())}))
whole = catalog.load_table("prod.together")
seen["together"] = sorted(whole.scan(selected_fields=("k",)).to_arrow()["k"].to_pylist())
seen["together_columns"] = [field.name for field in whole.schema().fields]
whole.append(pa.table({"k": pa.array([4], pa.int64())}))

# What is refused.
one = Schema(NestedField(1, "k", LongType(), required=False))
location = visits.location()
seen["taken"] = failure(lambda: catalog.create_table("prod.visits", one), TableAlreadyExistsError)
seen["foreign"] = failure(lambda: catalog.create_table("prod.foreign", one, location="file:///tmp/elsewhere"))
seen["v3"] = failure(lambda: catalog.create_table("prod.third", one, properties={"format-version": "3"}))
seen["merge_on_read"] = failure(
    lambda: catalog.create_table("prod.mor", one, properties={"write.delete.mode": "merge-on-read"})
)
bucket = PartitionSpec(PartitionField(1, 1000, BucketTransform(4), "k_bucket"))
seen["bucket"] = failure(lambda: catalog.create_table("prod.bucketed", one, partition_spec=bucket))
seen["bad_name"] = failure(lambda: catalog.create_table("prod.pg_mine", one))


def move():
    with visits.transaction() as transaction:
        transaction.set_properties({"write.data.path": "file:///tmp/elsewhere"})


seen["moved"] = failure(move)
seen["schema_of_registry"] = failure(lambda: catalog.load_table("prod.governed").update_schema().add_column("x", StringType()).commit())
seen["after"] = catalog.load_table("prod.visits").location() == location

# Gone.
catalog.create_table("prod.shortlived", one)
catalog.drop_table("prod.shortlived")
catalog.create_table("prod.purged", one).append(pa.table({"k": pa.array([1], pa.int64())}))
catalog.purge_table("prod.purged")
seen["dropped"] = [catalog.table_exists("prod.shortlived"), catalog.table_exists("prod.purged")]
print(json.dumps(seen, default=str))

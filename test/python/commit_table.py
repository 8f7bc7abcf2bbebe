"""Makes a change of an Iceberg table with PyIceberg, writes its files, and prints the commit instead of making it.

Arguments: metadata file, then one of
  append ROWS        rows as a JSON array of objects by column name; timestamps as ISO text
  delete EXPRESSION
  overwrite EXPRESSION ROWS
  add NAME           a column of texts
"""

import datetime
import json
import sys

import pyarrow as pa
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.io import load_file_io
from pyiceberg.table import Table
from pyiceberg.serializers import FromInputFile
from pyiceberg.types import StringType


class Printed(Exception):
    pass


class Printer(NoopCatalog):
    def commit_table(self, table, requirements, updates):
        plain = lambda items: [json.loads(item.model_dump_json(by_alias=True, exclude_none=True)) for item in items]
        print(json.dumps({"requirements": plain(requirements), "updates": plain(updates)}))
        raise Printed


location, command, *arguments = sys.argv[1:]
io = load_file_io({})
metadata = FromInputFile.table_metadata(io.new_input(location))
table = Table(("lake", "table"), metadata, location, io, Printer("printer"))


def rows_of(text):
    schema = table.schema().as_arrow()
    rows = json.loads(text)
    for row in rows:
        for field in schema:
            if pa.types.is_timestamp(field.type) and row.get(field.name):
                row[field.name] = datetime.datetime.fromisoformat(row[field.name])
    return pa.Table.from_pylist(rows, schema=schema)


try:
    if command == "append":
        table.append(rows_of(arguments[0]))
    elif command == "delete":
        table.delete(arguments[0])
    elif command == "overwrite":
        table.overwrite(rows_of(arguments[1]), overwrite_filter=arguments[0])
    elif command == "add":
        with table.update_schema() as update:
            update.add_column(arguments[0], StringType())
except Printed:
    pass

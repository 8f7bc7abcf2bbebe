"""Makes changes of Iceberg tables with PyIceberg, writes their files, and answers the commit instead of making it.

Arguments of a request: metadata file, then one of
  append ROWS        rows as a JSON array of objects by column name; timestamps as ISO text
  delete EXPRESSION
  overwrite EXPRESSION ROWS
  add NAME           a column of texts
"""

import datetime
import json

import pyarrow as pa
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.io import load_file_io
from pyiceberg.table import Table
from pyiceberg.serializers import FromInputFile
from pyiceberg.types import StringType

from serve import serve


class Told(Exception):
    pass


class Teller(NoopCatalog):
    def commit_table(self, table, requirements, updates):
        plain = lambda items: [json.loads(item.model_dump_json(by_alias=True, exclude_none=True)) for item in items]
        raise Told({"requirements": plain(requirements), "updates": plain(updates)})


def rows_of(table, text):
    schema = table.schema().as_arrow()
    rows = json.loads(text)
    for row in rows:
        for field in schema:
            if pa.types.is_timestamp(field.type) and row.get(field.name):
                row[field.name] = datetime.datetime.fromisoformat(row[field.name])
    return pa.Table.from_pylist(rows, schema=schema)


def answer(given):
    location, command, *arguments = given
    io = load_file_io({})
    metadata = FromInputFile.table_metadata(io.new_input(location))
    table = Table(("lake", "table"), metadata, location, io, Teller("teller"))
    try:
        if command == "append":
            table.append(rows_of(table, arguments[0]))
        elif command == "delete":
            table.delete(arguments[0])
        elif command == "overwrite":
            table.overwrite(rows_of(table, arguments[1]), overwrite_filter=arguments[0])
        elif command == "add":
            with table.update_schema() as update:
                update.add_column(arguments[0], StringType())
    except Told as told:
        return told.args[0]


serve(answer)

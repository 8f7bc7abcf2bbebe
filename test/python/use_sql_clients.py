"""Drives Python's PostgreSQL clients at a Sluice and prints what they saw, as JSON. Connection by PG* variables."""

import asyncio
import datetime
import decimal
import json
import os
import ssl
import sys

import asyncpg
import pandas
import psycopg
import sqlalchemy

QUERY = "SELECT id, at, pages, value, tags FROM visits ORDER BY id"


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    raise TypeError(repr(value))


def use_psycopg():
    seen = {}
    with psycopg.connect() as connection:
        seen["version"] = connection.info.server_version
        seen["rows"] = connection.execute(QUERY).fetchall()
        seen["binary"] = connection.cursor(binary=True).execute(QUERY).fetchall()
        seen["parameters"] = connection.execute(
            "SELECT id FROM visits WHERE pages >= %s AND person = %s ORDER BY id", (2, "ann")
        ).fetchall()
        with connection.cursor(name="server") as cursor:
            cursor.itersize = 2
            cursor.execute("SELECT id FROM visits ORDER BY id")
            seen["cursor"] = [row[0] for row in cursor]
        with connection.cursor().copy("COPY (SELECT id, value FROM visits ORDER BY id) TO STDOUT") as copy:
            seen["copy"] = list(copy.rows())
        binary = "COPY (SELECT id, pages FROM visits ORDER BY id) TO STDOUT (FORMAT binary)"
        with connection.cursor().copy(binary) as copy:
            copy.set_types(["text", "int4"])
            seen["copyBinary"] = list(copy.rows())
        with connection.transaction():
            try:
                with connection.transaction():
                    connection.execute("SELECT nothing FROM visits")
            except psycopg.errors.UndefinedColumn as error:
                seen["error"] = [error.sqlstate, error.diag.statement_position]
            seen["after"] = connection.execute("SELECT 1").fetchone()
        seen["regtype"] = psycopg.types.TypeInfo.fetch(connection, "text").oid
    with psycopg.connect(autocommit=True) as connection, connection.pipeline():
        cursors = [connection.execute("SELECT %s::int + 1", (number,)) for number in range(20)]
        seen["pipeline"] = [cursor.fetchone()[0] for cursor in cursors]
    return seen


async def use_asyncpg():
    context = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
    pool = await asyncpg.create_pool(
        host=os.environ["PGHOST"],
        port=int(os.environ["PGPORT"]),
        user=os.environ["PGUSER"],
        password=os.environ["PGPASSWORD"],
        database=os.environ["PGDATABASE"],
        ssl=context,
        min_size=1,
        max_size=2,
    )
    async with pool.acquire() as connection:
        seen = {"rows": [list(row.values()) for row in await connection.fetch(QUERY)]}
        seen["parameters"] = await connection.fetchval("SELECT count(*) FROM visits WHERE pages > $1", 1)
        seen["tables"] = [
            row["relname"]
            for row in await connection.fetch(
                "SELECT c.relname FROM pg_class c WHERE c.relkind = ANY($1::\"char\"[]) AND"
                " c.relnamespace = $2::regnamespace ORDER BY 1",
                [b"r", b"v"],
                "public",
            )
        ]
        async with connection.transaction():
            seen["cursor"] = [row["id"] async for row in connection.cursor("SELECT id FROM visits ORDER BY id", prefetch=1)]
        copied = bytearray()

        async def take(data):
            copied.extend(data)

        await connection.copy_from_query("SELECT id, pages FROM visits ORDER BY id", output=take, format="csv")
        seen["copy"] = copied.decode()
    async with pool.acquire() as connection:
        seen["again"] = await connection.fetchval("SELECT 1")
    await pool.close()
    return seen


def use_sqlalchemy():
    name = os.environ["PGDATABASE"]
    url = sqlalchemy.URL.create("postgresql+psycopg", database=name)
    engine = sqlalchemy.create_engine(url)
    inspector = sqlalchemy.inspect(engine)
    columns = inspector.get_columns("visits")
    seen = {
        "tables": inspector.get_table_names(),
        "views": inspector.get_view_names(),
        "schemas": inspector.get_schema_names(),
        "columns": [[column["name"], str(column["type"])] for column in columns],
        "keys": inspector.get_pk_constraint("visits")["constrained_columns"],
        "indexes": inspector.get_indexes("visits"),
        "foreign": inspector.get_foreign_keys("visits"),
        "comment": inspector.get_table_comment("visits")["text"],
        "definition": inspector.get_view_definition("people"),
    }
    visits = sqlalchemy.Table("visits", sqlalchemy.MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        found = sqlalchemy.select(visits.c.id, visits.c.tags).where(visits.c.pages > 1).order_by(visits.c.id)
        seen["reflected"] = [list(row) for row in connection.execute(found)]
        frame = pandas.read_sql_query(sqlalchemy.text(QUERY), connection)
        seen["pandas"] = [list(frame.columns), int(frame["pages"].sum()), str(frame["at"].dtype)]
        seen["table"] = len(pandas.read_sql_table("visits", connection))
    return seen


if __name__ == "__main__":
    uses = {"psycopg": use_psycopg, "asyncpg": lambda: asyncio.run(use_asyncpg()), "sqlalchemy": use_sqlalchemy}
    json.dump(uses[sys.argv[1]](), sys.stdout, default=plain)

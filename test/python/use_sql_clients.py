"""Drives Python's PostgreSQL clients at a Sluice and prints what they saw, as JSON. Connection by PG* variables."""

import asyncio
import datetime
import decimal
import io
import json
import os
import ssl
import sys
import uuid

import asyncpg
import pandas
import pg8000.native
import psycopg
import psycopg.types.json
import psycopg2
import psycopg2.extras
import sqlalchemy

# What must come back as it was sent, however a client puts it into a statement.
TEXTS = ["a'b", "a\\b", "\\' OR true --", "\\", "100\\%", "zażółć 🦊", ""]

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
        client = psycopg.ClientCursor(connection)
        seen["texts"] = [client.execute("SELECT %s", (text,)).fetchone()[0] for text in TEXTS] == TEXTS
        seen["several"] = connection.execute(
            "SELECT id FROM visits WHERE id = ANY(%s) AND pages <> ALL(%s) ORDER BY id", (["v1", "v2", "v9"], [1])
        ).fetchall()
        seen["span"] = connection.execute(
            "SELECT id FROM visits WHERE at > timestamp '2026-01-02 12:00:00' - %s", (datetime.timedelta(hours=6),)
        ).fetchall()
        # Types that are texts to us have bytes of their own, and numerics the digits they are written with.
        one = uuid.UUID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
        values = {
            "uuid": one,
            "uuids": [one],
            "jsonb": psycopg.types.json.Jsonb({"a": 1}),
            "small": decimal.Decimal("1e-20"),
            "large": 2**70,
            "price": decimal.Decimal("1.50"),
            "prices": [decimal.Decimal("1.5"), decimal.Decimal("22.25")],
        }
        seen["own"] = {
            name: [
                connection.execute(f"SELECT {place}::text", (value,)).fetchone()[0]
                for place in ("%t", "%b")
            ]
            for name, value in values.items()
        }
        seen["regtype"] = psycopg.types.TypeInfo.fetch(connection, "text").oid
    with psycopg.connect(autocommit=True) as connection, connection.pipeline():
        cursors = [connection.execute("SELECT %s::int + 1", (number,)) for number in range(20)]
        seen["pipeline"] = [cursor.fetchone()[0] for cursor in cursors]
    return seen


def use_psycopg2():
    seen = {}
    connection = psycopg2.connect("")

    def all_of(statement, values=None):
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    seen["rows"] = all_of(QUERY)
    seen["texts"] = [all_of("SELECT %s", (text,))[0][0] for text in TEXTS] == TEXTS
    seen["parameters"] = all_of(
        "SELECT id FROM visits WHERE pages IN %s AND at >= %s AND value = %s AND id = ANY(%s)",
        ((3, 7), datetime.datetime(2026, 1, 1), decimal.Decimal("12.50"), ["v1", "a\\b"]),
    )
    seen["bytes"] = bytes(all_of("SELECT %s", (b"\0\xff\\'",))[0][0]).hex()
    with connection.cursor("server side") as cursor:
        cursor.itersize = 2
        cursor.execute("SELECT id FROM visits ORDER BY id")
        seen["cursor"] = [row[0] for row in cursor]
    try:
        all_of("SELECT nothing FROM visits")
    except psycopg2.errors.UndefinedColumn as error:
        seen["error"] = [error.pgcode, error.diag.statement_position]
    connection.rollback()
    connection.set_session(isolation_level="SERIALIZABLE", readonly=True, deferrable=True)
    with connection.cursor() as cursor:
        values = psycopg2.extras.execute_values(cursor, "SELECT * FROM (VALUES %s) AS v(a, b)", [(1, "x"), (2, "\\")], fetch=True)
    connection.reset()
    seen["values"] = values
    seen["after"] = all_of("SELECT 1")
    connection.close()
    return seen


def use_pg8000():
    seen = {}
    connection = pg8000.native.Connection(
        os.environ["PGUSER"],
        host=os.environ["PGHOST"],
        port=int(os.environ["PGPORT"]),
        password=os.environ["PGPASSWORD"],
        database=os.environ["PGDATABASE"],
        ssl_context=ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"]),
    )
    seen["rows"] = connection.run(QUERY)
    seen["texts"] = [connection.run("SELECT :text", text=text)[0][0] for text in TEXTS] == TEXTS
    seen["parameters"] = connection.run(
        "SELECT id FROM visits WHERE pages >= :pages AND at < :at AND value = :value AND id = ANY(:ids)",
        pages=3,
        at=datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
        value=decimal.Decimal("12.50"),
        ids=["v1", "v3"],
    )
    prepared = connection.prepare("SELECT :number + 1")
    seen["prepared"] = [prepared.run(number=number)[0][0] for number in range(3)]
    prepared.close()
    try:
        connection.run("SELECT nothing FROM visits")
    except pg8000.exceptions.DatabaseError as error:
        seen["error"] = [error.args[0]["C"], error.args[0]["P"]]
    copied = io.BytesIO()
    connection.run("COPY (SELECT id, pages FROM visits ORDER BY id) TO STDOUT WITH (FORMAT csv)", stream=copied)
    seen["copy"] = copied.getvalue().decode()
    connection.close()
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
        seen["several"] = [
            row["id"]
            for row in await connection.fetch(
                "SELECT id FROM visits WHERE id = ANY($1) AND pages <> ALL($2) AND at > timestamp '2026-01-01' - $3::interval"
                " ORDER BY id",
                ["v1", "v2", None],
                [1],
                datetime.timedelta(days=2, seconds=3),
            )
        ]
        async with connection.transaction():
            seen["cursor"] = [row["id"] async for row in connection.cursor("SELECT id FROM visits ORDER BY id", prefetch=1)]
        copied = bytearray()

        async def take(data):
            copied.extend(data)

        # It writes the values of parameters into the text, as `'2026-…'::pg_catalog.timestamptz`.
        copy = "SELECT id, pages FROM visits WHERE at > $1 OR id <> $2 ORDER BY id"
        since = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        await connection.copy_from_query(copy, since, "it's", output=take, format="csv")
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
    uses = {
        "psycopg": use_psycopg,
        "psycopg2": use_psycopg2,
        "pg8000": use_pg8000,
        "asyncpg": lambda: asyncio.run(use_asyncpg()),
        "sqlalchemy": use_sqlalchemy,
    }
    json.dump(uses[sys.argv[1]](), sys.stdout, default=plain)

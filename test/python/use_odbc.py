"""Drives psqlODBC, by way of pyodbc, at a Sluice as BI tools do, and prints what it saw, as JSON. Connection by PG* variables."""

import datetime
import decimal
import json
import os
import sys

import pyodbc

DRIVER = "/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so"


def connect(**options):
    settings = {
        "DRIVER": DRIVER,
        "SERVER": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"],
        "DATABASE": os.environ["PGDATABASE"],
        "UID": os.environ["PGUSER"],
        "PWD": os.environ["PGPASSWORD"],
        "SSLmode": "require",
        **options,
    }
    return pyodbc.connect(";".join(f"{name}={value}" for name, value in settings.items()), autocommit=True)


def plain(value):
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    raise TypeError(repr(value))


def lists(rows):
    return [list(row) for row in rows]


seen = {}
# As Tableau connects: rows come by cursors, two at a time.
with connect(UseDeclareFetch=1, Fetch=2) as connection:
    cursor = connection.cursor()
    query = "SELECT id, at, pages, value FROM visits ORDER BY id"
    seen["rows"] = lists(cursor.execute(query).fetchall())
    seen["names"] = [(column[0], column[1].__name__) for column in cursor.description]
    seen["parameters"] = lists(
        cursor.execute("SELECT id FROM visits WHERE pages >= ? AND person = ? ORDER BY id", 2, "ann").fetchall()
    )
    seen["many"] = len(
        cursor.execute("SELECT a.pages FROM visits a, visits b, visits c, visits d").fetchall()
    )
    seen["tables"] = lists(
        (row.table_schem, row.table_name, row.table_type)
        for row in cursor.tables(schema="public").fetchall()
    )
    seen["columns"] = lists(
        (row.column_name, row.type_name, row.nullable)
        for row in cursor.columns(table="visits", schema="public").fetchall()
    )
    seen["keys"] = lists(cursor.primaryKeys("visits").fetchall())
    seen["types"] = len(cursor.getTypeInfo().fetchall()) > 10
    try:
        cursor.execute("SELECT nothing FROM visits").fetchall()
    except pyodbc.Error as error:
        seen["error"] = error.args[0]
    seen["after"] = cursor.execute("SELECT 1").fetchval()
    seen["product"] = connection.getinfo(pyodbc.SQL_DBMS_NAME), connection.getinfo(pyodbc.SQL_DBMS_VER)

# Without cursors, and prepared by the server.
with connect(UseDeclareFetch=0, UseServerSidePrepare=1) as connection:
    cursor = connection.cursor()
    seen["again"] = [
        cursor.execute("SELECT count(*) FROM visits WHERE pages >= ?", least).fetchval() for least in (1, 3, 7)
    ]

# In a transaction of the driver's: an error, and a rollback.
with connect(UseDeclareFetch=1) as connection:
    connection.autocommit = False
    cursor = connection.cursor()
    seen["within"] = cursor.execute("SELECT id FROM visits WHERE pages = 7").fetchval()
    connection.rollback()
    seen["rolledBack"] = cursor.execute("SELECT count(*) FROM visits").fetchval()
    connection.commit()

json.dump(seen, sys.stdout, default=plain)

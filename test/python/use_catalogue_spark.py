"""Uses Iceberg REST catalogues of Sluice from Spark SQL, one after the other in one session, and prints what it found in
each as one JSON document.

Arguments: jars with commas between them, a JSON list of catalogues with `http`, `clientId`, `clientSecret`, `settings`.
"""

import json
import sys

from pyspark.sql import SparkSession

jars, catalogues = sys.argv[1], json.loads(sys.argv[2])
settings = {
    "spark.jars": jars,
    "spark.driver.memory": "1g",
    # One short session: compiling much of it costs more than it saves.
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
}
for number, given in enumerate(catalogues):
    catalogue = f"spark.sql.catalog.sluice{number}"
    settings |= {
        catalogue: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalogue}.type": "rest",
        f"{catalogue}.uri": f"{given['http']}/iceberg",
        f"{catalogue}.credential": f"{given['clientId']}:{given['clientSecret']}",
        f"{catalogue}.oauth2-server-uri": f"{given['http']}/iceberg/v1/oauth/tokens",
        f"{catalogue}.cache-enabled": "false",
        **{f"{catalogue}.{name}": value for name, value in given["settings"].items()},
    }
builder = SparkSession.builder.master("local[1]")
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")


def rows(statement):
    return [list(row) for row in spark.sql(statement).collect()]


def failure(statement):
    try:
        rows(statement)
    except Exception as error:
        return str(error)[:600]
    return None


def used():
    seen = {}
    seen["namespaces"] = rows("show namespaces")
    seen["tables"] = sorted(row[1] for row in rows("show tables in prod"))
    seen["orders"] = rows("select id, name, web.page from prod.orders order by id")
    rows("insert into prod.orders (id, name, web) values (3, 'three', named_struct('page', '/3'))")
    seen["inserted"] = rows("select id, name, web.page from prod.orders order by id")
    rows("create table prod.copied using iceberg as select id, name, cast(id as int) as small, timestamp'2026-01-01 00:00:00' as at from prod.orders")
    seen["copied"] = rows("select id, name, small from prod.copied order by id")
    rows("create table prod.days (id bigint, at timestamp, note string) using iceberg partitioned by (days(at))")
    rows("insert into prod.days (id, at, note) values (1, timestamp'2026-01-01 05:00:00', 'a'), (2, timestamp'2026-01-02 05:00:00', 'b')")
    rows("update prod.days set note = 'changed' where id = 1")
    rows("delete from prod.days where id = 2")
    rows(
        """merge into prod.copied c using (select 1 as id, 'ONE' as name union all select 9, 'nine') s on c.id = s.id
           when matched then update set name = s.name when not matched then insert (id, name) values (s.id, s.name)"""
    )
    seen["merged"] = rows("select id, name from prod.copied order by id")
    rows("alter table prod.copied add column extra string")
    rows("alter table prod.copied rename column name to title")
    rows("insert into prod.copied (id, title, extra) values (10, 'ten', 'more')")
    seen["altered"] = rows("select id, title, extra from prod.copied where id > 8 order by id")
    seen["snapshots"] = [row[0] for row in rows("select operation from prod.copied.snapshots order by committed_at")]
    seen["deletes"] = rows("select count(*) from prod.copied.all_delete_files")
    seen["merge_on_read"] = failure("alter table prod.days set tblproperties ('write.delete.mode' = 'merge-on-read')")
    seen["v3"] = failure("create table prod.third (id bigint) using iceberg tblproperties ('format-version' = '3')")
    seen["foreign"] = failure("create table prod.elsewhere (id bigint) using iceberg location 'file:///tmp/elsewhere'")
    seen["missing"] = failure("select * from prod.nothing")
    rows("create table prod.shortlived (id bigint) using iceberg")
    rows("drop table prod.shortlived")
    seen["left"] = sorted(row[1] for row in rows("show tables in prod"))
    return seen


found = []
for number in range(len(catalogues)):
    spark.catalog.setCurrentCatalog(f"sluice{number}")
    found.append(used())
print(json.dumps(found, default=str))
spark.stop()

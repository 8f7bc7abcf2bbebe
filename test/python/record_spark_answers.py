"""Records what Apache Spark answers, with ANSI mode off and the zone UTC, into a fixture of cases.

    record_spark_answers.py test/fixtures/spark-ansi-off.jsonl

A line is a case: a topic, a statement, and the columns' types and rows, or the condition of the error. Every answer is
made anew, so a new case is a line of topic and statement alone. Structs are arrays of their values, maps arrays of
pairs, decimals and times texts, bytes hex digits, whole numbers beyond 2**53 texts.
"""

import json
import math
import os
import re
import sys

os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

from pyspark.sql import SparkSession
from pyspark.sql import types as t

PLAIN = (t.BooleanType, t.ByteType, t.ShortType, t.IntegerType, t.StringType, t.NullType)
NUMBERS = (t.FloatType, t.DoubleType, t.DecimalType, t.LongType, t.BinaryType)


def is_native(data_type):
    """Whether Python's own value is exact; the others are taken as Spark writes them."""
    if isinstance(data_type, t.ArrayType):
        return is_native(data_type.elementType)
    if isinstance(data_type, t.MapType):
        return is_native(data_type.keyType) and is_native(data_type.valueType)
    if isinstance(data_type, t.StructType):
        return all(is_native(field.dataType) for field in data_type.fields)
    return isinstance(data_type, PLAIN + NUMBERS)


def encoded(value, data_type):
    if value is None:
        return None
    if isinstance(data_type, (t.FloatType, t.DoubleType)):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(data_type, t.DecimalType):
        return format(value, "f")
    if isinstance(data_type, t.LongType):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(data_type, t.BinaryType):
        return bytes(value).hex()
    if isinstance(data_type, t.ArrayType):
        return [encoded(item, data_type.elementType) for item in value]
    if isinstance(data_type, t.MapType):
        return [
            [encoded(key, data_type.keyType), encoded(item, data_type.valueType)] for key, item in value.items()
        ]
    if isinstance(data_type, t.StructType):
        return [encoded(item, field.dataType) for item, field in zip(value, data_type.fields)]
    return value


def answers(spark, items, behind=""):
    """One answer for each expression; `behind` is what follows the list of them."""
    frame = spark.sql(f"SELECT {', '.join(items)}{behind}")
    fields = frame.schema.fields
    columns = [
        f"c{index}" if is_native(field.dataType) else f"CAST(c{index} AS STRING) AS c{index}"
        for index, field in enumerate(fields)
    ]
    rows = frame.toDF(*[f"c{index}" for index in range(len(fields))]).selectExpr(*columns).collect()
    kinds = [field.dataType for field in fields]
    names = [kind.simpleString() for kind in kinds]
    values = [
        [encoded(value, kind) if is_native(kind) else value for value, kind in zip(row, kinds)] for row in rows
    ]
    return names, values


def whole_answer(spark, text):
    try:
        types, rows = answers(spark, [text])
        return {"types": types, "rows": rows}
    except Exception as error:
        condition = getattr(error, "getCondition", lambda: None)()
        return {"error": condition or type(error).__name__}


def answers_of(spark, texts):
    """Many expressions of one row are one statement, unless one of them is an error or makes rows."""
    if len(texts) > 1:
        try:
            types, rows = answers(spark, texts)
            if len(types) == len(texts) and len(rows) == 1:
                return [{"types": [kind], "rows": [[value]]} for kind, value in zip(types, rows[0])]
        except Exception:
            pass
        half = len(texts) // 2
        return answers_of(spark, texts[:half]) + answers_of(spark, texts[half:])
    return [whole_answer(spark, text) for text in texts]


def groups(cases):
    """Runs of cases of one topic that are one expression each."""
    run = []
    for case in cases:
        is_alone = re.search(r"\bFROM (VALUES|range|explode)\b|\bFROM \(|\bLATERAL VIEW\b|\bGROUP BY\b", case["sql"])
        if run and (case["topic"] != run[0]["topic"] or is_alone or len(run) == 32):
            yield run
            run = []
        if is_alone:
            yield [case]
        else:
            run.append(case)
    if run:
        yield run


def main(path):
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.driver.extraJavaOptions", "-Duser.timezone=UTC -XX:+UseSerialGC")
        .config("spark.sql.ansi.enabled", "false")
        .config("spark.log.level", "OFF")
        .getOrCreate()
    )
    with open(path, encoding="utf8") as file:
        cases = [json.loads(line) for line in file]
    lines = []
    for run in groups(cases):
        texts = [case["sql"].removeprefix("SELECT ") for case in run]
        for case, answer in zip(run, answers_of(spark, texts)):
            lines.append(json.dumps({"topic": case["topic"], "sql": case["sql"], **answer}, ensure_ascii=False))
    with open(path, "w", encoding="utf8") as file:
        file.write("\n".join(lines) + "\n")
    spark.stop()


main(*sys.argv[1:])

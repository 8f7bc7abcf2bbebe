"""Writes the rows of one Parquet file into a folder, as another program does it, and prints the seconds.

Arguments: which program (`chdb-json`, `chdb-csv`, `dlt`), the file, the folder.
"""

import sys
import time

which, source, folder = sys.argv[1:]


def chdb(form, ending):
    import chdb

    started = time.perf_counter()
    chdb.query(
        f"SELECT * FROM file('{source}', Parquet) INTO OUTFILE '{folder}/rows.{ending}.gz' "
        f"COMPRESSION 'gzip' LEVEL 6 FORMAT {form}"
    )
    return time.perf_counter() - started


def dlt():
    import dlt
    import pyarrow.parquet as parquet
    from dlt.destinations import filesystem

    started = time.perf_counter()
    pipeline = dlt.pipeline("bench", destination=filesystem(bucket_url=folder), pipelines_dir=f"{folder}/state")
    batches = (batch for batch in parquet.ParquetFile(source).iter_batches(100_000))
    pipeline.run(dlt.resource(batches, name="events"), loader_file_format="parquet").raise_on_failed_jobs()
    return time.perf_counter() - started


ways = {
    "chdb-json": lambda: chdb("JSONEachRow", "json"),
    "chdb-csv": lambda: chdb("CSVWithNames", "csv"),
    "dlt": dlt,
}
print(ways[which]())

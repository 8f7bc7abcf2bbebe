"""Loads files with the public client aepp, unmodified, and looks at what became of them; prints what it saw as JSON."""
import io
import json
import time

from aepp_session import Noted, called, configure

http = configure()
from aepp import catalog, dataaccess, ingestion, schema

registry = Noted(schema.Schema())
tenant = registry.getTenantId()
group = registry.createFieldGroup(
    {
        "title": "loaded group",
        "type": "object",
        "meta:intendedToExtend": ["https://ns.adobe.com/xdm/context/profile"],
        "definitions": {
            "customFields": {
                "type": "object",
                "properties": {f"_{tenant}": {"type": "object", "properties": {"level": {"type": "integer"}}}},
            }
        },
        "allOf": [{"$ref": "#/definitions/customFields"}],
    }
)
made = registry.createProfileSchema(name="loaded", fieldGroupIds=[group["$id"]])
datasets = Noted(catalog.Catalog())
dataset = datasets.createDataSet(name="loaded rows", schemaId=made["$id"])[0].split("/")[-1]
loads = Noted(ingestion.DataIngestion())
access = Noted(dataaccess.DataAccess())


def row(level):
    return {"_id": str(level), f"_{tenant}": {"level": level}}


def finished(batch):
    for _ in range(300):
        status = datasets.getBatch(batch)[batch]["status"]
        if status not in ("loading", "queued", "processing"):
            return status
        time.sleep(0.1)


def load(rows, **options):
    batch = loads.createBatch(dataset, format="json", **options)["id"]
    loads.uploadSmallFile(batch, dataset, "rows.json", data=rows)
    loads.uploadSmallFileFinish(batch)
    return batch, finished(batch)


small = load([row(1), row(2)])
partial = load([row(3), row("x")], multiline=True, enableDiagnostic=True, partialIngestionPercentage=50)
failed = load([row("y")])

looked_at = loads.createBatch(dataset, format="json")["id"]
loads.uploadSmallFile(looked_at, dataset, "rows.json", data=[row(6), row("z"), row(7)])
upload_preview = loads.getPreviewBatchDataset(looked_at, dataset, nrow=2)
loads.uploadSmallFileFinish(looked_at, action="ABORT")

large = loads.createBatch(dataset, format="json")["id"]
text = json.dumps(row(4)).encode() + b"\n"
place = (large, dataset, "folder/large.json")
loads.uploadLargeFileStartEnd(*place, action="INITIALIZE")
loads.uploadLargeFilePart(*place, data=text[10:], contentRange=f"bytes 10-{len(text) - 1}/{len(text)}")
loads.uploadLargeFilePart(*place, data=text[:10], contentRange=f"bytes 0-9/{len(text)}")
loads.uploadLargeFileStartEnd(*place, action="COMPLETE")
head = loads.headFileStatus(*place)
loads.uploadSmallFileFinish(large)
large_status = finished(large)

given_up = loads.createBatch(dataset, format="json")["id"]
loads.uploadSmallFileFinish(given_up, action="FAIL")
loads.deleteBatch(small[0])
for _ in range(300):
    if datasets.getBatch(small[0])[small[0]]["status"] == "inactive":
        break
    time.sleep(0.1)

[loaded] = access.getBatchFiles(large)
[file] = access.getFiles(loaded["dataSetFileId"])["data"]
parquet = access.getFiles(loaded["dataSetFileId"], path=file["name"]).read()
file_head = access.getHeadFile(loaded["dataSetFileId"], path=file["name"])
preview = access.getPreview(dataset)
replay = loads.replayBatch(dataset, [large])["id"]
loads.uploadSmallFile(replay, dataset, "rows.json", data=[row(5)])
loads.uploadSmallFileFinish(replay)
replayed = [finished(replay), finished(large)]

last = datasets.getLastBatches(dataset)
views = datasets.getDataSetViews(dataset)
view_files = datasets.getDataSetViewFiles(dataset, dataset)
failed_files = access.getBatchFailed(failed[0])
print(
    json.dumps(
        {
            "small": small[1],
            "partial": partial[1],
            "failed": failed[1],
            "large": large_status,
            "head": str(head),
            "given up": finished(given_up),
            "reverted": finished(small[0]),
            "failed files": [[entry["name"], entry["length"]] for entry in failed_files],
            "failed file": access.getBatchFailed(failed[0], path="rows.json"),
            "meta": [entry["name"] for entry in access.getBatchMeta(partial[0])["data"]],
            "errors": access.getBatchMeta(partial[0], path="row_errors")["data"],
            "error": access.getBatchMeta(partial[0], path="row_errors_sample.json"),
            "inputs": len(access.getBatchMeta(partial[0], path="input_files")["data"]),
            "preview": preview,
            "upload preview": upload_preview,
            "loaded": [loaded["records"], parquet[:4].decode(), len(parquet) == int(file["length"])],
            "file head": str(file_head),
            "replayed": replayed,
            "last": [list(last) == [replay], last[replay]["status"], replay in datasets.getLastBatches(limit=5)],
            "views": [list(views) == [dataset], datasets.getDataSetView(dataset, dataset) == views],
            "view files": [list(view_files) == [f"{batch}-1" for batch in (replay, partial[0])], view_files[f"{replay}-1"]],
            "called": sorted(called),
        },
        default=str,
    )
)

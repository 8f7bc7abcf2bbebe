"""Streams messages and sets ends of rows and datasets with the public client aepp; prints what it saw as JSON."""
import json
import time

from aepp_session import Noted, called, configure

http = configure()
import aepp

aepp.config.endpoints["streaming"]["collection"] = http
from aepp import catalog, flowservice, hygiene, ingestion, schema

registry = Noted(schema.Schema())
group = registry.createFieldGroup(
    {
        "title": "streamed group",
        "type": "object",
        "meta:intendedToExtend": ["https://ns.adobe.com/xdm/context/experienceevent"],
        "definitions": {
            "customFields": {
                "type": "object",
                "properties": {
                    f"_{registry.getTenantId()}": {
                        "type": "object",
                        "properties": {"streamed": {"type": "integer"}},
                    }
                },
            }
        },
        "allOf": [{"$ref": "#/definitions/customFields"}],
    }
)
made = registry.createExperienceEventSchema(name="streamed events", fieldGroupIds=[group["$id"]])
datasets = Noted(catalog.Catalog())
dataset = datasets.createDataSet(name="streamed rows", schemaId=made["$id"])[0].split("/")[-1]
connections = Noted(flowservice.FlowService())
connection = connections.createConnectionStreaming(
    name="aepp stream", sourceId="aepp-stream", paramName="aepp stream", authenticationRequired=True
)
inlet = connections.getConnection(connection["id"])["auth"]["params"]["inletId"]
loads = Noted(ingestion.DataIngestion())
organization = aepp.config.config_object["org_id"]


def message(number, **more):
    reference = {"id": made["$id"], "contentType": "application/vnd.adobe.xed-full+json;version=1"}
    entity = {"_id": str(number), "timestamp": "2026-01-01T00:00:00Z", **more}
    return {
        "header": {"schemaRef": reference, "imsOrgId": organization, "datasetId": dataset},
        "body": {"xdmMeta": {"schemaRef": reference}, "xdmEntity": entity},
    }


one = loads.streamMessage(inlet, message(1))
several = loads.streamMessages(inlet, [message(2), message(3, nothing="there")], syncValidation=True)
rows = 0
for _ in range(300):
    rows = sum(batch["recordCount"] for batch in datasets.getBatches(dataSet=dataset, output="raw").values())
    if rows == 2:
        break
    time.sleep(0.1)

datasets.setDatasetTTL(dataset, "P30D")
kept = datasets.getDataSet(dataset)[dataset]["extensions"]["adobe_lakeHouse"]["rowExpiration"]["ttlValue"]
ends = Noted(hygiene.Hygiene())
end = ends.createDatasetExpiration(datasetId=dataset, expiry="2999-12-31", name="end", description="of the test")
changed = ends.createDatasetExpiration(ttlId=end["ttlId"], expiry="2999-12-30", name="end")
listed = ends.getDatasetsExpirations(datasetId=dataset)
ends.deleteDatasetExpiration(end["ttlId"])
print(
    json.dumps(
        {
            "inlet": inlet,
            "message": one["xactionId"],
            "messages": [answer.get("xactionId", answer.get("status")) for answer in several["responses"]],
            "rows": rows,
            "kept": kept,
            "set": [end["status"], end["expiry"]],
            "changed": changed["expiry"],
            "listed": len(listed),
            "cancelled": ends.getDatasetExpiration(ttlId=end["ttlId"])["status"],
            "called": sorted(called),
        },
        default=str,
    )
)

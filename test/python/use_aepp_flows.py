"""Exports by the public client aepp, unmodified: its recipes for the landing zone and its flow calls; prints what it saw as JSON."""
import json
import sys
import time

from aepp_session import Noted, called, configure

http = configure()
from aepp import exportDatasetToDataLandingZone, flowservice

dataset_ids = json.loads(sys.argv[5])
flows = Noted(flowservice.FlowService())


def over(run_id):
    """Waits as clients do: until all four figures of the end are there."""
    for _ in range(600):
        run = flows.getRun(run_id)[0]
        try:
            metrics = run["metrics"]
            return [
                metrics["statusSummary"]["status"],
                metrics["recordSummary"]["outputRecordCount"],
                metrics["fileSummary"]["outputFileCount"],
                metrics["durationSummary"]["completedAtUTC"] >= metrics["durationSummary"]["startedAtUTC"],
                metrics["sizeSummary"]["outputBytes"] > 0,
            ]
        except KeyError:
            time.sleep(0.1)
    raise Exception("The run never ended")


exportable = flows.getExportableDatasetsDLZ()
now = int(time.time())
made = flows.exportDatasetToDLZ(
    dataset_ids, path="/aepp", fileType="PARQUET", scheduleStart=now + 86400, scheduleEnd=now + 90 * 86400
)
flow = flows.getFlow(made["id"])
source = flows.getSourceConnection(flow["sourceConnectionIds"][0])
target = flows.getTargetConnection(flow["targetConnectionIds"][0])
base = flows.getConnection(target["baseConnectionId"])
run = flows.createRun(made["id"])
by_hand = over(run["id"])

later = now + 86400
hourly = flows.createFlowDataLakeToDataLandingZone("hourly", source["id"], target["id"], later)["id"]
unit = [flows.getFlow(hourly)["scheduleParams"][k] for k in ("timeUnit", "interval")]
flows.deleteFlow(hourly)
delimited = flows.exportDatasetToDLZ(dataset_ids, path="/texts", fileType="DELIMITED", scheduleStart=later)["id"]
texts = flows.getTargetConnection(flows.getFlow(delimited)["targetConnectionIds"][0])
flows.deleteFlow(delimited)

with open("aepp.ini", "w") as file:
    file.write("[Platform]\n")
recipe = Noted(exportDatasetToDataLandingZone.ExportDatasetToDataLandingZone())
recipe_flow = recipe.createDataFlow(dataset_ids[0], "gzip", "json", "/recipe", False, "aepp.ini", "recipe")
started = recipe.retryOnNotReadyException(recipe_flow, dataset_ids[0])
ad_hoc = over(started["destinations"][0]["datasets"][0]["statusURL"].rsplit("/", 1)[-1])
parked = [{"op": "Replace", "path": "/scheduleParams", "value": {"startTime": now + 365 * 86400}}]
etag = flows.getFlow(recipe_flow)["etag"]
flows.updateFlow(recipe_flow, etag, parked)
stale = flows.updateFlow(recipe_flow, etag, parked)
flows.postFlowAction(recipe_flow, "disable")
state = flows.getFlow(recipe_flow)["state"]

zone = "dlz_destination"
credentials = flows.getLandingZoneCredential(zone)
landing = [
    flows.getLandingZoneStorageName(zone),
    flows.getLandingZoneStorageTTL(zone),
    flows.getLandingZoneNamespace(zone),
    credentials["credentials"]["awsSessionToken"] != "",
    credentials["expiryTime"] > now + 11 * 3600,
    credentials == flows.getLandingZoneCredential(zone),
    flows.getLandingZoneCredential("user_drop_zone").get("status"),
]

spec = flows.getFlowSpec(flow["flowSpec"]["id"])
specs = flows.getConnectionSpecs()
destinations = flows.getFlows(onlyDestinations=True)
first_page = flows.getFlows(limit=1, n_results="inf")
runs = flows.getRuns(limit=1, n_results="inf", prop=[f"flowId=={made['id']}", "metrics.statusSummary.status==success"])
base_test = flows.connectionTest(base["id"])
used = flows.deleteConnection(base["id"])
flows.deleteFlow(made["id"])
flows.deleteTargetConnection(target["id"])
flows.deleteSourceConnection(source["id"])
deleted = flows.deleteConnection(base["id"])

print(
    json.dumps(
        {
            "exportable": sorted(set(d["id"] for d in exportable) & set(dataset_ids)) == sorted(dataset_ids),
            "names": [d["name"] for d in source["params"]["datasets"]],
            "implicit": flows.getConnection(source["baseConnectionId"])["connectionSpec"]["id"],
            "target": [target["params"][k] for k in ("path", "compression", "datasetFileType", "mode")],
            "destination": flow["inheritedAttributes"]["properties"]["isDestinationFlow"],
            "schedule": [flow["scheduleParams"][k] for k in ("exportMode", "timeUnit", "interval")],
            "unit": unit,
            "texts": texts["params"]["datasetFileType"],
            "by hand": by_hand,
            "ad hoc": ad_hoc,
            "stale": stale.get("status"),
            "state": state,
            "spec": [spec["name"], spec["attributes"]["frequency"]],
            "lake": [s["id"] for s in specs if s["name"] == "activation-datalake"],
            "specs": sorted(s["name"] for s in specs),
            "flows": [len(destinations), len(first_page)],
            "runs": sorted(r["metrics"]["recordSummary"]["outputRecordCount"] for r in runs),
            "landing": landing,
            "base": base_test["result"],
            "used": used.get("report", {}).get("detailed-message", "") if isinstance(used, dict) else used,
            "deleted": deleted,
            "called": sorted(called),
        }
    )
)

"""Every call of aepp's query service, unmodified, on a running Sluice; prints what it saw as JSON."""
import json
import sys
import time

from aepp_session import Noted, called, configure

http = configure()
from aepp import queryservice

given = json.loads(sys.argv[5])
service = Noted(queryservice.QueryService())


def ended(read, states):
    for _ in range(600):
        seen = read()
        if seen["state"] in states:
            return seen
        time.sleep(0.05)
    raise TimeoutError(seen)


over = ("SUCCESS", "FAILED", "KILLED", "TIMEOUT")
connection = service.connection()
made = service.createQuery(name="aepp query", sql="SELECT 1 AS n", ctasParameters={"datasetName": "aepp_made", "description": "by aepp"})
query = ended(lambda: service.getQuery(made["id"]), over)
posted = service.postQueries(
    data={"name": "aepp insert", "dbName": "prod:all", "sql": "SELECT $n AS n", "queryParameters": {"n": 2}, "insertIntoParameters": {"datasetName": "aepp_made"}}
)
ended(lambda: service.getQuery(posted["id"]), over)
long = service.createQuery(name="aepp long", sql=given["endless"])
cancelled = service.cancelQuery(long["id"])
killed = ended(lambda: service.getQuery(long["id"]), over)
deleted = service.deleteQuery(long["id"])
template = service.createQueryTemplate(name="aepp template", sql="SELECT '$who' AS who", queryParameters={"who": "aepp"})
for n in range(3):
    service.createQueryTemplate({"name": f"aepp page {n}", "sql": "SELECT 1"})
schedule = service.createSchedule(
    name="aepp schedule", templateId=template["id"], ctasParameters={"datasetName": "aepp_scheduled", "description": ""}, schedule={"schedule": "0 0 1 1 *", "startDate": "2099-01-01T00:00:00Z"}
)
other = service.createSchedule({"query": {"dbName": "prod:all", "sql": "SELECT 1", "name": "aepp other"}, "schedule": {"schedule": "@once", "startDate": "2099-01-01T00:00:00Z"}})
updated = service.updateSchedule(schedule["id"], {"body": [{"op": "replace", "path": "/schedule/schedule", "value": "0 0 2 1 *"}]})
runs_before = service.getScheduleRuns(schedule["id"])
# aepp has no call for a run by hand.
for _ in range(25):
    service._client.connector.postData(f"{http}/data/foundation/query/schedules/{schedule['id']}/runs", data={})
runs = service.getScheduleRuns(schedule["id"])
run = ended(lambda: service.getScheduleRun(schedule["id"], runs[-1]["id"]), ("SUCCESS", "FAILED"))
alert = service.createAlertSubscription(schedule["id"], "failure", ["aepp@example.com"])
alerts = service.getAlertSubscriptions()
of_asset = service.getAlertSubscriptionsTypeId(schedule["id"])
of_type = service.getAlertSubscriptionsTypeId(schedule["id"], "failure")
patched = service.patchAlert(schedule["id"], "failure", "disable")
of_user = service.getUserAlerts("aepp@example.com")
unsubscribed = service.deleteAlertSubscription(schedule["id"], "failure")
enabled_twice = service.enableSchedule(other["id"])
disabled = service.disableSchedule(other["id"])
enabled = service.enableSchedule(other["id"])
service.disableSchedule(other["id"])
gone = service.deleteSchedule(other["id"])
accelerated = service.createAcceleratedQuery(name="aepp fast", dbName="prod:all:public", sql="SELECT 3 AS three") if given["accelerated"] else None
print(
    json.dumps(
        {
            "connection": [connection["dbName"], connection["port"]],
            "made": [made["state"], query["state"], query["isCTAS"], query["rowCount"]],
            "queries": sorted({entry["request"].get("name") for entry in service.getQueries(property="client==API")} - {None}),
            "paged": len(service.getQueries(limit=1, n_results=3)),
            "killed": [cancelled["message"], killed["state"], deleted],
            "template": service.getTemplate(template["id"])["queryParameters"],
            "templates": sorted(entry["name"] for entry in service.getTemplates(limit=2, n_results="inf")),
            "template gone": service.deleteTemplate(template["id"]),
            "schedule": [service.getSchedule(schedule["id"])["schedule"]["schedule"], updated["message"]],
            "schedules": sorted(entry["query"]["name"] for entry in service.getSchedules(limit=1, n_results="inf")),
            "runs": [len(runs_before), len(runs), len({entry["id"] for entry in runs}), run["state"]],
            "alert": alert["status"],
            "alerts": [entry["assetId"] == schedule["id"] for entry in alerts],
            "of asset": [len(of_asset), len(of_type)],
            "patched": patched["status"],
            "of user": [entry["name"] for entry in of_user],
            "unsubscribed": unsubscribed,
            "switched": [enabled_twice["message"], disabled["message"], enabled["message"]],
            "schedule gone": gone,
            "statistics": service.getDatasetStatistics(given["dataset"])["rowCount"],
            "resource": service.getResource(f"{http}/data/foundation/query/query-templates/count")["version"],
            "accelerated": accelerated and accelerated["results"],
            "called": sorted(called),
        }
    )
)

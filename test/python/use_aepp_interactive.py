"""aepp's interactive queries, unmodified: by psycopg2 to what its connection() tells; prints what it saw as JSON."""
import json

from aepp_session import Noted, called, configure

configure()
from aepp import queryservice

made = queryservice.InteractiveQuery2(queryservice.QueryService().connection())
client = Noted(made)


def rows(frame):
    return json.loads(frame.to_json(orient="split", date_format="iso"))


def columns(frame):
    return [*frame.columns, len(frame)]


cursor = client.query("SELECT 5 AS five", output="raw")
seen = {
    "default": [int(made.default_merge_policy_queryId), made.default_merge_policy_id],
    "query": rows(client.query("SELECT person, name FROM aepp_people ORDER BY person"))["data"],
    "nothing": len(client.query("SELECT 1 WHERE 1 = 0")),
    "raw": rows(client.transformToDataFrame(cursor)),
    "history": columns(client.queryHistoryMeta("aepp_people")),
    "profiles": columns(client.queryProfilesTrend()),
    "namespaces": rows(client.queryNamespacesDistribution()),
    "namespaces trend": columns(client.queryNamespacesTrend("ecid")),
    "audiences trend": columns(client.queryAudiencePopulationTrend("loyal")),
    "identity": rows(client.queryIdentity("e1", ["name", "IDENTITYMAP"], "aepp_people"))["columns"],
    "by name": rows(client.queryIdentity("Bob", ["person"], "aepp_people", fieldId="name", limit="1"))["data"],
}
client.close()
print(json.dumps({**seen, "called": sorted(called)}))

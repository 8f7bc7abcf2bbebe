"""Roles, policies, sandboxes and namespaces by the public client aepp, unmodified; prints what it saw as JSON."""
import json
import sys

from aepp_session import Noted, called, configure

http = configure()
from aepp import accesscontrol, identity, sandboxes

access = Noted(accesscontrol.AccessControl())
places = Noted(sandboxes.Sandboxes())
namespaces = identity.Identity(region="nld2")
namespaces.endpoint = f"{http}/data/core"
namespaces = Noted(namespaces)

user = json.loads(sys.argv[5])

roles = {role["name"]: role for role in access.getRoles()}
mine = access.putRole(
    roles["aepp role"]["id"],
    {"name": "aepp role", "description": "put", "roleType": "user-defined", "permissionSets": ["view-datasets"]},
)
patched = access.patchRole(
    mine["id"], {"op": "add", "path": "/permissionSets/-", "value": "view-schemas"}
)
access.patchSubjects(mine["id"], subjectId=user["id"], operation="add")
subjects = access.getSubjects(mine["id"])
access.patchSubjects(mine["id"], subjectId=user["id"], operation="remove")
products = access.getProducts()

policy = access.createPolicy(
    {
        "name": "aepp policy",
        "status": "inactive",
        "rules": [{"effect": "Deny", "resource": "/orgs/x/sandboxes/*", "condition": "{}", "actions": ["com.adobe.action.read"]}],
    }
)
access.putPolicy(policy["id"], {"name": "put policy", "rules": []})
access.patchPolicy(policy["id"], operation="replace", attribute="/description", value="patched")
seen_policy = access.getPolicy(policy["id"])

made = places.createSandbox("aepp-dev", "Made by aepp")
places.updateSandbox("aepp-dev", {"title": "Renamed"})
renamed = places.getSandbox("aepp-dev")
reset = places.resetSandbox("aepp-dev")

crm = namespaces.createIdentity(name="administered", code="AEPPADM", idType="CROSS_DEVICE", description="")
updated = namespaces.updateIdentity(
    str(crm["id"]), name="updated", code="AEPPADM", idType="CROSS_DEVICE", description="changed"
)

identity_name = namespaces.getIdentity(id_str="jane", nsid=str(crm["id"]), namespace="AEPPADM")

print(
    json.dumps(
        {
            "permissions": sorted(access.getPermissions()),
            "effective": access.getEffectivePolicies(["/permissions/manage-datasets", "/resource-types/schemas"]),
            "shipped": "Organisation administrator" in roles,
            "put": mine["description"],
            "role": access.getRole(mine["id"])["permissionSets"],
            "patched": patched["permissionSets"],
            "subjects": [subject["subjectId"] == user["id"] for subject in subjects],
            "subjects left": access.getSubjects(mine["id"]),
            "role gone": access.deleteRole(mine["id"]),
            "roles left": "aepp role" in [role["name"] for role in access.getRoles()],
            "products": [product["name"] for product in products],
            "categories": {"name": "Data Modeling"} in access.getPermissionCategories(products[0]["id"]),
            "sets": "manage-schemas" in [one["id"] for one in access.getPermissionSets(products[0]["id"])],
            "policy": [seen_policy["name"], seen_policy["description"]],
            "policies": [one["name"] for one in access.getPolicies()],
            "policy gone": access.deletePolicy(policy["id"]),
            "sandbox made": [made["name"], made["state"]],
            "sandbox": renamed["title"],
            "sandbox reset": reset["state"],
            "sandbox id": places.getSandboxId("aepp-dev") != renamed["id"],
            "sandbox gone": places.deleteSandbox("aepp-dev"),
            "sandboxes": {one["name"]: one["state"] for one in places.getSandboxes()},
            "sandbox types": [one["id"] for one in places.getSandboxTypes()],
            "namespace": [updated["name"], updated["description"]],
            "identity": list(identity_name),
            "organisation": "AEPPADM" in [one["code"] for one in namespaces.getIdentitiesIMS()],
            "called": sorted(called),
        }
    )
)

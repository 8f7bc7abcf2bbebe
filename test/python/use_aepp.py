"""Speaks to a running Sluice with the public client aepp, unmodified, and prints what it saw as JSON."""
import json

from aepp_session import Noted, called, configure

http = configure()
from aepp import catalog, identity, schema

registry = Noted(schema.Schema())
tenant = registry.getTenantId()
group = registry.createFieldGroup(
    {
        "title": "aepp group",
        "type": "object",
        "meta:intendedToExtend": ["https://ns.adobe.com/xdm/context/experienceevent"],
        "definitions": {
            "customFields": {
                "type": "object",
                "properties": {f"_{tenant}": {"type": "object", "properties": {"userId": {"type": "string"}}}},
            }
        },
        "allOf": [{"$ref": "#/definitions/customFields"}],
    }
)
made = registry.createExperienceEventSchema(
    name="aepp events",
    fieldGroupIds=[group["$id"], "https://ns.adobe.com/xdm/context/experienceevent-web"],
)
own_class = registry.createClass(title="aepp class", class_template="https://ns.adobe.com/xdm/data/record")
data_type = registry.createDataType({"title": "aepp type", "type": "object", "properties": {"a": {"type": "string"}}})
registry.patchFieldGroup(
    group["$id"],
    [{"op": "add", "path": f"/definitions/customFields/properties/_{tenant}/properties/level", "value": {"type": "integer"}}],
)
namespaces = identity.Identity(region="nld2")
namespaces.endpoint = f"{http}/data/core"
namespaces = Noted(namespaces)
crm = namespaces.createIdentity(name="aepp", code="AEPPID", idType="CROSS_DEVICE", description="")
descriptor = registry.createDescriptor(
    desc_type="xdm:descriptorIdentity",
    sourceSchema=made["$id"],
    sourceProperty=f"/_{tenant}/userId",
    namespace="AEPPID",
    primary=True,
)
union = registry.enableSchemaForRealTime(made["$id"])
datasets = Noted(catalog.Catalog())
reference = datasets.createDataSet(name="aepp data", schemaId=made["$id"], profileEnabled=True)
dataset_id = reference[0].split("/")[-1]
datasets.enableDatasetIdentity(dataset_id)
seen = datasets.getDataSets()
deleted = registry.deleteClass(own_class["$id"])
print(
    json.dumps(
        {
            "tenant": tenant,
            "behaviors": len(registry.getBehaviors()),
            "schemas": [entry["title"] for entry in registry.getSchemas()],
            "global groups": len(registry.getFieldGroupsGlobal()),
            "groups": [entry["title"] for entry in registry.getFieldGroups()],
            "classes": len(registry.getClassesGlobal()),
            "types": [entry["title"] for entry in registry.getDataTypes()],
            "type": data_type["title"],
            "paths": registry.getSchemaPaths(made["$id"]),
            "full": sorted(registry.getSchema(made["$id"], schema_type="xed")["properties"]),
            "sample": sorted(registry.getSchemaSample(made["$id"])),
            "descriptors": [entry["@type"] for entry in registry.getDescriptors()],
            "descriptor": descriptor["xdm:namespace"],
            "unions": [entry["$id"] for entry in registry.getUnions()],
            "tags": union["meta:immutableTags"],
            "namespaces": [entry["code"] for entry in namespaces.getIdentities(only_custom=True)],
            "namespace": namespaces.getIdentityDetail(str(crm["id"]))["name"],
            "dataset": seen[dataset_id]["tags"],
            "profiles": bool(datasets.data.infos.set_index("id").loc[dataset_id, "profileEnabled"]),
            "deleted": str(deleted),
            "log": len(registry.getAuditLogs(group["$id"])),
            "called": sorted(called),
        }
    )
)

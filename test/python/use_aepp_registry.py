"""The rest of the schema registry and the catalogue by the public client aepp, unmodified; prints what it saw as JSON."""
import json
import sys

from aepp_session import Noted, called, configure

configure()
from aepp import catalog, schema

registry = Noted(schema.Schema())
datasets = Noted(catalog.Catalog())
tenant = registry.getTenantId()
profile = "https://ns.adobe.com/xdm/context/profile"
event = "https://ns.adobe.com/xdm/context/experienceevent"


def fields(name, title):
    return {
        "title": title,
        "type": "object",
        "meta:intendedToExtend": [profile],
        "definitions": {
            "customFields": {
                "type": "object",
                "properties": {f"_{tenant}": {"type": "object", "properties": {name: {"type": "string"}}}},
            }
        },
        "allOf": [{"$ref": "#/definitions/customFields"}],
    }


# Field groups
group = registry.createFieldGroup(fields("one", "registry group"))
seen_group = registry.getFieldGroup(group["$id"])
raw_group = registry.getFieldGroup(group["$id"], full=False)
flat_group = registry.getFieldGroup(group["$id"], flat=True, type="xdm")
put_group = registry.putFieldGroup(group["$id"], {**fields("one", "registry group"), "description": "put"})
extended = registry.extendFieldGroup(group["$id"])
copied = registry.createFieldGroup(registry.copyFieldGroup(raw_group | {"description": "copy"}, title="registry copy"))

# Schemas
made = registry.createProfileSchema(name="registry profiles", fieldGroupIds=[group["$id"]])
registry.addFieldGroupToSchema(made["$id"], [copied["$id"]])
registry.patchSchema(
    made["$id"],
    [{"op": "add", "path": "/allOf", "value": {"$ref": "https://ns.adobe.com/xdm/context/profile-person-details", "type": "object"}}],
)
other = registry.createSchema({"title": "registry other", "type": "object", "allOf": [{"$ref": event}]})
put_schema = registry.putSchema(other["$id"], {"title": "registry put", "type": "object", "allOf": [{"$ref": event}]})
gone_schema = registry.deleteSchema(other["$id"])
full = registry.getSchema(made["$id"], desc=True, schema_type="xed")
deprecated = registry.getSchema(made["$id"], deprecated=True)

# Classes and data types
own_class = registry.createClass(title="registry class", class_template="https://ns.adobe.com/xdm/data/record")
registry.putClass(
    own_class["$id"],
    {"title": "registry class", "description": "put", "type": "object", "allOf": [{"$ref": "https://ns.adobe.com/xdm/data/record"}]},
)
patched_class = registry.patchClass(own_class["$id"], [{"op": "replace", "path": "/description", "value": "patched"}])
data_type = registry.createDataType({"title": "registry type", "type": "object", "properties": {"a": {"type": "string"}}})
registry.putDataType(
    data_type["meta:altId"],  # The client sends these two as they are, without encoding.
    {"title": "registry type", "type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}},
)
patched_type = registry.patchDataType(data_type["meta:altId"], [{"op": "add", "path": "/description", "value": "patched"}])
seen_type = registry.getDataType(data_type["$id"])

# Descriptors
named = registry.createDescriptor(
    descriptorObj=registry.createDescriptorOperation(
        sourceSchema=made["$id"],
        descType="xdm:alternateDisplayInfo",
        completePath=f"_{tenant}.one",
        alternateTitle="Number one",
        alternateDescription="The first",
    )
)
put_descriptor = registry.putDescriptor(
    named["@id"],
    {
        "@type": "xdm:alternateDisplayInfo",
        "xdm:sourceSchema": made["$id"],
        "xdm:sourceVersion": 1,
        "xdm:sourceProperty": f"/_{tenant}/one",
        "xdm:title": {"en_us": "Number 1"},
    },
)
seen_descriptor = registry.getDescriptor(named["@id"])
listed = registry.getDescriptors(prop=f"xdm:sourceSchema=={made['$id']}")
gone_descriptor = registry.deleteDescriptor(named["@id"])
registry.createDescriptor(
    desc_type="xdm:descriptorIdentity",
    sourceSchema=made["$id"],
    sourceProperty=f"/_{tenant}/one",
    namespace="Email",
    primary=True,
)
union = registry.enableSchemaForUPS(made["$id"])
exported = registry.exportResource(made["$id"])
imported = registry.importResource(exported)

# Datasets
reference = datasets.createDataSet(name="registry data", schemaId=made["$id"])
dataset_id = reference[0].split("/")[-1]
datasets.enableDatasetProfile(dataset_id)
upsert = datasets.enableDatasetUpsert(dataset_id)
datasets.enableDatasetIdentity(dataset_id)
enabled = datasets.getDataSet(dataset_id)[dataset_id]["tags"]
datasets.disableDatasetProfile(dataset_id)
datasets.disableDatasetIdentity(dataset_id)
disabled = datasets.getDataSet(dataset_id)[dataset_id]["tags"]
datasets.disableDatasetValidationContext(dataset_id)
datasets.patchDataset(dataset_id, {"op": "replace", "path": "/description", "value": "patched"})
datasets.patchDatasetV2(dataset_id, {"description": "patched twice"})
seen = datasets.getDataSet(dataset_id)[dataset_id]
put_dataset = datasets.putDataset(dataset_id, {**seen, "description": "put"})
observable = datasets.getDataSetObservableSchema(dataset_id)
infos = datasets.getDatasetsInfos()
batches = datasets.getBatches(n_results=1000, status="success", orderBy="desc:created")
failed = datasets.getFailedBatchesDF()
[batch_id] = json.loads(sys.argv[5])
spare = datasets.createDataSet(name="registry spare", schemaId=made["$id"])[0].split("/")[-1]

print(
    json.dumps(
        {
            "stats": registry.getStats()["counts"]["schemas"],
            "behavior": sorted(registry.getBehavior("https://ns.adobe.com/xdm/data/time-series", type="xed")["properties"]),
            "global schemas": len(registry.getSchemasGlobal()),
            "group": sorted(seen_group["properties"][f"_{tenant}"]["properties"]),
            "raw group": sorted(raw_group["definitions"]),
            "flat group": sorted(flat_group["properties"]),
            "put group": put_group["description"],
            "extended": sorted(extended["meta:intendedToExtend"]),
            "copied": copied["title"],
            "schema": sorted(full["properties"])[:2] + ["person" in full["properties"]],
            "deprecated": sorted(deprecated["properties"])[0],
            "put schema": put_schema["title"],
            "schema gone": gone_schema,
            "class": [patched_class["description"], registry.getClass(own_class["$id"])["title"]],
            "classes": [one["title"] for one in registry.getClasses()],
            "class gone": registry.deleteClass(own_class["$id"]),
            "types": len(registry.getDataTypesGlobal()) > 50,
            "type": [patched_type["description"], sorted(seen_type["properties"])],
            "type gone": registry.deleteDataType(data_type["$id"]),
            "descriptor": [seen_descriptor["xdm:title"]["en_us"], put_descriptor["@id"] == named["@id"]],
            "descriptors": [one["@type"] for one in listed],
            "descriptor gone": gone_descriptor,
            "tags": union["meta:immutableTags"],
            "union": f"_{tenant}" in registry.getUnion("https://ns.adobe.com/xdm/context/profile__union")["properties"],
            "profiles": [one["title"] for one in registry.getXDMprofileSchema()["results"]],
            "exported": [one["title"] for one in exported],
            "imported": sorted(one["title"] for one in imported),
            "group in use": registry.deleteFieldGroup(group["$id"])["type"],
            "enabled": [enabled["unifiedProfile"], enabled["unifiedIdentity"], len(upsert)],
            "disabled": [disabled["unifiedProfile"], disabled["unifiedIdentity"]],
            "dataset": seen["description"],
            "put dataset": [put_dataset, datasets.getDataSet(dataset_id)[dataset_id]["description"]],
            "observable": sorted(observable["observableSchema"]["properties"])[0],
            "infos": bool(infos.set_index("id").loc[dataset_id, "profileEnabled"]),
            "batches": sorted(batches) == [batch_id],
            "batch": datasets.getBatch(batch_id)[batch_id]["status"],
            "failed": len(failed),
            "dataset gone": datasets.deleteDataSet(spare),
            "called": sorted(called),
        }
    )
)

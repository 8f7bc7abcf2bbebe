import type { SandboxId } from '#base/ids.ts'
import { selectDescriptors } from '#metadata/identities.ts'
import type { Db } from '#metadata/metadata.ts'
import { selectSchemasByIds } from '#metadata/schemas.ts'

const profileClass = 'https://ns.adobe.com/xdm/context/profile'

/** Where the rows of a schema of profiles have their primary identity; undefined: it has none, or is of another class. */
export async function primaryIdentityOf(
  db: Db,
  sandboxId: SandboxId,
  schemaId: string,
): Promise<readonly string[] | undefined> {
  const [schema] = await selectSchemasByIds(db, sandboxId, [schemaId])
  if (!schema || (schema.class_id !== profileClass && !schema.extends.includes(profileClass)))
    return undefined
  const descriptors = await selectDescriptors(db, sandboxId, [schemaId])
  const primary = descriptors.find(
    ({ type, document }) =>
      type === 'xdm:descriptorIdentity' &&
      (document as { readonly 'xdm:isPrimary'?: unknown })['xdm:isPrimary'] === true,
  )
  return primary?.source_property.split('/').slice(1)
}

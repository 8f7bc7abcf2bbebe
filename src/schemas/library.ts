import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from './json.ts'
import { extendsOf } from './lineage.ts'
import { toCompatible } from './notation.ts'
import { altIdOf, type Resource, type ResourceKind } from './resource.ts'

interface LibraryFile {
  readonly version: string
  readonly resources: readonly {
    readonly $id: string
    readonly kind: ResourceKind
    readonly title: string
    readonly intendedToExtend?: readonly string[]
    readonly isDeprecated?: boolean
    readonly document: Json
  }[]
}

interface Library {
  readonly resources: ReadonlyMap<string, Resource>
  readonly byAltId: ReadonlyMap<string, Resource>
}

/** When the facts were taken: the same for every organisation. */
const libraryTime = new Date('2026-08-19T00:00:00Z')
let loaded: Library | undefined

/**
 * What the product ships: behaviours, classes, field groups and data types of the public XDM repository, in compatibility
 * mode. Read at the first use.
 * @see https://github.com/adobe/xdm
 */
export function library(): Library {
  loaded ??= load()
  return loaded
}

/** The shipped resource of this `$id` or `meta:altId`. */
export function shipped(id: string): Resource | undefined {
  const { resources, byAltId } = library()
  return resources.get(id) ?? byAltId.get(id)
}

function load(): Library {
  const file = JSON.parse(readFileSync(join(import.meta.dirname, 'xdm-library.json'), 'utf8')) as LibraryFile
  const resources = file.resources.map((entry): Resource => {
    const altId = altIdOf(entry.$id)
    const isSchema = entry.kind === 'schemas'
    return {
      id: entry.$id,
      altId,
      kind: entry.kind,
      container: 'global',
      title: entry.title,
      version: '1.0',
      revision: 0,
      createdAt: libraryTime,
      updatedAt: libraryTime,
      document: {
        $id: entry.$id,
        'meta:altId': altId,
        'meta:resourceType': entry.kind,
        version: '1.0',
        title: entry.title,
        type: 'object',
        ...toCompatible(entry.document),
        'meta:extensible': !isSchema,
        'meta:abstract': !isSchema,
        ...(entry.kind === 'mixins' ? { 'meta:intendedToExtend': entry.intendedToExtend ?? [] } : {}),
        ...(entry.isDeprecated ? { 'meta:status': 'deprecated' } : {}),
        'meta:xdmType': 'object',
        'meta:containerId': 'global',
        'meta:registryMetadata': {
          'repo:createdDate': libraryTime.getTime(),
          'repo:lastModifiedDate': libraryTime.getTime(),
          'meta:globalLibVersion': file.version,
          eTag: file.version,
        },
      },
    }
  })
  const plain = new Map(resources.map((resource) => [resource.id, resource]))
  const lookup = { document: (id: string) => plain.get(id)?.document }
  const whole = resources.map((resource): Resource => {
    const extended = { 'meta:extends': extendsOf(resource.document, lookup) }
    return { ...resource, document: { ...resource.document, ...extended } }
  })
  return {
    resources: new Map(whole.map((resource) => [resource.id, resource])),
    byAltId: new Map(whole.map((resource) => [resource.altId, resource])),
  }
}

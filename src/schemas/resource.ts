import type { OrganizationId } from '#base/ids.ts'
import type { Json } from './json.ts'

/** As `meta:resourceType` says it: field groups are `mixins` whichever path was used. */
export const tenantKinds = ['schemas', 'classes', 'mixins', 'datatypes'] as const
export type TenantKind = (typeof tenantKinds)[number]
export type ResourceKind = TenantKind | 'behaviors'

export type Container = 'global' | 'tenant'

/** A schema or a part of schemas, shipped (`global`) or the organisation's own in one sandbox (`tenant`). */
export interface Resource {
  readonly id: string
  readonly altId: string
  readonly kind: ResourceKind
  readonly container: Container
  readonly title: string
  /** `1.N`: N counts the stored changes. */
  readonly version: string
  readonly revision: number
  readonly createdAt: Date
  readonly updatedAt: Date
  /** Whole, with `$ref` and `allOf` as they were written, in compatibility mode. */
  readonly document: Json
}

/** What each kind is called when something is said about it. */
export const kindNames = {
  schemas: 'schema',
  classes: 'class',
  mixins: 'field group',
  datatypes: 'data type',
  behaviors: 'behaviour',
} as const satisfies Record<ResourceKind, string>

/** `_xdm.context.profile` of `https://ns.adobe.com/xdm/context/profile`; the way back is not unique. */
export function altIdOf(id: string): string {
  return `_${id.replace(/^https?:\/\/ns\.adobe\.com\//, '').replaceAll('/', '.')}`
}

/** One an organisation, the same in all its sandboxes; begins with a letter. */
export function tenantOf(organizationId: OrganizationId): string {
  return `t${organizationId.replace(/@.*$/, '').toLowerCase()}`.slice(0, 64)
}

/**
 * Everything a role can give, as the reference platform catalogues it: category, what people call it, and what of each
 * resource type it contains.
 * @see https://experienceleague.adobe.com/en/docs/experience-platform/access-control/home
 */
export type Action = 'read' | 'write' | 'delete'
export type Contents = Readonly<Partial<Record<ResourceType, readonly Action[]>>>

export interface PermissionEntry {
  readonly category: string
  readonly name: string
  readonly contains: Contents
  /** Who holds it may also do what these say. */
  readonly implies?: readonly string[]
}

export const resourceTypes = [
  'classes',
  'connection',
  'data-types',
  'datasets',
  'datasets-data',
  'dule-label',
  'identity-descriptor',
  'identity-namespaces',
  'mixins',
  'monitoring',
  'profile-configs',
  'profile-datasets',
  'profiles',
  'relationship-descriptor',
  'reset-sandboxes',
  'sandboxes',
  'schemas',
  'segment-jobs',
  'segments',
  // Beyond the public list: what this product adds.
  'queries',
  'query-schedules',
  'query-credentials',
  'flows',
  'destinations',
  'audit',
  'views',
] as const
export type ResourceType = (typeof resourceTypes)[number]

const r = ['read'] as const
const w = ['write'] as const
const rw = ['read', 'write'] as const
const rwd = ['read', 'write', 'delete'] as const

function row(
  category: string,
  name: string,
  contains: Contents = {},
  implies: readonly string[] = [],
): PermissionEntry {
  return { category, name, contains, implies }
}

const datasetsRead: Contents = { connection: r, datasets: r, 'datasets-data': r, 'dule-label': r, schemas: r }
const modelling = [
  'classes',
  'data-types',
  'mixins',
  'schemas',
  'identity-descriptor',
  'relationship-descriptor',
]
const each = (types: readonly string[], actions: readonly Action[]): Contents =>
  Object.fromEntries(types.map((type) => [type, actions]))

export const catalogue = {
  'view-alerts': row('Alerts', 'View Alerts'),
  'manage-alerts': row('Alerts', 'Manage Alerts', {}, ['view-alerts']),
  'resolve-alerts': row('Alerts', 'Resolve Alerts'),
  'view-alerts-history': row('Alerts', 'View Alerts History'),

  'view-license-usage-dashboard': row('Dashboards', 'View License Usage Dashboard'),
  'manage-standard-dashboards': row('Dashboards', 'Manage Standard Dashboards'),

  'apply-data-usage-labels': row('Data Governance', 'Apply Data Usage Labels', { 'dule-label': rwd }),
  'manage-data-usage-policies': row('Data Governance', 'Manage Data Usage Policies', {}, [
    'view-data-usage-policies',
  ]),
  'view-data-usage-policies': row('Data Governance', 'View Data Usage Policies'),
  'view-user-activity-log': row('Data Governance', 'View User Activity Log', { audit: r }),

  'view-data-hygiene': row('Data Hygiene', 'View Data Hygiene'),
  'manage-data-hygiene': row('Data Hygiene', 'Manage Data Hygiene', {}, ['view-data-hygiene']),

  'manage-sources': row('Data Ingestion', 'Manage Sources', { connection: rwd }, ['view-sources']),
  'view-sources': row('Data Ingestion', 'View Sources', { connection: r }),

  'manage-datasets': row(
    'Data Management',
    'Manage Datasets',
    { connection: rwd, datasets: rwd, 'datasets-data': rwd, 'dule-label': rwd, schemas: r },
    ['view-datasets', 'view-schemas'],
  ),
  'view-datasets': row('Data Management', 'View Datasets', datasetsRead, ['view-schemas']),
  'view-monitoring-dashboard': row('Data Management', 'Data Monitoring', {
    datasets: r,
    'datasets-data': r,
    monitoring: r,
  }),

  'manage-schemas': row('Data Modeling', 'Manage Schemas', each(modelling, rwd), ['view-schemas']),
  'view-schemas': row('Data Modeling', 'View Schemas', each(modelling, r)),
  'manage-relationships': row('Data Modeling', 'Manage Relationships', { 'relationship-descriptor': rwd }),
  'manage-identity-metadata': row('Data Modeling', 'Manage Identity Metadata', {
    'identity-descriptor': rwd,
  }),

  'manage-destinations': row('Destinations', 'Manage Destinations', { connection: rwd, destinations: rwd }),
  'view-destinations': row('Destinations', 'View Destinations', { destinations: r, flows: r }),
  'activate-destinations': row('Destinations', 'Activate Destinations', { destinations: rw }),
  'activate-segment-without-mapping': row('Destinations', 'Activate Segment without Mapping'),
  'manage-dataset-destinations': row('Destinations', 'Manage and Activate Dataset Destinations', {
    connection: rwd,
    destinations: rwd,
    flows: rwd,
  }),
  'destination-authoring': row('Destinations', 'Destination Authoring'),

  'manage-identity-namespaces': row(
    'Identity Management',
    'Manage Identity Namespaces',
    { 'identity-namespaces': rwd },
    ['view-identity-namespaces'],
  ),
  'view-identity-namespaces': row('Identity Management', 'View Identity Namespaces', {
    'identity-namespaces': r,
  }),
  'view-identity-graph': row('Identity Management', 'View Identity Graph'),

  'manage-profiles': row(
    'Profile Management',
    'Manage Profiles',
    {
      datasets: rw,
      'profile-configs': rwd,
      'profile-datasets': rwd,
      profiles: rwd,
      schemas: r,
      segments: rwd,
      'segment-jobs': w,
    },
    ['view-profiles'],
  ),
  'view-profiles': row('Profile Management', 'View Profiles', { profiles: r }),
  'manage-segments': row('Profile Management', 'Manage Segments', { segments: rwd }, ['view-segments']),
  'view-segments': row('Profile Management', 'View Segments', { segments: r }),
  'manage-merge-policies': row('Profile Management', 'Manage Merge Policies', { 'profile-configs': rwd }, [
    'view-merge-policies',
  ]),
  'view-merge-policies': row('Profile Management', 'View Merge Policies', { 'profile-configs': r }),
  'export-audience-for-segment': row('Profile Management', 'Export Audience for Segment'),
  'evaluate-segment-to-audience': row('Profile Management', 'Evaluate a Segment to an Audience', {
    'segment-jobs': w,
  }),

  'manage-queries': row('Query Service', 'Manage Queries', { queries: rwd, 'query-schedules': rwd }),
  'manage-query-service-integration': row('Query Service', 'Manage Query Service Integration', {
    'query-credentials': rwd,
  }),
  'manage-allowed-list': row('Query Service', 'Manage Allowed List'),

  'manage-sandboxes': row('Sandbox Administration', 'Manage Sandboxes', { sandboxes: rwd }, [
    'view-sandboxes',
  ]),
  'view-sandboxes': row('Sandbox Administration', 'View Sandboxes', { sandboxes: r }),
  'reset-sandboxes': row('Sandbox Administration', 'Reset a Sandbox', { 'reset-sandboxes': w }),
} as const satisfies Record<string, PermissionEntry>

/** What a role can be given. */
export type CataloguePermission = keyof typeof catalogue
export const permissions = Object.keys(catalogue) as CataloguePermission[]

/**
 * What doors ask for. Beside the catalogue: `administer-organization`, which only the role *Organisation administrator*
 * gives, and `batch-queries`: to manage queries in an organisation that is entitled to batch queries.
 */
export type Permission = CataloguePermission | 'administer-organization' | 'batch-queries'

export const sandboxCategory = 'Sandbox Administration'

export function entryOf(permission: CataloguePermission): PermissionEntry {
  return catalogue[permission]
}

export function isPermission(text: string): text is CataloguePermission {
  return Object.hasOwn(catalogue, text)
}

/** The permission itself and all whose holders have it too. */
export function givenBy(permission: Permission): readonly string[] {
  return [permission, ...permissions.filter((other) => entryOf(other).implies?.includes(permission) === true)]
}

/** Older pages write some resource types in the plural. */
const resourceAliases: Readonly<Record<string, ResourceType>> = {
  connections: 'connection',
  'dataset-data': 'datasets-data',
  'dule-labels': 'dule-label',
  'identity-descriptors': 'identity-descriptor',
  'relationship-descriptors': 'relationship-descriptor',
}

export function resourceTypeOf(text: string): ResourceType | undefined {
  return resourceTypes.find((type) => type === text) ?? resourceAliases[text]
}

/** What of a resource type these permissions allow together, in the order read, write, delete. */
export function actionsOf(held: readonly CataloguePermission[], type: ResourceType): Action[] {
  const given = new Set(held.flatMap((permission) => entryOf(permission).contains[type] ?? []))
  return rwd.filter((action) => given.has(action))
}

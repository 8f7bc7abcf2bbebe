// Makes src/schemas/xdm-library.json from a clone of the public repository adobe/xdm at the commit below:
//   git clone https://github.com/adobe/xdm && node scripts/xdm-data.mjs PATH/TO/xdm
// Only facts are kept: ids, names, types, bounds, enumerations and how resources refer to each other. No descriptions.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './bootstrap.mjs'

const commit = '4a4fc5f8dd175cd81f2419b85130a6fc25053890'
const clone = process.argv[2]
if (!clone) {
  console.error('Usage: node scripts/xdm-data.mjs PATH/TO/xdm')
  process.exit(2)
}

const git = (...args) => {
  const done = spawnSync('git', ['-C', clone, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (done.status !== 0) throw new Error(done.stderr)
  return done.stdout
}

const isShipped = (path) => path.startsWith('components/') || path.startsWith('extensions/adobe/experience/')
const paths = git('ls-tree', '-r', '--name-only', commit)
  .split('\n')
  .filter((path) => path.endsWith('.schema.json') && isShipped(path))
const version = JSON.parse(git('show', `${commit}:package.json`)).version

/** Of a field or an object: what says which values it takes. */
const kept = new Set(
  'type format minimum maximum minLength maxLength pattern enum default required $ref meta:xdmType'.split(
    ' ',
  ),
)
const kindOfFolder = {
  classes: 'classes',
  fieldgroups: 'mixins',
  datatypes: 'datatypes',
  behaviors: 'behaviors',
  common: 'datatypes',
}
const behaviours = ['record', 'time-series', 'adhoc'].map((name) => `https://ns.adobe.com/xdm/data/${name}`)
const isName = /^(?!@context$)[@:/\w.-]+$/
const context = 'https://ns.adobe.com/xdm/common/extensible#/definitions/@context'

function facts(node) {
  const out = {}
  for (const [key, value] of Object.entries(node)) {
    if (key === 'properties' || key === 'definitions') {
      out[key] = Object.fromEntries(
        Object.entries(value)
          .filter(([name, field]) => isName.test(name) && typeof field === 'object')
          .map(([name, field]) => [name, facts(field)]),
      )
    } else if (key === 'items' || key === 'additionalProperties') {
      if (typeof value === 'object') out[key] = facts(value)
    } else if (key === 'patternProperties') {
      // A map whose keys have a form: the form is not kept.
      const [first] = Object.values(value).filter(
        (field) => typeof field === 'object' && field.type !== undefined,
      )
      if (first && !node.properties) out.additionalProperties ??= facts(first)
    } else if (key === 'allOf') {
      const parts = value.filter((part) => part.$ref !== context).map(facts)
      if (parts.length > 0) out.allOf = parts
    } else if (key === 'meta:enum') {
      out[key] = Object.keys(value)
    } else if (key === 'meta:status' && value === 'deprecated') {
      out[key] = value
    } else if (kept.has(key)) {
      out[key] = value
    }
  }
  return out
}

function referencesOf(document) {
  return (document.allOf ?? []).flatMap((part) => (typeof part.$ref === 'string' ? [part.$ref] : []))
}

function kindOf(path, document) {
  const [top, folder] = path.split('/')
  if (top === 'components') return kindOfFolder[folder]
  if (document['meta:intendedToExtend']) return 'mixins'
  const references = referencesOf(document)
  if (references.some((id) => behaviours.includes(id))) return 'classes'
  return references.some((id) => classIds.has(id)) ? 'schemas' : 'datatypes'
}

const sources = paths.map((path) => ({ path, document: JSON.parse(git('show', `${commit}:${path}`)) }))
const classIds = new Set(
  sources.filter(({ path }) => path.startsWith('components/classes/')).map(({ document }) => document.$id),
)
/** The behaviour's fields come first, then a class's own, then what is mixed in. */
function inOrder(kind, document) {
  if (kind !== 'classes' || !document.allOf) return document
  const rank = ({ $ref }) => (behaviours.includes($ref) ? 0 : $ref?.startsWith('#') ? 1 : 2)
  return { ...document, allOf: document.allOf.toSorted((a, b) => rank(a) - rank(b)) }
}

const resources = sources
  .map(({ path, document }) => ({
    $id: document.$id,
    kind: kindOf(path, document),
    title: document.title ?? document.$id.split('/').at(-1),
    ...(document['meta:intendedToExtend'] ? { intendedToExtend: document['meta:intendedToExtend'] } : {}),
    ...(document['meta:status'] === 'deprecated' || path.includes('/deprecated/')
      ? { isDeprecated: true }
      : {}),
    document: inOrder(kindOf(path, document), facts(document)),
  }))
  .filter(({ $id }) => $id !== 'https://ns.adobe.com/xdm/common/extensible')
  .sort((a, b) => (a.$id < b.$id ? -1 : 1))

const known = new Set(resources.map(({ $id }) => $id))
for (const { $id, document } of resources) {
  JSON.stringify(document, (key, value) => {
    if (key === '$ref' && !value.startsWith('#') && !known.has(value.split('#')[0]))
      throw new Error(`${$id} refers to ${value}, which is not there.`)
    return value
  })
}

const lines = resources.map((resource) => JSON.stringify(resource))
writeFileSync(
  join(root, 'src/schemas/xdm-library.json'),
  `{"source":"https://github.com/adobe/xdm","commit":"${commit}","version":"${version}","licence":"CC BY 4.0, Copyright Adobe","resources":[\n${lines.join(',\n')}\n]}\n`,
)
console.log(`${resources.length} resources`)

import type { XdmColumns } from '#types/xdm.ts'
import { columnsOfResolved, leavesOf } from './columns.ts'
import { invalidAt, refused } from './errors.ts'
import { isJson, type Json, texts } from './json.ts'
import { library } from './library.ts'
import { adHoc, allReferences, directReferences, extendsOf, modelBased } from './lineage.ts'
import { type Lookup, resolveDocument } from './resolve.ts'
import type { TenantKind } from './resource.ts'
import { isClass } from './shipped.ts'

const titleLengthMax = 255
const groupsMax = 100

/** What is known of a resource once it is checked. */
export interface Checked {
  readonly title: string
  readonly resolved: Json
  readonly extends: readonly string[]
  /** Ids of the organisation's own resources it refers to, through others too. */
  readonly uses: readonly string[]
  readonly classId: string | undefined
  readonly isAdHoc: boolean
  readonly isUnion: boolean
  /** Of a schema. */
  readonly columns: XdmColumns | undefined
}

/**
 * Whether a composed document may be stored.
 * @throws AppError 'schema.invalid' naming the place
 */
export function checkDocument(
  kind: TenantKind,
  document: Json,
  { lookup, tenant }: { readonly lookup: Lookup; readonly tenant: string },
): Checked {
  const title = titleOf(document)
  if (document['meta:behaviorType'] !== undefined || directReferences(document).includes(modelBased)) {
    throw invalidAt('#/allOf', 'model-based schemas are not supported', 'Extend a class of behaviour record.')
  }
  const all = extendsOf(document, lookup)
  const isAdHoc = all.includes(adHoc)
  const classId = kind === 'schemas' ? classOf(document, lookup) : undefined
  if (kind === 'schemas') checkGroups(document, classId, lookup)
  if (kind === 'classes') checkBehaviour(all, lookup)
  const resolved = resolveDocument(document, lookup)
  if (kind === 'mixins' || (kind === 'classes' && !isAdHoc)) checkTenantFields(document, lookup, tenant)
  checkTags(document)
  return {
    title,
    resolved,
    extends: all,
    uses: ownUses(document, lookup),
    classId,
    isAdHoc,
    isUnion: texts(document['meta:immutableTags']).includes('union'),
    columns: kind === 'schemas' ? columnsOfResolved(resolved) : checkFields(resolved),
  }
}

function titleOf(document: Json): string {
  const { title } = document
  if (typeof title === 'string' && title.length >= 1 && title.length <= titleLengthMax) return title
  throw invalidAt('#/title', `a text of 1 to ${titleLengthMax} characters was expected`, 'Give it a title.')
}

/** A part without fields is allowed; one that no table could hold is not. */
function checkFields(resolved: Json): undefined {
  if (isJson(resolved['properties']) && Object.keys(resolved['properties']).length > 0)
    columnsOfResolved(resolved)
}

/** Written without a class a schema is of none, or of the one its `meta:class` names. */
function classOf(document: Json, lookup: Lookup): string | undefined {
  const references = directReferences(document)
  const classes = references.filter((id) => isClass(id, lookup))
  if (classes.length === 1) return classes[0]
  if (classes.length > 1) {
    throw invalidAt('#/allOf', `a schema has exactly one class, ${classes.length} came`, 'Keep one.')
  }
  for (const [index, id] of references.entries()) {
    if (lookup.document(id) === undefined) {
      throw invalidAt(
        `#/allOf/${index}/$ref`,
        `there is no resource ${JSON.stringify(id.slice(0, 200))} in this sandbox`,
        'Refer to a class or field group by its $id.',
      )
    }
  }
  if (references.length > 0) {
    throw invalidAt(
      '#/allOf',
      'a schema has exactly one class, none came',
      'Refer to one, for example https://ns.adobe.com/xdm/context/experienceevent.',
    )
  }
  const named = document['meta:class']
  return typeof named === 'string' && isClass(named, lookup) ? named : undefined
}

function checkGroups(document: Json, classId: string | undefined, lookup: Lookup): void {
  if (classId === undefined) return
  const groups = directReferences(document).filter((id) => id !== classId)
  if (groups.length > groupsMax) {
    throw refused('schema.limit', 'XDM-1603-400', `A schema has at most ${groupsMax} field groups.`, {
      place: '#/allOf',
    })
  }
  const classDocument = lookup.document(classId)
  const family = new Set([classId, ...(classDocument ? extendsOf(classDocument, lookup) : [])])
  for (const id of groups) {
    const group = lookup.document(id)
    if (!group) continue // Said when references are followed.
    const kind = library().resources.get(id)?.kind ?? group['meta:resourceType']
    if (kind !== 'mixins') {
      throw invalidAt(
        '#/allOf',
        `${JSON.stringify(id)} is no field group`,
        'Use data types for single fields.',
      )
    }
    const intended = texts(group['meta:intendedToExtend'])
    if (intended.length > 0 && !intended.some((target) => family.has(target))) {
      throw invalidAt(
        '#/allOf',
        `the field group ${JSON.stringify(String(group['title']))} does not extend the class ${classId}`,
        `It extends: ${intended.slice(0, 5).join(', ')}.`,
      )
    }
  }
}

function checkBehaviour(all: readonly string[], lookup: Lookup): void {
  if (all.some((id) => isClass(id, lookup))) return
  throw invalidAt(
    '#/allOf',
    'a class refers to a behaviour or to another class',
    'Add {"$ref":"https://ns.adobe.com/xdm/data/record"} or …/time-series.',
  )
}

/** What a group or class adds itself lies below the tenant's own name, which may stand inside a standard object. */
function checkTenantFields(document: Json, lookup: Lookup, tenant: string): void {
  const own = Array.isArray(document['allOf'])
    ? (document['allOf'] as unknown[]).filter(
        (part) => !(isJson(part) && typeof part['$ref'] === 'string' && !part['$ref'].startsWith('#')),
      )
    : []
  const violations = leavesOf(resolveDocument({ ...document, allOf: own }, lookup))
    .filter(({ path, field }) => path !== '' && field['meta:xdmField'] === undefined)
    .filter(({ path }) => !path.split('/').includes(`_${tenant}`))
    .map(({ path }) => ({ path, message: `the field is not below "_${tenant}"` }))
  const [first] = violations
  if (!first) return
  throw refused('schema.invalid', 'XDM-1020-400', `the field is not below "_${tenant}".`, {
    place: first.path,
    hint: `Put your own fields below "_${tenant}".`,
    violations: violations.slice(0, 100),
  })
}

function checkTags(document: Json): void {
  const tags = document['meta:immutableTags']
  if (tags === undefined) return
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string' && tag.length <= 255)) return
  throw invalidAt('#/meta:immutableTags', 'an array of texts was expected')
}

/** Transitive, by the documents themselves: what is shipped never changes and is not followed. */
function ownUses(document: Json, lookup: Lookup): string[] {
  const found = new Set<string>()
  const todo = [...allReferences(document)]
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    if (found.has(id) || library().resources.has(id)) continue
    const next = lookup.document(id)
    if (!next) continue
    found.add(id)
    todo.push(...allReferences(next))
  }
  return [...found]
}

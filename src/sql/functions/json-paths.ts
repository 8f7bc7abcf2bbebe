import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { PrintedCall } from './entry.ts'
import { onceEach } from './once-each.ts'

/** The text as JSON, as lenient as Spark reads it and the flags allow; NULL where it is none. */
export function parsed(text: string, flags = ''): string {
  return onceEach(
    [text],
    (text = '') =>
      `coalesce(TRY_CAST(${text} AS JSON), TRY_CAST(native_json_mended(${text}, '${flags}') AS JSON))`,
  )
}

/** `get_json_object`. */
export function objectAtPath({ values: [text = '', path = ''], arguments: [, wanted] }: PrintedCall): string {
  if (wanted?.kind !== 'literal') return `json_extract_string(${parsed(text)}, ${path})`
  const steps = wanted.value === null ? undefined : stepsOf(String(wanted.value))
  if (!steps) return 'CAST(NULL AS VARCHAR)'
  const enginePath = quoteLiteral(`$${steps.join('')}`)
  if (!steps.some((step) => step.includes('*'))) {
    if (steps.at(-1)?.startsWith('.')) return `json_extract_string(${parsed(text)}, ${enginePath})`
    // A null that has no name is written.
    return onceEach(
      [parsed(text)],
      (json = '') =>
        `coalesce(json_extract_string(${json}, ${enginePath}), CASE WHEN json_type(${json}, ${enginePath}) = 'NULL' THEN 'null' END)`,
    )
  }
  return onceEach(
    [`json_extract(${parsed(text)}, ${enginePath})`],
    (found) =>
      `CASE len(${found}) WHEN 0 THEN NULL WHEN 1 THEN CAST(list_extract(${found}, 1) AS VARCHAR) ` +
      `ELSE '[' || array_to_string(CAST(${found} AS VARCHAR[]), ',') || ']' END`,
  )
}

/** `$.a['b'][0][*]` as the engine writes the steps; undefined for what is no path. */
function stepsOf(path: string): readonly string[] | undefined {
  if (!path.startsWith('$')) return undefined
  const steps: string[] = []
  const step = /\.([^.[\]*][^.[\]]*)|\[(\d+)\]|\['([^'?]+)'\]|\[\*\]/y
  step.lastIndex = 1
  while (step.lastIndex < path.length) {
    const found = step.exec(path)
    if (!found) return undefined
    const [text, name, index, quoted] = found
    const key = name ?? quoted
    steps.push(key === undefined ? (index === undefined ? text : `[${index}]`) : `.${quotedKey(key)}`)
  }
  return steps
}

/** The rows of `json_tuple`: one. */
export function jsonTupleList({
  values: [text = '', ...names],
  arguments: [, ...wanted],
}: PrintedCall): string {
  return onceEach([parsed(text), ...names], (json = '', ...keys) => {
    const members = keys.map((name, index) => {
      const constant = wanted[index]
      const path =
        constant?.kind === 'literal' && constant.value !== null
          ? quoteLiteral(`$.${quotedKey(String(constant.value))}`)
          : `('$.' || to_json(${name}))`
      return `${quoteIdentifier(`c${index}`)} := json_extract_string(${json}, ${path})`
    })
    return `[struct_pack(${members.join(', ')})]`
  })
}

export const quotedKey = (key: string): string => `"${key.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

import { isJson, pointerStep } from './json.ts'

export interface Change {
  readonly action: 'add' | 'remove' | 'replace'
  /** JSON pointer */
  readonly path: string
  readonly value: unknown
}

const changesMax = 200

/** What leads from one JSON value to another, at most 200 changes. */
export function changesBetween(before: unknown, after: unknown): Change[] {
  const out: Change[] = []
  compare(before, after, '', out)
  return out
}

function compare(before: unknown, after: unknown, path: string, out: Change[]): void {
  if (out.length >= changesMax || JSON.stringify(before) === JSON.stringify(after)) return
  if (isJson(before) && isJson(after)) {
    for (const [key, value] of Object.entries(after)) {
      const at = `${path}/${pointerStep(key)}`
      if (Object.hasOwn(before, key)) compare(before[key], value, at, out)
      else out.push({ action: 'add', path: at, value })
    }
    for (const key of Object.keys(before)) {
      if (!Object.hasOwn(after, key))
        out.push({ action: 'remove', path: `${path}/${pointerStep(key)}`, value: null })
    }
  } else out.push({ action: 'replace', path, value: after })
}

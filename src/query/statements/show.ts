import type { Field } from '#types/data-type.ts'
import { propertyName } from '../properties.ts'
import type { Scope } from '../scope.ts'
import { showList } from './show-lists.ts'
import { type ShownRows, textColumns } from '../static-rows.ts'

/** The columns of an answer, without making it. @throws AppError 'config.invalid' */
export function shownColumns(scope: Pick<Scope, 'focus'>, what: string): readonly Field[] {
  const { key } = subject(what)
  if (key === 'all') return textColumns('name', 'setting', 'description')
  return showList(scope, key)?.columns ?? textColumns(propertyName(aliasOf(what)))
}

/** @throws AppError 'config.invalid' for what is neither a list nor a property */
export async function show(scope: Scope, what: string): Promise<ShownRows> {
  const columns = shownColumns(scope, what)
  const { key, of } = subject(what)
  if (key === 'all') return { columns, rows: scope.properties.list() }
  const list = showList(scope, key)
  if (list) return { columns, rows: await list.rows(scope, of) }
  return { columns, rows: [[scope.properties.shown(aliasOf(what))]] }
}

/** `DATAGROUPS FOR name` asks for those of one table, `STATISTICS FOR name` for one row of the list. */
function subject(what: string): { readonly key: string; readonly of: string | undefined } {
  const [, key = '', of] = /^(datagroups|statistics)(?: for (.+))?$/i.exec(what.trim()) ?? [
    undefined,
    normalized(what),
  ]
  return { key: key.toLowerCase(), of }
}

function normalized(what: string): string {
  return what.trim().replaceAll(/\s+/g, ' ').toLowerCase()
}

/** PostgreSQL has some properties under names of several words. */
function aliasOf(what: string): string {
  const name = normalized(what)
  if (name === 'transaction isolation level' || name.startsWith('transaction isolation')) {
    return 'transaction_isolation'
  }
  if (name === 'time zone') return 'TimeZone'
  if (name === 'session authorization') return 'session_authorization'
  return what.trim()
}

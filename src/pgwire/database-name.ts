/** What a client's database name means. */
export interface DatabaseName {
  readonly sandbox: string
  /** `all`, or what to look at alone. */
  readonly database: string
  /** Behind a `?`. */
  readonly option: string | undefined
}

const sandboxDefault = 'prod'

/** `{sandbox}:{all|…}[?OPTION]`; bare names lie in `prod`; none at all, or psql's default, the user's name, is all. */
export function parseDatabaseName(text: string | undefined, user: string): DatabaseName {
  const whole = { sandbox: sandboxDefault, database: 'all', option: undefined }
  if (text === undefined || text === '' || text === user) return whole
  const [name, option] = splitAt(text, '?')
  const [before, after] = splitAt(name, ':')
  const sandbox = after === undefined ? sandboxDefault : before
  return { sandbox, database: (after ?? before) || 'all', option }
}

function splitAt(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

import { AppError } from '#base/errors.ts'
import { nearest } from '#base/nearest.ts'

/** A property of a session: SET, SHOW and, at the start, the client's startup message know it by name. */
interface Property {
  readonly name: string
  readonly default: string
  readonly about: string
  /** The value to keep; undefined when it is not one. Absent: read-only. */
  readonly accept?: (value: string) => string | undefined
  readonly expects?: string
  /** The name of who is signed in is taken, too. */
  readonly takesOwnName?: true
  /** How SHOW prints it; absent: as it is kept. */
  readonly shown?: (value: string) => string
}

const anything = (value: string): string => value
const oneOf =
  (...values: readonly string[]) =>
  (value: string): string | undefined =>
    values.find((candidate) => candidate.toLowerCase() === value.toLowerCase())
const whole =
  (min: number, max: number) =>
  (value: string): string | undefined =>
    /^-?\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max
      ? String(Number(value))
      : undefined
const onOff = (value: string): string | undefined => {
  const lower = value.toLowerCase()
  if (['on', 'true', 'yes', '1', 't'].includes(lower)) return 'on'
  return ['off', 'false', 'no', '0', 'f'].includes(lower) ? 'off' : undefined
}
const trueFalse = (value: string): string | undefined => {
  const word = onOff(value)
  return word === undefined ? undefined : String(word === 'on')
}

/** The version whose catalogue and behaviour clients may count on. */
const serverVersion = '16.14'

const properties: readonly Property[] = [
  {
    name: 'adf_lookahead',
    default: 'false',
    about: 'Whether LAST_TOUCH with expiry looks ahead',
    accept: trueFalse,
    expects: 'true or false',
  },
  {
    name: 'aqp',
    default: 'false',
    about: 'Whether samples of tables may be taken',
    accept: trueFalse,
    expects: 'true or false',
  },
  { name: 'application_name', default: '', about: 'Name of the client, for the query log', accept: anything },
  {
    name: 'auto_to_json',
    default: 'false',
    about: 'Whether complex columns of interactive queries become JSON texts',
    accept: trueFalse,
    expects: 'true or false',
  },
  {
    name: 'bytea_output',
    default: 'hex',
    about: 'Form of binary values',
    accept: oneOf('hex'),
    expects: 'hex',
  },
  {
    name: 'client_encoding',
    default: 'UTF8',
    about: 'Encoding of texts',
    accept: (value) => (/^'?(?:utf-?8|unicode)'?$/i.test(value) ? 'UTF8' : undefined),
    expects: 'UTF8',
  },
  {
    name: 'client_min_messages',
    default: 'notice',
    about: 'Least severity of messages sent',
    accept: oneOf(
      'debug5',
      'debug4',
      'debug3',
      'debug2',
      'debug1',
      'debug',
      'log',
      'notice',
      'warning',
      'error',
    ),
    expects: 'notice, warning or error',
  },
  {
    name: 'DateStyle',
    default: 'ISO, MDY',
    about: 'Form of dates',
    accept: (value) => (/^iso\b/i.test(value) ? 'ISO, MDY' : undefined),
    expects: 'ISO',
  },
  {
    name: 'default_transaction_deferrable',
    default: 'off',
    about: 'Accepted without effect',
    accept: onOff,
    expects: 'on or off',
  },
  {
    name: 'default_transaction_isolation',
    default: 'read committed',
    about: 'Accepted; each statement reads one snapshot',
    accept: anything,
  },
  {
    name: 'default_transaction_read_only',
    default: 'off',
    about: 'Whether transactions that do not say so themselves refuse to write',
    accept: onOff,
    expects: 'on or off',
  },
  {
    name: 'drop_system_columns',
    default: 'true',
    about: 'Whether _acp_system_metadata and _ACP_BATCHID are hidden',
    accept: trueFalse,
    expects: 'true or false',
  },
  {
    name: 'engine',
    default: 'duckdb',
    about: 'Where queries run; what they write is written by DuckDB',
    accept: oneOf('duckdb', 'spark'),
    expects: 'duckdb or spark',
  },
  {
    name: 'extra_float_digits',
    default: '1',
    about: 'Accepted; floating-point numbers are always exact',
    accept: whole(-15, 3),
    expects: '-15 to 3',
  },
  {
    name: 'flatten',
    default: 'false',
    about: 'Whether each field of a struct is a column; ?FLATTEN behind the database turns it on',
    accept: trueFalse,
    expects: 'true or false',
  },
  {
    name: 'idle_in_transaction_session_timeout',
    default: '0',
    about: 'Accepted without effect',
    accept: anything,
  },
  { name: 'in_hot_standby', default: 'off', about: 'Always off' },
  { name: 'integer_datetimes', default: 'on', about: 'Always on' },
  {
    name: 'IntervalStyle',
    default: 'postgres',
    about: 'Form of intervals',
    accept: oneOf('postgres', 'iso_8601'),
    expects: 'postgres or iso_8601',
  },
  { name: 'is_superuser', default: 'off', about: 'Always off' },
  { name: 'lc_collate', default: 'C', about: 'Texts are ordered by code point' },
  { name: 'lc_ctype', default: 'C.UTF-8', about: 'Kinds of characters are Unicode’s' },
  { name: 'lock_timeout', default: '0', about: 'Accepted without effect', accept: anything },
  { name: 'max_identifier_length', default: '63', about: 'As clients expect it' },
  {
    name: 'resolve_fallback_snapshot_on_failure',
    default: 'false',
    about: 'Whether SNAPSHOT starts at the oldest snapshot when the one named is gone',
    accept: trueFalse,
    expects: 'true or false',
  },
  {
    name: 'role',
    default: 'none',
    about: 'Rights are those of who is signed in, whatever it says',
    accept: oneOf('none'),
    takesOwnName: true,
    expects: 'none or your own name',
  },
  {
    name: 'row_security',
    default: 'on',
    about: 'Accepted without effect',
    accept: onOff,
    expects: 'on or off',
  },
  { name: 'search_path', default: 'public', about: 'Accepted without effect', accept: anything },
  { name: 'server_encoding', default: 'UTF8', about: 'Encoding of texts in the server' },
  { name: 'server_version', default: serverVersion, about: 'PostgreSQL version behind the catalogue' },
  { name: 'server_version_num', default: '160014', about: 'The same as a number' },
  {
    name: 'session_authorization',
    default: '',
    about: 'Who is signed in',
    accept: () => undefined,
    takesOwnName: true,
    expects: 'DEFAULT or your own name',
  },
  {
    name: 'skip_stats_for_complex_datatypes',
    default: 'true',
    about: 'Whether statistics leave out complex columns',
    accept: trueFalse,
    expects: 'true or false',
  },
  {
    name: 'standard_conforming_strings',
    // Clients that put values into texts themselves escape them as this says: said wrongly, values become SQL.
    default: 'off',
    about: 'Whether a backslash in a text is a backslash, as in PostgreSQL, and not an escape, as in Spark',
    accept: onOff,
    expects: 'on or off',
  },
  {
    name: 'statement_timeout',
    default: '0',
    about: 'Milliseconds a statement may run; 0: the server’s own limit',
    accept: milliseconds,
    expects: 'a number of milliseconds, or one of us, ms, s, min, h or d',
    shown: withUnit,
  },
  {
    name: 'synchronous_commit',
    default: 'on',
    about: 'Accepted; commits are always durable',
    accept: anything,
  },
  {
    name: 'TimeZone',
    default: 'UTC',
    about: 'Times are shown in UTC',
    // Whatever the client's own zone is: instants carry theirs in every format.
    accept: () => 'UTC',
  },
  {
    name: 'transaction_isolation',
    default: 'read committed',
    about: 'Of the transaction in progress: accepted; each statement reads one snapshot',
    accept: anything,
  },
  {
    name: 'transaction_read_only',
    default: 'off',
    about: 'Whether the transaction in progress refuses to write',
    accept: onOff,
    expects: 'on or off',
  },
]

/** What a transaction may have otherwise than those to come, whose own is kept with `default_` in front. */
const modes = ['transaction_isolation', 'transaction_read_only'] as const

/** Whatever a client sets under a name with a dot it finds again, as in PostgreSQL. Spark's settings do something there. */
const ownName = /^(?!spark\.)[a-z_][\w$]*(?:\.[a-z_][\w$]*)+$/i
const ownMax = 100
const ownCharactersMax = 10_000

const byName: ReadonlyMap<string, Property> = new Map(
  properties.map((property) => [property.name.toLowerCase(), property]),
)

const unitsMs: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  min: 60_000,
  s: 1_000,
  ms: 1,
  us: 0.001,
}
const timeoutMsMax = 2_147_483_647

/** Fractions are rounded, as PostgreSQL does. */
function milliseconds(value: string): string | undefined {
  const [, count, unit = 'ms'] = /^\s*(\d{1,10}(?:\.\d{1,9})?)\s*(us|ms|s|min|h|d)?\s*$/.exec(value) ?? []
  if (count === undefined) return undefined
  const valueMs = Math.round(Number(count) * unitsMs[unit]!)
  return valueMs <= timeoutMsMax ? String(valueMs) : undefined
}

/** In the largest unit that leaves a whole number; zero has none. */
function withUnit(value: string): string {
  const valueMs = Number(value)
  const [unit, sizeMs] = Object.entries(unitsMs).find(([, size]) => valueMs % size === 0)!
  return valueMs === 0 ? value : `${valueMs / sizeMs}${unit}`
}

/** The properties of one session. Names are the same without case. */
export class SessionProperties {
  readonly #values: Map<string, string>
  readonly #initial: ReadonlyMap<string, string>
  /** Within a transaction what its end puts back: the values before SET LOCAL. The modes come from their defaults. */
  #before: Map<string, string> | undefined

  /**
   * @param fixed what the server knows of the session
   * @param wished what the client wants from the start; names we do not have are passed over, as clients send many
   * @throws AppError 'config.invalid'
   */
  constructor(fixed: ReadonlyMap<string, string>, wished: ReadonlyMap<string, string>) {
    this.#values = new Map(properties.map((property) => [property.name.toLowerCase(), property.default]))
    for (const [name, value] of fixed) this.#values.set(name.toLowerCase(), value)
    for (const [name, value] of wished) {
      if (byName.get(name.toLowerCase())?.accept) this.set(name, value)
    }
    this.#initial = new Map(this.#values)
  }

  /** A copy in which these are otherwise, by names in lower case. */
  with(values: Readonly<Record<string, string>>): SessionProperties {
    return new SessionProperties(new Map([...this.#values, ...Object.entries(values)]), new Map())
  }

  /** By name in lower case. */
  get values(): ReadonlyMap<string, string> {
    return this.#values
  }

  /** @throws AppError 'config.invalid' */
  get(name: string): string {
    const key = propertyOf(name).name.toLowerCase()
    const value = this.#values.get(key)
    if (value === undefined && !byName.has(key)) throw unknownProperty(name)
    return value ?? ''
  }

  /** As SHOW prints it. @throws AppError 'config.invalid' */
  shown(name: string): string {
    const value = this.get(name)
    return propertyOf(name).shown?.(value) ?? value
  }

  isTrue(name: string): boolean {
    return this.get(name) === 'true'
  }

  beginTransaction(): void {
    this.#before ??= new Map()
  }

  endTransaction(): void {
    for (const [key, value] of this.#before ?? []) this.#values.set(key, value)
    this.#before = undefined
    this.#takeDefaultModes()
  }

  /** Outside of a transaction each statement is one, with the modes of those to come. */
  #takeDefaultModes(): void {
    if (this.#before) return
    for (const mode of modes) this.#values.set(mode, this.get(`default_${mode}`))
  }

  /** Sets it until the transaction ends; outside of one nothing happens. @throws AppError 'config.invalid' */
  setLocal(name: string, value: string): 'set' | 'no transaction' {
    const key = propertyOf(name).name.toLowerCase()
    const before = this.#before
    if (!before) return 'no transaction'
    const was = before.get(key) ?? this.#values.get(key) ?? ''
    this.set(name, value)
    before.set(key, was)
    return 'set'
  }

  /** It stays when the transaction ends, however that does. @throws AppError 'config.invalid' */
  set(name: string, value: string): void {
    const property = propertyOf(name)
    const key = property.name.toLowerCase()
    this.#before?.delete(key)
    if (!property.accept) {
      throw new AppError('config.invalid', `The property ${property.name} cannot be changed.`)
    }
    if (!byName.has(key) && !this.#values.has(key) && this.#values.size >= byName.size + ownMax) {
      throw new AppError('query.limit', `A session has at most ${ownMax} settings of the client's own.`)
    }
    const isDefault = value.toLowerCase() === 'default'
    const isOwnName = property.takesOwnName && value === this.#values.get('session_authorization')
    const given = isOwnName ? value : property.accept(value)
    const accepted = isDefault ? (this.#initial.get(key) ?? property.default) : given
    if (accepted === undefined) {
      throw new AppError(
        'config.invalid',
        `The property ${property.name} takes ${property.expects ?? 'another value'}, ${JSON.stringify(value.slice(0, 80))} came.`,
      )
    }
    this.#values.set(key, accepted)
    this.#takeDefaultModes()
  }

  /** @param name `all`, or one property */
  reset(name: string): void {
    if (name.toLowerCase() !== 'all') return this.set(name, 'default')
    this.#before?.clear()
    for (const key of this.#values.keys()) {
      if (!modes.some((mode) => mode === key)) this.#values.set(key, this.#initial.get(key) ?? '')
    }
    this.#takeDefaultModes()
  }

  /** Name, value and meaning of all, in order of their names. */
  list(): readonly (readonly [string, string, string])[] {
    return properties.map(({ name, about }) => [name, this.shown(name), about])
  }
}

/** In the spelling SHOW prints. @throws AppError 'config.invalid' */
export function propertyName(name: string): string {
  return propertyOf(name).name
}

function propertyOf(name: string): Property {
  const property = byName.get(name.toLowerCase())
  if (property) return property
  if (!ownName.test(name)) throw unknownProperty(name)
  return {
    name,
    default: '',
    about: 'The client’s own',
    accept: (value) => (value.length <= ownCharactersMax ? value : undefined),
    expects: `at most ${ownCharactersMax} characters`,
  }
}

function unknownProperty(name: string): AppError {
  const [suggestion] = nearest(name, byName.keys())
  return new AppError('config.invalid', `There is no property ${JSON.stringify(name.slice(0, 80))}.`, {
    hint: suggestion === undefined ? 'See them with SHOW ALL.' : `Perhaps ${suggestion} was meant.`,
  })
}

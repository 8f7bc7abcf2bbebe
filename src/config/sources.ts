import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { AppError } from '#base/errors.ts'
import { nearest } from '#base/nearest.ts'
import { codeOf } from '#base/system-error.ts'
import { defaultHome, homePaths } from './home.ts'
import { type Setting, settings } from './settings.ts'

/** Variables of our test runner, which the servers it starts inherit. */
const testPrefix = 'SLUICE_TEST_'

/** What settings are taken from: passed in, never found. */
export interface ConfigSources {
  /** By name (`engine.batchChildren`), flag or camelCase word; undefined values are as if absent. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where relative paths of flags and variables start. */
  readonly cwd: string
}

export interface Given {
  readonly value: unknown
  /** `flag --http`, `variable SLUICE_HTTP`, `file …/config.json`, `default` */
  readonly source: string
}

/** The value each setting has, before it is checked, and where it comes from: flag > variable > file > default. */
export function gather(sources: ConfigSources): Map<string, Given> {
  const given = new Map<string, Given>()
  const take = (layer: Map<string, Given>) => {
    for (const [name, value] of layer) if (!given.has(name)) given.set(name, value)
  }
  take(fromFlags(sources.flags))
  take(fromVariables(sources.env))
  for (const setting of settings) {
    const value = given.get(setting.name)
    if (value && setting.isPath) given.set(setting.name, absolute(value, sources.cwd))
  }
  const chosen = given.get('home')?.value
  const home = typeof chosen === 'string' ? chosen : defaultHome()
  take(fromFile(home))
  take(fromDefaults(home))
  return given
}

function absolute({ value, source }: Given, from: string): Given {
  return { value: typeof value === 'string' ? resolve(from, value) : value, source }
}

function fromFlags(flags: ConfigSources['flags']): Map<string, Given> {
  const letters = (name: string) => name.replaceAll(/[^a-z]/gi, '').toLowerCase()
  const byLetters = new Map(settings.map((setting) => [letters(setting.name), setting]))
  const layer = new Map<string, Given>()
  for (const [flag, value] of Object.entries(flags)) {
    if (value === undefined) continue
    const setting = byLetters.get(letters(flag))
    if (!setting)
      throw unknown(
        'flag',
        `--${flag}`,
        settings.map((setting) => setting.flag),
      )
    layer.set(setting.name, { value, source: `flag ${setting.flag}` })
  }
  return layer
}

function fromVariables(env: ConfigSources['env']): Map<string, Given> {
  const layer = new Map<string, Given>()
  const known = new Set(settings.flatMap(variablesOf))
  for (const variable of Object.keys(env)) {
    const isOurs = variable.startsWith('SLUICE_') && !variable.startsWith(testPrefix)
    if (isOurs && !known.has(variable)) throw unknown('variable', variable, known)
  }
  for (const setting of settings) {
    const set = variablesOf(setting).filter((variable) => (env[variable] ?? '') !== '')
    const [variable, other] = set
    if (variable === undefined) continue
    if (other !== undefined && other !== setting.sharedVariable) {
      throw new AppError('config.invalid', `Both ${variable} and ${other} are set.`, {
        hint: 'Set one of them.',
      })
    }
    const value = env[variable] ?? ''
    const isFile = variable === `${setting.variable}_FILE`
    layer.set(setting.name, {
      value: isFile ? secretOf(variable, value) : value,
      source: isFile ? `file named by ${variable}` : `variable ${variable}`,
    })
  }
  return layer
}

function variablesOf(setting: Setting): string[] {
  return [
    setting.variable,
    ...(setting.isSecret ? [`${setting.variable}_FILE`] : []),
    ...(setting.sharedVariable === undefined ? [] : [setting.sharedVariable]),
  ]
}

function secretOf(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw new AppError('config.invalid', `The file ${path}, named by ${variable}, cannot be read.`, { cause })
  }
}

function fromFile(home: string): Map<string, Given> {
  const path = homePaths(home).config
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return new Map()
    throw new AppError('config.invalid', `The settings ${path} cannot be read.`, { cause })
  }
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      `${path} is not JSON: ${cause instanceof Error ? cause.message : ''}`,
      {
        cause,
      },
    )
  }
  const names = settings.map((setting) => setting.name).filter((name) => name !== 'home')
  const layer = new Map<string, Given>()
  const walk = (value: unknown, above: string) => {
    for (const [key, item] of entriesOf(value, above, path)) {
      const name = above === '' ? key : `${above}.${key}`
      const setting = settings.find((setting) => setting.name === name && name !== 'home')
      if (setting) {
        const given = { value: item, source: `file ${path}` }
        layer.set(name, setting.isPath ? absolute(given, home) : given)
      } else if (names.some((known) => known.startsWith(`${name}.`))) walk(item, name)
      else throw unknown(`setting of ${path}`, name, names)
    }
  }
  walk(content, '')
  return layer
}

function entriesOf(value: unknown, name: string, path: string): [string, unknown][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value)
  throw new AppError('config.invalid', `${path}: ${name || 'it'} must be an object of settings.`)
}

function fromDefaults(home: string): Map<string, Given> {
  return new Map(
    settings.flatMap((setting): [string, Given][] => {
      const value = typeof setting.default === 'function' ? setting.default({ home }) : setting.default
      return value === undefined ? [] : [[setting.name, { value, source: 'default' }]]
    }),
  )
}

function unknown(what: string, name: string, candidates: Iterable<string>): AppError {
  const near = nearest(name, candidates)
  return new AppError('config.invalid', `There is no ${what} ${JSON.stringify(name)}.`, {
    hint: near.length > 0 ? `Did you mean ${near.join(' or ')}?` : 'See them all with: sluice config',
  })
}

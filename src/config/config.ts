import type { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { Secret } from './secret.ts'
import { configSchema, settings } from './settings.ts'
import { type ConfigSources, type Given, gather } from './sources.ts'
import { type Address, formatAddress, isLoopback } from './values.ts'

type DeepReadonly<T> = T extends Secret | string | number | undefined
  ? T
  : { readonly [K in keyof T]: DeepReadonly<T[K]> }

/** Every setting, checked and frozen. */
export type Config = DeepReadonly<z.infer<typeof configSchema>>

/** @throws AppError 'config.invalid' naming the setting, where it came from and what was expected. */
export function loadConfig(sources: ConfigSources): Config {
  return check(gather(sources))
}

export interface DescribedSetting {
  readonly name: string
  readonly value: string | number | null
  readonly source: string
  readonly about: string
  readonly variable: string
}

/** The effective settings for people, secrets masked. */
export function describeConfig(sources: ConfigSources): readonly DescribedSetting[] {
  const given = gather(sources)
  const config = check(given)
  return settings
    .filter((setting) => !setting.isHidden)
    .map(({ name, about, variable }) => ({
      name,
      value: shown(valueAt(config, name)),
      source: given.get(name)?.source ?? 'not set',
      about,
      variable,
    }))
}

function check(given: Map<string, Given>): Config {
  const tree: Record<string, unknown> = {}
  for (const { name } of settings) {
    const keys = name.split('.')
    const last = keys.pop() ?? name
    let branch = tree
    for (const key of keys) branch = (branch[key] ??= {}) as Record<string, unknown>
    const value = given.get(name)?.value
    if (value !== undefined) branch[last] = value
  }
  const parsed = configSchema.safeParse(tree)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const name = issue?.path.join('.') ?? ''
    throw new AppError(
      'config.invalid',
      `${name} (${given.get(name)?.source ?? 'not set'}): ${issue?.message}.`,
      {
        hint: settings.find((setting) => setting.name === name)?.about,
      },
    )
  }
  refuseContradictions(parsed.data)
  return deepFreeze(parsed.data)
}

function refuseContradictions({ http, tls, limits, s3 }: Config): void {
  for (const server of ['http', 'postgres'] as const) {
    if ((tls[`${server}Certificate`] === undefined) !== (tls[`${server}Key`] === undefined)) {
      throw new AppError(
        'config.invalid',
        `Of tls.${server}Certificate and tls.${server}Key only one is set.`,
        {
          hint: 'A certificate and its private key belong together: set both or neither.',
        },
      )
    }
  }
  if ((s3.accessKeyId === undefined) !== (s3.secretAccessKey === undefined)) {
    throw new AppError('config.invalid', 'Of s3.accessKeyId and s3.secretAccessKey only one is set.', {
      hint: 'Set both, or neither to use what the machine itself may.',
    })
  }
  if (!isLoopback(http.host) && tls.httpCertificate === undefined) {
    throw new AppError(
      'config.invalid',
      `HTTP would listen on ${formatAddress(http)}, which other machines may reach, without encryption.`,
      {
        hint: 'Set tls.httpCertificate and tls.httpKey, or listen on 127.0.0.1 behind a proxy that encrypts.',
      },
    )
  }
  if (limits.rowsDefault > limits.rowsMax) {
    throw new AppError('config.invalid', 'limits.rowsDefault is above limits.rowsMax.', {
      hint: 'Lower the first.',
    })
  }
}

function valueAt(config: Config, name: string): unknown {
  let value: unknown = config
  for (const key of name.split('.')) value = (value as Readonly<Record<string, unknown>> | undefined)?.[key]
  return value
}

function shown(value: unknown): string | number | null {
  if (value === undefined) return null
  if (typeof value === 'number' || typeof value === 'string') return value
  return value instanceof Secret ? String(value) : formatAddress(value as Address)
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value
  for (const item of Object.values(value)) deepFreeze(item)
  return Object.freeze(value)
}

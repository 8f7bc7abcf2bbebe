import { z } from 'zod'
import { Secret } from './secret.ts'

/** Where a server listens. Port 0 lets the system choose. */
export interface Address {
  readonly host: string
  readonly port: number
}

// Makers, because what is said of a setting hangs on its schema's identity.

/** `HOST:PORT`, `[IPv6]:PORT`, or a port alone, which means loopback. */
export const address = () =>
  z.string().transform((text, context): Address => {
    const match = /^(?:(?:\[([^\]]+)\]|([^:[\]\s]+))?:)?(\d{1,5})$/.exec(text.trim())
    const port = Number(match?.[3])
    if (!match || port > 65_535) {
      context.addIssue(`expected HOST:PORT, such as 127.0.0.1:8710, and got ${JSON.stringify(text)}`)
      return z.NEVER
    }
    return { host: match[1] ?? match[2] ?? '127.0.0.1', port }
  })

/** Whether only this machine can reach it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

/** As it is written in a setting. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

const byteUnits: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** A number of bytes; `512MB`, `2GiB` mean powers of 1024. */
export const bytes = () =>
  measure({
    pattern: /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i,
    units: byteUnits,
    example: '512MB',
  })

/** A span in milliseconds; `30s`, `10m`, `1h`, `7d` are understood. */
export const spanMs = () =>
  measure({
    pattern: /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)$/i,
    units: { '': 1, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 },
    example: '10m',
  })

function measure(options: {
  readonly pattern: RegExp
  readonly units: Readonly<Record<string, number>>
  readonly example: string
}) {
  return z.union([z.number(), z.string()]).transform((given, context): number => {
    const match = options.pattern.exec(String(given).trim())
    const value = Math.round(
      Number(match?.[1]) * (options.units[match?.[2]?.toLowerCase() ?? ''] ?? Number.NaN),
    )
    if (Number.isSafeInteger(value) && value > 0) return value
    context.addIssue(
      `expected a number above 0, such as ${options.example}, and got ${JSON.stringify(given)}`,
    )
    return z.NEVER
  })
}

/** A whole number from 1, or its text. */
export const count = () =>
  z.union([z.number(), z.string()]).transform((given, context): number => {
    const value = Number(given === '' ? Number.NaN : given)
    if (Number.isSafeInteger(value) && value >= 1) return value
    context.addIssue(`expected a whole number from 1 and got ${JSON.stringify(given)}`)
    return z.NEVER
  })

export const secret = () =>
  z
    .string()
    .min(1)
    .transform((text) => new Secret(text))

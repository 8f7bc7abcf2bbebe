import { AppError } from '#base/errors.ts'

const dayMs = 86_400_000
const formats = new Map<string, Intl.DateTimeFormat>()

/** A place's clock. Civil times are what its wall clocks show, as milliseconds as if they were UTC. */
export interface Zone {
  /** The civil time at an instant. */
  civil(instantMs: number): number
  /**
   * The instants at which wall clocks show a civil time: one; two where clocks are put back, the earlier first; none
   * where they are put forward past it.
   */
  instants(civilMs: number): readonly number[]
  /** For a civil time that no wall clock shows: the instant as far after the leap as it would have been. */
  shifted(civilMs: number): number
}

const utc: Zone = { civil: (ms) => ms, instants: (ms) => [ms], shifted: (ms) => ms }

/** @throws AppError 'request.invalid' for a name that the time zone database does not know */
export function zoneOf(name: string): Zone {
  if (name === 'UTC') return utc
  const format = formatOf(name)
  const civil = (instantMs: number): number => {
    const part: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(instantMs)) part[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
    const ms = ((instantMs % 1_000) + 1_000) % 1_000
    return Date.UTC(year, month - 1, day, hour, minute, second, ms)
  }
  /** Offsets that hold on the days around: clocks change at most once in two days. */
  const offsets = (civilMs: number): number[] =>
    [civilMs - dayMs, civilMs + dayMs].map((near) => civil(near) - near)
  return {
    civil,
    instants: (civilMs) => {
      const candidates = new Set(offsets(civilMs).map((offset) => civilMs - offset))
      return [...candidates].filter((instant) => civil(instant) === civilMs).sort((one, other) => one - other)
    },
    shifted: (civilMs) => civilMs - (offsets(civilMs)[0] ?? 0),
  }
}

function formatOf(name: string): Intl.DateTimeFormat {
  const known = formats.get(name)
  if (known) return known
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(name, format)
    return format
  } catch (cause) {
    throw new AppError('request.invalid', `${JSON.stringify(name.slice(0, 60))} is no time zone.`, {
      cause,
      hint: 'Name one of the IANA database, like Europe/Paris or America/New_York, or UTC.',
    })
  }
}

import { InvalidArgumentError } from 'commander'
import { daysMax, daysMin, profilesMax, profilesMin, type Sample, type SampleScale } from '#samples/sample.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import { wholeNumber } from '../options.ts'
import { number } from '../text.ts'

/** What of a scale was said on the command line. */
export type GivenScale = Partial<SampleScale>

export const scaleNames = ['profiles', 'days', 'seed', 'lastDay'] as const

/** For commander. */
export function profileCount(text: string): number {
  return within(wholeNumber(text), profilesMin, profilesMax)
}

/** For commander. */
export function dayCount(text: string): number {
  return within(wholeNumber(text), daysMin, daysMax)
}

/** For commander: `YYYY-MM-DD`. */
export function lastDayOf(text: string): string {
  const at = Date.parse(`${text}T00:00:00Z`)
  if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)) {
    return text
  }
  throw new InvalidArgumentError('expected a day as YYYY-MM-DD.')
}

function within(value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value
  throw new InvalidArgumentError(`expected ${number(least)} to ${number(most)}.`)
}

/** A new sample ends on the day before. */
export function newScale(sample: Sample, given: GivenScale, today: Date): SampleScale {
  const lastDay = new Date(today.getTime() - 86_400_000).toISOString().slice(0, 10)
  return { lastDay, ...sample.defaults, ...given }
}

/** A scale as it is kept in the tags of datasets. */
export function scaleText(scale: SampleScale): string {
  return scaleNames.map((name) => `${name}=${scale[name]}`).join(' ')
}

export function parsedScale(text: string): SampleScale | undefined {
  const match = /^profiles=(\d+) days=(\d+) seed=(\d+) lastDay=(\S+)$/.exec(text)
  if (!match) return undefined
  const [, profiles, days, seed, lastDay = ''] = match
  return { profiles: Number(profiles), days: Number(days), seed: Number(seed), lastDay }
}

/** @throws CliError when another scale is asked for than is there */
export function checkSameScale(sample: Sample, there: SampleScale, given: GivenScale): void {
  const other = scaleNames.find((name) => given[name] !== undefined && given[name] !== there[name])
  if (other === undefined) return
  throw new CliError(
    exitCodes.usage,
    `The sample ${sample.name} is there with ${scaleText(there)}, not ${other}=${given[other]}.`,
    'Install another one in a sandbox of its own: sluice sandbox create NAME, then --sandbox NAME.',
  )
}

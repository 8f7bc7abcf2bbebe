import { AppError } from '#base/errors.ts'
import { type DataType, stringType, timestampNtzType, timestampType } from '#types/data-type.ts'
import { isTemporal } from '#types/implicit-cast.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { castTo, nullOf, stringOf } from '../bind/build.ts'
import { toInstant, toWallClock } from './date-time-text.ts'
import { on, rewritten, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, RewriteContext } from './entry.ts'
import { onceEach } from './once-each.ts'

export const dateTimeZoneFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'from_utc_timestamp',
      on(
        ['timestamp', 'string'],
        timestampType,
        ({ values: [time = '', zone = ''], arguments: [, wanted] }) =>
          toInstant(instantToZoned(time, zone, wanted)),
      ),
    ),
    remarks: 'The wall-clock time that the zone shows when UTC shows this one.',
  },
  {
    ...scalar(
      'to_utc_timestamp',
      on(
        ['timestamp', 'string'],
        timestampType,
        ({ values: [time = '', zone = ''], arguments: [, wanted] }) =>
          zonedToInstant(toWallClock(time), zone, wanted),
      ),
    ),
    remarks: 'The wall-clock time that UTC shows when the zone shows this one.',
  },
  scalar(
    'convert_timezone',
    on(['string', 'string', 'any'], timestampNtzType, converted, {
      converts: () => [stringType, stringType, timestampNtzType],
    }),
    on(['string', 'any'], timestampNtzType, converted, { converts: () => [stringType, timestampNtzType] }),
  ),
  {
    ...scalar(
      'timezone',
      rewritten(
        ['string', 'any'],
        ([zone = nullOf(stringType), time = nullOf(timestampNtzType)], context) =>
          context.call('to_utc_timestamp', [castTo(time, timestampType), eastwards(zone, context)]),
        { fits: ([, type]) => type?.kind === 'timestamp_ntz' },
      ),
      rewritten(
        ['string', 'any'],
        ([zone = nullOf(stringType), time = nullOf(timestampType)], context) =>
          context.call('convert_timezone', [
            stringOf('UTC'),
            eastwards(zone, context),
            castTo(time, timestampType),
          ]),
        { fits: ([, type]) => type !== undefined && canBeInstant(type) },
      ),
    ),
    remarks:
      'PostgreSQL’s, also written `time AT TIME ZONE zone`: the wall-clock time that the zone shows at an instant, or the instant at which it shows a wall-clock time. Offsets are counted westwards there.',
  },
]

function canBeInstant(type: DataType): boolean {
  return isTemporal(type) || type.kind === 'string' || type.kind === 'void'
}

/** PostgreSQL's `UTC-02` and `-02:00` are two hours ahead of UTC, Java's are two hours behind it. */
function eastwards(zone: BoundExpression, context: RewriteContext): BoundExpression {
  if (zone.kind === 'literal') {
    const name = String(zone.value)
    const isOffset = new RegExp(offset).test(name)
    return isOffset ? stringOf(name.replace(/[+-]/, (sign) => (sign === '-' ? '+' : '-'))) : zone
  }
  const isOffset = context.call('rlike', [zone, stringOf(offset)])
  const turned = context.call('translate', [zone, stringOf('+-'), stringOf('-+')])
  return context.call('if', [isOffset, turned, zone])
}

const offset = String.raw`^(?:UTC|GMT|UT)?[+-]\d`

/** Zones by the short names that Java knows, and the summer times of the United States. */
const shortNames: Readonly<Record<string, string>> = {
  ACT: 'Australia/Darwin',
  AET: 'Australia/Sydney',
  AGT: 'America/Argentina/Buenos_Aires',
  ART: 'Africa/Cairo',
  AST: 'America/Anchorage',
  BET: 'America/Sao_Paulo',
  BST: 'Asia/Dhaka',
  CAT: 'Africa/Harare',
  CDT: '-05:00',
  CNT: 'America/St_Johns',
  CST: 'America/Chicago',
  CTT: 'Asia/Shanghai',
  EAT: 'Africa/Addis_Ababa',
  ECT: 'Europe/Paris',
  EDT: '-04:00',
  EST: '-05:00',
  GMT: '+00:00',
  HST: '-10:00',
  IET: 'America/Indiana/Indianapolis',
  IST: 'Asia/Kolkata',
  JST: 'Asia/Tokyo',
  MDT: '-06:00',
  MIT: 'Pacific/Apia',
  MST: '-07:00',
  NET: 'Asia/Yerevan',
  NST: 'Pacific/Auckland',
  PDT: '-07:00',
  PLT: 'Asia/Karachi',
  PNT: 'America/Phoenix',
  PRT: 'America/Puerto_Rico',
  PST: 'America/Los_Angeles',
  SST: 'Pacific/Guadalcanal',
  UT: '+00:00',
  UTC: '+00:00',
  VST: 'Asia/Ho_Chi_Minh',
  Z: '+00:00',
}

/** The wall-clock time that a zone shows at an instant. */
export function instantToZoned(instant: string, zone: string, wanted: BoundExpression | undefined): string {
  return inZone(
    { zone, wanted, time: instant },
    (time, span) => `(${toWallClock(time)} + ${span})`,
    (zone, time) => `timezone(${zone}, ${time})`,
  )
}

/** The instant at which a zone shows a wall-clock time: the first one, where clocks are put back. */
export function zonedToInstant(wallClock: string, zone: string, wanted: BoundExpression | undefined): string {
  return inZone(
    { zone, wanted, time: wallClock },
    (time, span) => toInstant(`(${time} - ${span})`),
    (zone, time) =>
      onceEach([`timezone(${zone}, ${time})`, time], (instant, time) => {
        const earlier = `(${instant} - INTERVAL 1 HOUR)`
        return `CASE WHEN timezone(${zone}, ${earlier}) = ${time} THEN ${earlier} ELSE ${instant} END`
      }),
  )
}

interface InZone {
  readonly time: string
  readonly zone: string
  readonly wanted: BoundExpression | undefined
}

/** The engine knows zones by name; offsets are moved by hand. */
function inZone(
  { time, zone, wanted }: InZone,
  moved: (time: string, span: string) => string,
  named: (zone: string, time: string) => string,
): string {
  if (wanted?.kind === 'literal' && wanted.value !== null) {
    const name = shortNames[String(wanted.value)] ?? String(wanted.value)
    const seconds = offsetSeconds(name)
    return seconds === undefined ? named(quoteLiteral(name), time) : moved(time, `to_seconds(${seconds})`)
  }
  return onceEach([time, zone], (time = '', zone = '') => {
    const names = Object.entries(shortNames).map(([short, name]) => `WHEN '${short}' THEN '${name}'`)
    const known = `CASE ${zone} ${names.join(' ')} ELSE ${zone} END`
    const part = (group: number): string =>
      `CAST(coalesce(nullif(regexp_extract(z, '^(?:UTC|GMT|UT)?[+-](\\d{1,2})(?::?(\\d{2}))?$', ${group}), ''), '0') AS INTEGER)`
    const minutes = `(${part(1)} * 60 + ${part(2)}) * CASE WHEN contains(z, '-') THEN -1 ELSE 1 END`
    const shifted =
      `CASE WHEN regexp_full_match(z, '(?:UTC|GMT|UT)?[+-]\\d{1,2}(:?\\d{2})?') ` +
      `THEN ${moved(time, `to_minutes(${minutes})`)} ELSE ${named('z', time)} END`
    return `list_transform([${known}], lambda z: ${shifted})[1]`
  })
}

/** `+09:00`, `GMT+9`, `UTC-0330`, `+05:30:15`; undefined for a name. @throws AppError 'query.value' beyond 18 hours */
function offsetSeconds(zone: string): number | undefined {
  const [, sign, hours, minutes = '0', seconds = '0'] =
    /^(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2})(?::?(\d{2}))?)?$/.exec(zone) ?? []
  if (sign === undefined) return undefined
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
  if (size > 18 * 3600) throw new AppError('query.value', `${zone} is no zone: offsets are up to 18 hours.`)
  return sign === '-' ? -size : size
}

function converted({ values, arguments: given }: PrintedCall): string {
  const time = values.at(-1) ?? ''
  const [target, wanted] = [values.at(-2) ?? '', given.at(-2)]
  const isFromSession = values.length === 2
  const instant = zonedToInstant(
    time,
    isFromSession ? "'UTC'" : (values[0] ?? ''),
    isFromSession ? stringOf('UTC') : given[0],
  )
  return instantToZoned(instant, target, wanted)
}

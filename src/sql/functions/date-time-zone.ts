import { stringType, timestampNtzType, timestampType } from '#types/data-type.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { stringOf } from '../bind/build.ts'
import { toInstant, toWallClock } from './date-time-text.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
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
]

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
  return inZone({ zone, wanted, time: instant }, (time, minutes) => `(${toWallClock(time)} + ${minutes})`)
}

/** The instant at which a zone shows a wall-clock time. */
export function zonedToInstant(wallClock: string, zone: string, wanted: BoundExpression | undefined): string {
  return inZone({ zone, wanted, time: wallClock }, (time, minutes) => toInstant(`(${time} - ${minutes})`))
}

interface InZone {
  readonly time: string
  readonly zone: string
  readonly wanted: BoundExpression | undefined
}

/** The engine knows zones by name; offsets are moved by hand. */
function inZone({ time, zone, wanted }: InZone, moved: (time: string, span: string) => string): string {
  if (wanted?.kind === 'literal' && wanted.value !== null) {
    const name = shortNames[String(wanted.value)] ?? String(wanted.value)
    const minutes = offsetMinutes(name)
    return minutes === undefined
      ? `timezone(${quoteLiteral(name)}, ${time})`
      : moved(time, `to_minutes(${minutes})`)
  }
  return onceEach([time, zone], (time = '', zone = '') => {
    const names = Object.entries(shortNames).map(([short, name]) => `WHEN '${short}' THEN '${name}'`)
    const known = `CASE ${zone} ${names.join(' ')} ELSE ${zone} END`
    const offset = `regexp_extract(z, '([+-]\\d{1,2}):?(\\d{2})?$', `
    const minutes =
      `CAST(${offset}1) AS INTEGER) * 60 + ` +
      `CAST(substr(z, 1, 1) || coalesce(nullif(${offset}2), ''), '0') AS INTEGER)`
    const shifted =
      `CASE WHEN regexp_full_match(z, '[+-]\\d{1,2}(:?\\d{2})?') ` +
      `THEN ${moved(time, `to_minutes(${minutes})`)} ELSE timezone(z, ${time}) END`
    return `list_transform([${known}], lambda z: ${shifted})[1]`
  })
}

/** `+09:00`, `GMT+9`, `UTC-0330`; undefined for a name. */
function offsetMinutes(zone: string): number | undefined {
  const [, sign, hours, minutes = '0'] = /^(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(zone) ?? []
  if (sign === undefined) return undefined
  return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
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

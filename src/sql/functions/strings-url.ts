import { quoteLiteral } from '#base/sql-text.ts'
import { stringType } from '#types/data-type.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { onceEach } from './once-each.ts'

const encoded = "replace(replace(replace(url_encode($1), '%20', '+'), '~', '%7E'), '%2A', '*')"

/** URLs and their parts. */
export const urlFunctions: readonly FunctionEntry[] = [
  scalar('url_encode', on(['string'], stringType, encoded)),
  scalar(
    'url_decode',
    on(['string'], stringType, (call) =>
      onceEach(
        [...call.values],
        (text = '') =>
          `coalesce(${decoded({ ...call, values: [text] })}, CASE WHEN ${text} IS NOT NULL THEN error('A percent sign of the URL stands before no two hex digits: try_url_decode gives NULL.') END)`,
      ),
    ),
  ),
  scalar('try_url_decode', on(['string'], stringType, decoded)),
  {
    ...scalar(
      'parse_url try_parse_url',
      on(['string', 'string', 'string'], stringType, part, { optional: 1 }),
    ),
    remarks:
      'Parts are HOST, PATH, QUERY, REF, PROTOCOL, FILE, AUTHORITY and USERINFO; of QUERY a key can be named.',
  },
]

/** NULL where a percent sign is not followed by two hex digits. */
function decoded({ values: [value = ''] }: PrintedCall): string {
  return onceEach(
    [value],
    (text = '') =>
      `(CASE WHEN regexp_full_match(${text}, '(?s)(?:[^%]|%[0-9a-fA-F]{2})*') THEN url_decode(replace(${text}, '+', ' ')) END)`,
  )
}

/** Of RFC 2396, which Java keeps to; beyond ASCII all but spaces and controls is taken. */
const escaped = String.raw`%[0-9a-fA-F]{2}|[^\x00-\x9f\p{Z}]`
const mark = String.raw`A-Za-z0-9_.!~*'()\-`
const scheme = String.raw`[A-Za-z][A-Za-z0-9+.\-]*:`
const path = `(?:/(?:[${mark}:@&=+$,;/]|${escaped})*)`
const alone = `/(?:(?:[${mark}:@&=+$,;]|${escaped})(?:[${mark}:@&=+$,;/]|${escaped})*)?`
const authority = String.raw`//(?:(?:[${mark}$,;:@&=+]|${escaped})+|(?:[${mark}$,;:@&=+]|${escaped})*\[[0-9a-fA-F:.]+(?:%[${mark}]+)?\](?::\d*)?)`
const segment = `(?:[${mark}@&=+$,;]|${escaped})+`
const more = String.raw`(?:[${mark};/?:@&=+$,\[\]]|${escaped})`
const tail = String.raw`(?:\?${more}*)?(?:#${more}*)?`
const hierarchical = `(?:${authority}${path}?${tail}|(?://${path}|${alone})${tail}|//[?#]${more}*(?:#${more}*)?)`
const opaque = String.raw`(?:[${mark};?:@&=+$,\[\]]|${escaped})${more}*(?:#${more}*)?`
const url = `^(?:(?:${scheme})?${hierarchical}|${scheme}${opaque}|(?:${segment}${path}?)?${tail})$`

const byte = String.raw`0*(?:25[0-5]|2[0-4]\d|1\d\d|\d{1,2})`
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
const lastLabel = '[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
const host = String.raw`(?:${byte}\.){3}${byte}|${label}\.?|(?:${label}\.)+${lastLabel}\.?|\[[^\]]*\]`
/** Who and where in an authority that names a host; others have neither. */
const server = String.raw`^(?:((?:[${mark};:&=+$,]|${escaped})*)@)?(${host})(?::0*\d{0,9})?$`

/** @see https://www.rfc-editor.org/rfc/rfc3986#appendix-B */
const shape = String.raw`^(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$`

/** NULL for everything that Java's URI does not take; behind `mailto:` and the like there are no parts. */
function part({ values: [given = '', name = '', key] }: PrintedCall): string {
  return onceEach([given, name, ...(key === undefined ? [] : [key])], (text = '', wanted = '', field) => {
    const piece = (group: number): string => `regexp_extract(${text}, '${shape}', ${group})`
    const when = (condition: string, value: string): string => `CASE WHEN ${condition} THEN ${value} END`
    const isUrl = `regexp_matches(${text}, ${quoteLiteral(url)})`
    const hasParts = `NOT regexp_matches(${text}, '^[^:/?#]+:[^/]')`
    const query = when(`${hasParts} AND regexp_matches(${text}, '^[^#?]*[?]')`, piece(4))
    if (field !== undefined) {
      const form = `'(?:^|&)' || regexp_escape(${field}) || '=([^&]*)'`
      return `(${when(`${wanted} = 'QUERY' AND ${isUrl} AND regexp_matches(${query}, ${form})`, `regexp_extract(${query}, ${form}, 1)`)})`
    }
    const ofServer = (group: number): string =>
      `regexp_extract(${piece(2)}, ${quoteLiteral(server)}, ${group})`
    const parts = {
      PROTOCOL: `nullif(${piece(1)}, '')`,
      AUTHORITY: `nullif(${piece(2)}, '')`,
      PATH: when(hasParts, piece(3)),
      QUERY: query,
      REF: when(`contains(${text}, '#')`, piece(5)),
      HOST: `nullif(${ofServer(2)}, '')`,
      USERINFO: when(`contains(${piece(2)}, '@') AND ${ofServer(2)} <> ''`, ofServer(1)),
      FILE: when(hasParts, `${piece(3)} || coalesce('?' || ${query}, '')`),
    }
    const branches = Object.entries(parts).map(([part, value]) => `WHEN '${part}' THEN ${value}`)
    return `(${when(isUrl, `CASE ${wanted} ${branches.join(' ')} END`)})`
  })
}

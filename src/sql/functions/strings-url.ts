import { stringType } from '#types/data-type.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { onceEach } from './once-each.ts'

const encoded = "replace(replace(replace(url_encode($1), '%20', '+'), '~', '%7E'), '%2A', '*')"

/** URLs and their parts. */
export const urlFunctions: readonly FunctionEntry[] = [
  scalar('url_encode', on(['string'], stringType, encoded)),
  scalar('url_decode try_url_decode', on(['string'], stringType, decoded)),
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

const shape = String.raw`^(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$`

/** @see https://www.rfc-editor.org/rfc/rfc3986#appendix-B */
function part({ values: [url = '', name = '', key] }: PrintedCall): string {
  return onceEach([url, name, ...(key === undefined ? [] : [key])], (text = '', wanted = '', field) => {
    const piece = (group: number): string => `regexp_extract(${text}, '${shape}', ${group})`
    const query = `nullif(${piece(4)}, '')`
    if (field !== undefined) {
      const form = `'(?:^|&)' || regexp_escape(${field}) || '=([^&]*)'`
      return `(CASE WHEN ${wanted} = 'QUERY' AND regexp_matches(${query}, ${form}) THEN regexp_extract(${query}, ${form}, 1) END)`
    }
    return `(CASE ${wanted} WHEN 'PROTOCOL' THEN nullif(${piece(1)}, '') WHEN 'AUTHORITY' THEN nullif(${piece(2)}, '') WHEN 'PATH' THEN ${piece(3)} WHEN 'QUERY' THEN ${query} WHEN 'REF' THEN nullif(${piece(5)}, '') WHEN 'HOST' THEN nullif(regexp_extract(${piece(2)}, '^(?:[^@]*@)?(\\[[^\\]]*\\]|[^:]*)', 1), '') WHEN 'USERINFO' THEN nullif(regexp_extract(${piece(2)}, '^([^@]*)@', 1), '') WHEN 'FILE' THEN ${piece(3)} || coalesce('?' || ${query}, '') END)`
  })
}

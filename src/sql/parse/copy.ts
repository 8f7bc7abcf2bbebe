import { AppError, type TextPosition } from '#base/errors.ts'
import type { ParsedQuery } from '../compile.ts'
import type { CopyOption, CopyTarget, ParsedStatement } from '../statement.ts'
import { parseTableName } from './from.ts'
import { beginsQuery } from './look-ahead.ts'
import { parseWholeQuery, toParsedQuery } from './parsed-query.ts'
import type { SelectItem } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'
import { wholeTable } from './value-query.ts'
import { tokenValue } from './words.ts'

/** What a path of the scratch space begins with. */
const scratchSpace = '%scratch_space%'

/**
 * `COPY {query | (query) | table [(columns)]} TO {STDOUT | '%scratch_space%/folder'} [WITH] options`. Options come as
 * `FORMAT 'csv'`, as PostgreSQL's list `(FORMAT csv, HEADER)`, or as its older words `CSV HEADER DELIMITER ','`.
 */
export function parseCopy(reader: TokenReader): ParsedStatement {
  reader.next()
  const query = beginsQuery(reader) || reader.isWord('FROM') ? parseWholeQuery(reader) : tableQuery(reader)
  if (reader.isWord('FROM')) {
    throw new AppError('query.unsupported', 'COPY only goes out: there is no COPY … FROM.', {
      position: reader.at,
      hint: 'Load files as batches, or write INSERT INTO … VALUES.',
    })
  }
  reader.expectWord('TO')
  const target = parseTarget(reader)
  reader.takeWord('WITH')
  return { kind: 'copy', query, target, options: parseOptions(reader) }
}

function tableQuery(reader: TokenReader): ParsedQuery {
  const name = parseTableName(reader)
  const whole = wholeTable(name)
  if (!reader.isSymbol('(') || whole.body.kind !== 'select') return toParsedQuery(whole)
  const items = reader.inParentheses(() =>
    reader.list((): SelectItem => {
      const column = reader.identifier('the name of a column')
      const value = { kind: 'name', name: column.name, quote: undefined, at: column.at } as const
      return { value, alias: undefined, aliases: undefined }
    }),
  )
  return toParsedQuery({ ...whole, body: { ...whole.body, items } })
}

/** Nothing but the scratch space and the client: a file of the server is no target. */
function parseTarget(reader: TokenReader): CopyTarget {
  // PostgreSQL takes either word for the client, and PHP sends the other one.
  if (reader.takeWord('STDOUT', 'STDIN')) return { kind: 'client' }
  const token = reader.current
  if (token.kind === 'string') {
    const [space = '', ...path] = token.text.split('/')
    if (space.toLowerCase() === scratchSpace) {
      reader.next()
      return { kind: 'scratch', path, position: token.at }
    }
  }
  throw new AppError('query.unsupported', 'COPY writes to the scratch space or to STDOUT, nowhere else.', {
    position: token.at,
    hint: `Say COPY … TO '${scratchSpace}/folder' or COPY … TO STDOUT.`,
  })
}

function parseOptions(reader: TokenReader): Record<string, CopyOption> {
  const options: Record<string, CopyOption> = {}
  const add = (name: string, position: TextPosition, value: CopyOption): void => {
    if (name in options) {
      throw new AppError('query.syntax', `COPY has the option ${name} twice.`, { position })
    }
    options[name] = value
  }
  const isEnd = (): boolean => reader.isSymbol(';') || ['end', 'dollars'].includes(reader.current.kind)
  if (reader.isSymbol('(')) {
    reader.inParentheses(() =>
      reader.list(() => {
        const { name, at } = reader.fieldName()
        add(name.toLowerCase(), at, reader.isSymbol(',', ')') ? 'true' : parseValue(reader))
      }),
    )
    return options
  }
  while (!isEnd()) {
    const { name, at } = reader.fieldName()
    switch (name.toLowerCase()) {
      case 'csv':
      case 'binary':
        add('format', at, name.toLowerCase())
        break
      case 'header':
        add('header', at, 'true')
        break
      case 'force':
        reader.expectWord('QUOTE')
        add('force_quote', at, reader.takeSymbol('*') ? '*' : columnNames(reader))
        break
      case 'format':
      case 'compression':
      case 'delimiter':
      case 'null':
      case 'quote':
      case 'escape':
      case 'encoding':
        reader.takeWord('AS')
        add(name.toLowerCase(), at, tokenValue(reader))
        break
      default:
        throw new AppError('query.syntax', `COPY has no option ${name}.`, {
          position: at,
          hint: 'There are FORMAT, COMPRESSION, HEADER, DELIMITER, NULL, QUOTE, ESCAPE, FORCE QUOTE and ENCODING.',
        })
    }
  }
  return options
}

const columnNames = (reader: TokenReader): string[] =>
  reader.list(() => reader.identifier('the name of a column').name)

/** A word or text, or the names of columns. */
function parseValue(reader: TokenReader): CopyOption {
  if (reader.isSymbol('(')) return reader.inParentheses(() => columnNames(reader))
  if (reader.current.kind === 'end') throw reader.unexpected('the value of an option')
  return tokenValue(reader)
}

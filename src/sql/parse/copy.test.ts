import { describe, expect, it } from 'vitest'
import { createSqlFrontEnd } from '../front-end.ts'
import type { ParsedStatement } from '../statement.ts'

const frontEnd = createSqlFrontEnd()

function copyOf(text: string): Extract<ParsedStatement, { kind: 'copy' }> {
  const [scanned] = frontEnd.split(text)
  const statement = scanned && frontEnd.parse(scanned)
  if (statement?.kind !== 'copy') throw new Error(`${text} is no COPY.`)
  return statement
}

const failureOf = (text: string): unknown => {
  try {
    return copyOf(text)
  } catch (error) {
    return error
  }
}

describe('COPY', () => {
  it.each([
    ["COPY SELECT * FROM t TO '%scratch_space%/a/b'", {}],
    ["COPY (SELECT n FROM t) TO '%scratch_space%/a/b' WITH FORMAT 'csv'", { format: 'csv' }],
    ["COPY t TO '%SCRATCH_SPACE%/a/b' WITH (FORMAT json)", { format: 'json' }],
    ["COPY (SELECT 1) UNION (SELECT 2) TO '%scratch_space%/a/b'", {}],
  ])('%s', (text, options) => {
    const { target, options: read } = copyOf(text)
    expect(target).toMatchObject({ kind: 'scratch', path: ['a', 'b'] })
    expect(read).toEqual(options)
  })

  it.each([
    ['COPY t TO STDOUT', {}],
    ["COPY t TO STDIN WITH DELIMITER E'\\t' NULL AS E'\\\\N'", { delimiter: '\t', null: '\\N' }],
    ['COPY SELECT n m FROM t u TO STDIN', {}],
    ['COPY (SELECT 1 AS to) TO STDOUT', {}],
    ['COPY SELECT n m FROM t u TO STDOUT CSV HEADER', { format: 'csv', header: 'true' }],
    [
      "COPY t TO STDOUT WITH CSV HEADER DELIMITER AS ';' NULL 'x' QUOTE '\"' ESCAPE '\\\\' FORCE QUOTE *",
      {
        format: 'csv',
        header: 'true',
        delimiter: ';',
        null: 'x',
        quote: '"',
        escape: '\\',
        force_quote: '*',
      },
    ],
    ["COPY t TO STDOUT (DELIMITER E'\\t', FREEZE false)", { delimiter: '\t', freeze: 'false' }],
    [
      "COPY t (a, b) TO STDOUT (FORMAT csv, HEADER match, DELIMITER ',', FORCE_QUOTE (a, b))",
      { format: 'csv', header: 'match', delimiter: ',', force_quote: ['a', 'b'] },
    ],
  ])('%s', (text, options) => {
    const { target, options: read } = copyOf(text)
    expect(target).toEqual({ kind: 'client' })
    expect(read).toEqual(options)
  })

  it('of columns selects these', () => {
    const { query } = copyOf('COPY s.t (a, b) TO STDOUT')
    expect(query.tables).toMatchObject([{ parts: ['s', 't'] }])
    expect(query.tree).toMatchObject({
      body: { items: [{ value: { name: 'a' } }, { value: { name: 'b' } }] },
    })
  })

  it.each([
    ["COPY t TO '/etc/passwd'", 11],
    ["COPY t TO '%scratch_space%x/a'", 11],
    ["COPY t TO PROGRAM 'rm'", 11],
    ["COPY t FROM '/etc/passwd'", 8],
    ['COPY t FROM STDIN', 8],
  ])('%s is refused in its place', (text, column) => {
    expect(failureOf(text)).toMatchObject({ code: 'query.unsupported', position: { column } })
  })

  it('may stand in a block', () => {
    const [scanned] = frontEnd.split("$$ BEGIN COPY t TO '%scratch_space%/a'; SELECT 1; END $$")
    expect(scanned && frontEnd.parse(scanned)).toMatchObject({
      kind: 'block',
      body: [{ kind: 'copy' }, { kind: 'query' }],
    })
  })
})

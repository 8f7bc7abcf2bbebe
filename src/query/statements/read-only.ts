import { AppError } from '#base/errors.ts'
import type { Statement } from '../query.ts'
import type { Scope } from '../scope.ts'

/** What a client that asked for a transaction that only reads must not do by it, and what it is called. */
const writes: Partial<Record<Statement['kind'], string>> = {
  addColumns: 'ALTER TABLE',
  copy: 'COPY',
  createFieldGroup: 'CREATE FIELDGROUP',
  createTable: 'CREATE TABLE',
  createTableAs: 'CREATE TABLE AS',
  createView: 'CREATE VIEW',
  define: 'CREATE, ALTER and DROP',
  dropFieldGroup: 'DROP FIELDGROUP',
  dropSample: 'DROP TABLESAMPLE',
  dropTable: 'DROP TABLE',
  dropView: 'DROP VIEW',
  insert: 'INSERT',
  takeSample: 'ANALYZE TABLE … TABLESAMPLE',
}

/** As PostgreSQL does: rows may go into temporary tables and to the client. @throws AppError 'query.read_only' */
export function refuseWrites({ properties, temporaries }: Scope, statement: Statement): void {
  const name = writes[statement.kind]
  if (name === undefined || properties.get('transaction_read_only') !== 'on') return
  if (statement.kind === 'insert' && temporaries.get(statement.table.parts)) return
  if (statement.kind === 'copy' && statement.target.kind === 'client') return
  throw new AppError('query.read_only', `${name} cannot run in a transaction that only reads.`, {
    hint: 'Say SET TRANSACTION READ WRITE, or SET default_transaction_read_only = off.',
  })
}

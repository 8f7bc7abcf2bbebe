import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { isUuid } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Db, Transaction } from '#metadata/metadata.ts'
import {
  countQueryTemplates,
  deleteQueryTemplate,
  insertQueryTemplate,
  type QueryTemplateRow,
  selectQueryTemplate,
  selectQueryTemplates,
  updateQueryTemplate,
} from '#metadata/query-templates.ts'
import type { NewTemplate, Template, Templates } from '../background.ts'
import type { QueryServiceOptions } from '../services.ts'

const parameters = z.record(z.string(), z.string())
const nameMax = 255

type Services = Pick<QueryServiceOptions, 'access' | 'clock' | 'metadata'>

export function createTemplates({ access, clock, metadata }: Services): Templates {
  const require = ({ principal, sandbox }: Caller) =>
    access.require({ principal, permission: 'manage-queries', sandboxId: sandbox.id })

  async function record(tx: Transaction, { principal, sandbox }: Caller, action: string, id: string) {
    const who = { principalId: principal.id, sandboxId: sandbox.id }
    await access.audit({ ...who, action, assetType: 'Query Template', assetId: id, status: 'Allow' }, tx)
  }

  return {
    create: async (caller, template) => {
      await require(caller)
      checkName(template)
      const now = clock.now()
      const row = {
        id: randomUUID(),
        sandbox_id: caller.sandbox.id,
        ...columnsOf(template),
        created_at: now,
        created_by: caller.principal.id,
        updated_at: now,
        updated_by: caller.principal.id,
      }
      await metadata.transaction(async (tx) => {
        if (!(await insertQueryTemplate(tx, row))) throw nameTaken(template.name)
        await record(tx, caller, 'create', row.id)
      })
      return templateOf({ ...row, parameters: template.parameters })
    },
    get: async (caller, id) => {
      await require(caller)
      return templateOf(await requireTemplate(metadata.db, caller, id))
    },
    list: async (caller, options) => {
      await require(caller)
      const { rows, next, hasPrevious } = await selectQueryTemplates(metadata.db, caller.sandbox.id, options)
      return { rows: rows.map(templateOf), next: next && templateOf(next), hasPrevious }
    },
    count: async (caller, filters) => {
      await require(caller)
      return await countQueryTemplates(metadata.db, caller.sandbox.id, filters)
    },
    replace: async (caller, id, template) => {
      await require(caller)
      checkName(template)
      return await metadata.transaction(async (tx) => {
        const before = await requireTemplate(tx, caller, id)
        const other = await selectQueryTemplate(tx, caller.sandbox.id, { name: template.name })
        if (other && other.id !== id) throw nameTaken(template.name)
        const change = { updated_at: clock.now(), updated_by: caller.principal.id }
        await updateQueryTemplate(tx, id, { ...columnsOf(template), ...change })
        await record(tx, caller, 'update', id)
        return templateOf({ ...before, ...template, ...change })
      })
    },
    delete: async (caller, id) => {
      await require(caller)
      await metadata.transaction(async (tx) => {
        await requireTemplate(tx, caller, id)
        await deleteQueryTemplate(tx, id)
        await record(tx, caller, 'delete', id)
      })
    },
  }
}

/** @throws AppError 'query.unknown' */
export async function requireTemplate(db: Db, caller: Caller, id: string): Promise<QueryTemplateRow> {
  const row = isUuid(id) ? await selectQueryTemplate(db, caller.sandbox.id, { id }) : undefined
  if (row) return row
  throw new AppError('query.unknown', `There is no query template ${JSON.stringify(id.slice(0, 80))}.`)
}

export function templateParameters(row: QueryTemplateRow | undefined): Readonly<Record<string, string>> {
  return row ? parameters.parse(row.parameters) : {}
}

function columnsOf({ name, sql, parameters: values }: NewTemplate) {
  return { name, sql, parameters: JSON.stringify(values) }
}

function checkName({ name }: NewTemplate): void {
  if (name.trim() !== '' && name.length <= nameMax) return
  throw new AppError('request.invalid', `The name of a template has 1 to ${nameMax} characters.`)
}

function nameTaken(name: string): AppError {
  return new AppError('query.exists', `There is a template ${JSON.stringify(name)} already.`, {
    hint: 'Choose another name, or replace that one.',
  })
}

function templateOf(row: QueryTemplateRow): Template {
  return {
    id: row.id,
    name: row.name,
    sql: row.sql,
    parameters: templateParameters(row),
    userId: row.created_by,
    lastUpdatedBy: row.updated_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

import { AppError } from '#base/errors.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Db } from '#metadata/metadata.ts'
import { selectQueryTemplate } from '#metadata/query-templates.ts'
import { inlinedNames, type InlinedText, inlineTemplates } from '#sql/inline-templates.ts'
import { fillTemplate } from '#sql/template.ts'
import type { QueryRequest } from '../background.ts'
import type { QueryServiceOptions } from '../services.ts'
import { requireTemplate, templateParameters } from './templates.ts'

const templatesMax = 200

export interface ResolvedText {
  /** Without placeholders and templates. */
  readonly text: string
  readonly template: { readonly id: string; readonly name: string } | undefined
}

type Services = Pick<QueryServiceOptions, 'metadata' | 'sql'>

/**
 * The text a request means, with its template and parameters as they are now.
 * @throws AppError 'query.syntax', 'query.parameters', 'request.invalid', 'request.too_large'
 */
export async function resolveText(
  { metadata, sql }: Services,
  caller: Caller,
  request: QueryRequest,
): Promise<ResolvedText> {
  const { templateId, ctas, insertInto } = request
  if ((request.sql === undefined) === (templateId === undefined)) {
    throw new AppError('request.invalid', 'A query has either sql or a templateId.')
  }
  if (ctas && insertInto) {
    throw new AppError('request.invalid', 'A query has ctasParameters or insertIntoParameters, not both.')
  }
  const template =
    templateId === undefined ? undefined : await requireTemplate(metadata.db, caller, templateId)
  const written = template?.sql ?? request.sql ?? ''
  const whole = (await inlinedText(metadata.db, caller, written))?.text ?? written
  const values = { ...withoutDollars(templateParameters(template)), ...withoutDollars(request.parameters) }
  const text = fillTemplate(whole, values)
  const statements = sql.split(text).map((statement) => sql.parse(statement))
  const [only, second] = statements
  if (!only) throw new AppError('query.syntax', 'The text holds no statement.')
  if ((ctas || insertInto) && !(second === undefined && only.kind === 'query')) {
    throw new AppError(
      'request.invalid',
      'ctasParameters and insertIntoParameters are for one SELECT: this text says itself where its rows go.',
    )
  }
  return {
    text,
    template: template && { id: template.id, name: template.name },
  }
}

/** `#NAME` replaced, also within what replaces it. Undefined: no template is named. */
export async function inlinedText(db: Db, caller: Caller, text: string): Promise<InlinedText | undefined> {
  const known = await templatesIn(db, caller, text)
  return known.size === 0 ? undefined : inlineTemplates(text, known)
}

/** The templates whose names stand in a text, and in what those hold, by name. */
async function templatesIn(db: Db, caller: Caller, text: string): Promise<ReadonlyMap<string, string>> {
  const known = new Map<string, string>()
  const asked = new Set<string>()
  for (let names = inlinedNames(text); names.length > 0;) {
    const found: string[] = []
    for (const name of names) {
      asked.add(name)
      if (asked.size > templatesMax) {
        throw new AppError('query.parameters', `A text may name at most ${templatesMax} templates.`)
      }
      const template = await selectQueryTemplate(db, caller.sandbox.id, { name })
      if (template) known.set(name, template.sql)
      if (template) found.push(template.sql)
    }
    names = found.flatMap(inlinedNames).filter((name) => !asked.has(name))
  }
  return known
}

/** Both `key` and `$key` are written. */
function withoutDollars(parameters: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key.replace(/^\$/, ''), value]))
}

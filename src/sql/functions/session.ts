import { booleanType, integerType, longType, stringType, voidType } from '#types/data-type.ts'
import { booleanOf, nullOf, stringOf } from '../bind/build.ts'
import { on, rewritten, scalar } from './define.ts'
import type { BoundExpression } from '../bind/bound.ts'
import type { FunctionEntry, RewriteContext } from './entry.ts'

/** Who asks where, which tables there are, and the ways a statement stops itself. */
export const sessionFunctions: readonly FunctionEntry[] = [
  scalar(
    'current_database current_schema current_catalog',
    rewritten([], (_values, { session }) => (session ? stringOf(session.database) : nullOf(stringType))),
  ),
  scalar(
    'current_user user session_user current_role',
    rewritten([], (_values, { session }) => (session ? stringOf(session.user) : nullOf(stringType))),
  ),
  scalar(
    'collation',
    rewritten(['string'], () => stringOf('SYSTEM.BUILTIN.UTF8_BINARY')),
  ),
  {
    ...scalar('quote_literal', rewritten(['string'], quotedLiteral)),
    remarks: "PostgreSQL's, as its clients put values into texts of SQL",
  },
  // What a statement reads are rows of datasets, wherever they lie.
  scalar(
    'spark_partition_id',
    rewritten([], () => ({ kind: 'literal', type: integerType, value: 0 })),
  ),
  scalar(
    'input_file_name',
    rewritten([], () => stringOf('')),
  ),
  scalar(
    'input_file_block_start input_file_block_length',
    rewritten([], () => ({ kind: 'literal', type: longType, value: -1n })),
  ),
  {
    ...scalar(
      'table_exists',
      rewritten(['string'], ([name], context) =>
        name?.kind === 'literal' && name.value !== null
          ? booleanOf(context.table(String(name.value).split('.')) !== undefined)
          : nullOf(booleanType),
      ),
    ),
    remarks: 'Whether there is a table of that name that you may read. The name is a constant.',
  },
  {
    ...scalar('raise_error', on(['string'], voidType, `CAST(${raised('$1')} AS INTEGER)`)),
    isVolatile: true,
    remarks: 'Ends the statement with that message; in a block the handler goes on.',
  },
  {
    ...scalar(
      'assert_true',
      on(
        ['boolean', 'string'],
        voidType,
        ({ values: [condition = '', message = "'An assertion of the statement is not true.'"] }) =>
          `CAST(CASE WHEN NOT coalesce(${condition}, false) THEN ${raised(message)} END AS INTEGER)`,
        { optional: 1 },
      ),
    ),
    isVolatile: true,
    remarks: 'NULL, or the end of the statement where the condition is not true.',
  },
]

/** With a mark on either side, so that what the statement says is told from what the engine says. NULL raises as well. */
function raised(message: string): string {
  return `error(chr(1) || coalesce(${message}, 'null') || chr(2))`
}

/** Backslashes are escapes in our constants. */
function quotedLiteral(values: readonly BoundExpression[], context: RewriteContext): BoundExpression {
  const replaced = (text: BoundExpression, from: string, to: string): BoundExpression =>
    context.call('replace', [text, stringOf(from), stringOf(to)])
  const [text = nullOf(stringType)] = values
  const quote = stringOf("'")
  return context.call('concat', [quote, replaced(replaced(text, '\\', '\\\\'), "'", "''"), quote])
}

import { unreachable } from '#base/assert.ts'
import type { Definition } from '#sql/definition.ts'
import { createDatabase, createSchema, dropDatabase, dropSchema } from './databases.ts'
import { addKey, changeLabel, dropKey } from '../names/keys.ts'
import { changeMembership } from '../names/memberships.ts'
import type { Scope } from '../scope.ts'

/** Carries a definition out; the command's tag. */
export async function define(scope: Scope, definition: Definition): Promise<string> {
  switch (definition.kind) {
    case 'createDatabase':
      await createDatabase(scope, definition)
      return 'CREATE DATABASE'
    case 'createSchema':
      await createSchema(scope, definition)
      return 'CREATE SCHEMA'
    case 'dropDatabase':
      await dropDatabase(scope, definition)
      return 'DROP DATABASE'
    case 'dropSchema':
      await dropSchema(scope, definition)
      return 'DROP SCHEMA'
    case 'changeMembership':
      await changeMembership(scope, definition)
      return 'ALTER TABLE'
    case 'addKey':
      await addKey(scope, definition)
      return 'ALTER TABLE'
    case 'dropKey':
      await dropKey(scope, definition)
      return 'ALTER TABLE'
    case 'changeLabel':
      await changeLabel(scope, definition)
      return 'ALTER SUCCESS'
    default:
      return unreachable(definition)
  }
}

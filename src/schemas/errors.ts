import { AppError, type ErrorCode } from '#base/errors.ts'
import { kindNames, type ResourceKind } from './resource.ts'

/** One of several things that are wrong, with the field as a JSON pointer. */
export interface Violation {
  readonly path: string
  readonly message: string
}

/**
 * A refusal of the registry. `registryCode` is the number the registry's clients know it by.
 * @param place JSON pointer into what was sent, or the path of a field.
 */
export function refused(
  code: ErrorCode,
  registryCode: string,
  message: string,
  options: {
    readonly place?: string
    readonly hint?: string
    readonly violations?: readonly Violation[]
  } = {},
): AppError {
  const { place, hint, violations } = options
  return new AppError(code, place === undefined ? message : `${place}: ${message}`, {
    hint,
    detail: {
      registryCode,
      ...(place === undefined ? {} : { path: place }),
      ...(violations === undefined ? {} : { violations }),
    },
  })
}

export function invalidAt(place: string, message: string, hint?: string): AppError {
  return refused('schema.invalid', 'XDM-4000-400', `${message}.`, {
    place: place.length > 400 ? `…${place.slice(-400)}` : place,
    ...(hint === undefined ? {} : { hint }),
  })
}

const unknownNumbers = {
  classes: '1010',
  mixins: '1011',
  schemas: '1012',
  datatypes: '1013',
  unions: '1014',
  descriptors: '1015',
  behaviors: '1016',
} as const

export function unknown(kind: ResourceKind | 'unions' | 'descriptors', id: string): AppError {
  const name = kind === 'unions' ? 'union' : kind === 'descriptors' ? 'descriptor' : kindNames[kind]
  return refused(
    'schema.unknown',
    `XDM-${unknownNumbers[kind]}-404`,
    `There is no ${name} ${JSON.stringify(id.slice(0, 200))} in this sandbox.`,
    { hint: `Register it first, or list them to see their ids.` },
  )
}

export function readOnly(): AppError {
  return refused('schema.read_only', 'XDM-1604-403', 'What the product ships cannot be changed.', {
    hint: 'Make your own in the container "tenant".',
  })
}

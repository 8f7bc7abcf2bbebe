import { AppError } from '#base/errors.ts'

export interface OrderKey<Column> {
  readonly column: Column
  readonly isDescending: boolean
}

/** `asc:created,updated`: keys with commas; one that says no direction has that of the one before. */
export function orderOf<Column extends string>(
  text: string,
  columns: Readonly<Record<string, Column>>,
): readonly OrderKey<Column>[] {
  let isDescending = false
  return text.split(',').map((part) => {
    const [, direction, field = ''] = /^(?:(asc|desc):)?(\w+)$/.exec(part.trim()) ?? []
    if (direction !== undefined) isDescending = direction === 'desc'
    const column = Object.hasOwn(columns, field) ? columns[field] : undefined
    if (column !== undefined) return { column, isDescending }
    throw new AppError('request.invalid', `orderBy: ${JSON.stringify(text)} is no known order.`, {
      hint: `Write asc: or desc: before ${Object.keys(columns).join(', ')}, with commas between several.`,
    })
  })
}

import { AppError } from '#base/errors.ts'

/**
 * Properties that would lead another engine to write what we do not read.
 * @throws AppError 'request.invalid' naming the property
 */
export function checkProperties(properties: Readonly<Record<string, string>>, location: string): void {
  for (const [name, value] of Object.entries(properties)) {
    if (/^write\..*path$/.test(name) && !value.startsWith(`${location}/`)) {
      throw refused(`The property ${name} leads out of the table.`, 'Leave it out.')
    }
    if (/^write\.(?:delete|update|merge)\.mode$/.test(name) && value !== 'copy-on-write') {
      throw refused(
        `The property ${name} asks for delete files, which are not supported here.`,
        'Set it to copy-on-write.',
      )
    }
    if (name === 'format-version' && value !== '2') throw otherFormat()
    if (name === 'write.format.default' && value.toLowerCase() !== 'parquet') {
      throw refused('The files of tables are Parquet files here.', `Leave out the property ${name}.`)
    }
  }
}

export function otherFormat(): AppError {
  return refused(
    'Tables have format version 2 here.',
    'Leave the format version out, or set it to 2: version 3 is not supported yet.',
  )
}

function refused(message: string, hint: string): AppError {
  return new AppError('request.invalid', message, { hint })
}

import { z } from 'zod'

/** Values of `$key` placeholders. They are put into the text as they are, so nothing with parts can be one. */
export const parameterValues = z.record(
  z.string(),
  z
    .union([z.string(), z.number(), z.boolean(), z.null()], 'Expected a text, a number, true or false')
    .transform(String),
)

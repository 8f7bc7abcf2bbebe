import { z } from 'zod'

/** How CSV is read. There is nothing to choose: who asks for something else is told, not left to wonder. */
export const csvForm = {
  delimiter: z.literal(',').optional(),
  quote: z.literal('"').optional(),
  charset: z
    .string()
    .regex(/^utf-?8$/i, 'Files are read as UTF-8.')
    .optional(),
  header: z
    .union([z.literal(true), z.string().regex(/^true$/i)], { error: 'A CSV file begins with a header.' })
    .optional(),
} as const

import { z } from 'zod'
import { isObjectName } from '../object-name.ts'

/** Every key begins with it and a slash; empty: the whole bucket or container. */
export const prefixText = z
  .string()
  .default('')
  .refine(
    (prefix) => prefix === '' || isObjectName(prefix),
    'expected folders, A/B, without empty ones or ".."',
  )

import { native, type NativeFunction } from '../native.ts'
import { printedMoment } from './time-print.ts'
import { readMoment } from './time-read.ts'

/** Times written and read by patterns that are no constants. */
export const timeFunctions: readonly NativeFunction[] = [
  native('native_time_text', ['long', 'text'], 'text', printedMoment),
  native('native_time_read', ['text', 'text'], 'long', readMoment),
]

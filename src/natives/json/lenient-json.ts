import { lenientJson } from '#types/lenient-json.ts'
import { native, type NativeFunction } from '../native.ts'

/** It is asked for texts that are no strict JSON; NULL where there is no value. */
export const lenientJsonFunctions: readonly NativeFunction[] = [
  native('native_json_mended', ['text', 'text'], 'text', (text, flags) => lenientJson(text, flags) ?? null),
]

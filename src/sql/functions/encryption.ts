import { binaryType } from '#types/data-type.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'

const remarks = 'Modes are GCM (the default), CBC and ECB; the key has 16, 24 or 32 bytes.'

export const encryptionFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'aes_encrypt',
      on(
        ['binary', 'binary', 'string', 'string', 'binary', 'binary'],
        binaryType,
        ({ values: [value = '', key = '', ...rest] }) =>
          called('native_aes_encrypt', [value, key, ...withDefaults(rest), rest[2] ?? none, rest[3] ?? none]),
        { optional: 4 },
      ),
    ),
    // The vector that makes two ciphertexts of one text differ is made at random.
    isVolatile: true,
    remarks,
  },
  decryption('aes_decrypt', 'native_aes_decrypt', remarks),
  decryption('try_aes_decrypt', 'native_try_aes_decrypt', `NULL for what cannot be decrypted. ${remarks}`),
]

const none = "''::BLOB"

function decryption(name: string, engineName: string, remarks: string): FunctionEntry {
  return {
    ...scalar(
      name,
      on(
        ['binary', 'binary', 'string', 'string', 'binary'],
        binaryType,
        ({ values: [value = '', key = '', ...rest] }: PrintedCall) =>
          called(engineName, [value, key, ...withDefaults(rest), rest[2] ?? none]),
        { optional: 3 },
      ),
    ),
    remarks,
  }
}

function withDefaults([mode = "'GCM'", padding = "'DEFAULT'"]: readonly string[]): readonly string[] {
  return [mode, padding]
}

function called(name: string, values: readonly string[]): string {
  return `${name}(${values.join(', ')})`
}

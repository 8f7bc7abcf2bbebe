import { z } from 'zod'

const fingerprint = /^SHA256:[A-Za-z0-9+/]{43}$/

/** Where the files are; never a secret. */
export const sftpStoreConfig = z.strictObject({
  kind: z.literal('sftp'),
  host: z
    .string()
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$/, 'expected the name of a server'),
  port: z.int().min(1).max(65_535).default(22),
  username: z.string().min(1).max(200),
  /** On the server; absolute, or below the user's own folder; made when missing. */
  folder: z
    .string()
    .max(1_000)
    .default('.')
    // oxlint-disable-next-line no-control-regex -- They are what is refused.
    .refine((path) => !/[\u0000-\u001F\u007F]/.test(path) && !path.split('/').includes('..'), {
      error: "expected a folder without '..' and control characters",
    }),
  /** The server's key, as `ssh-keygen -l` shows it; absent: the first one seen is trusted. */
  hostKey: z.string().regex(fingerprint, 'expected a fingerprint: SHA256:…').optional(),
})

export type SftpStoreConfig = z.infer<typeof sftpStoreConfig>

export type SftpCredentials =
  | { readonly kind: 'password'; readonly password: string }
  /** PEM or OpenSSH's own form. */
  | { readonly kind: 'key'; readonly privateKey: string; readonly passphrase?: string | undefined }

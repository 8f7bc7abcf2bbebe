import { AppError } from '#base/errors.ts'
import type { DestinationAuth } from './destination-auth.ts'
import type { DestinationKind } from '../destination-specs.ts'
import type { ConnectionDocument, TargetParams } from './entity-schemas.ts'
import { type Forms, placeForms } from './place-forms.ts'

/** Keys as the clouds themselves give them; servers that speak as they do (`endpoint`) have others. */
const keyForms: Readonly<Record<string, Forms>> = {
  'Access Key': { s3AccessKey: /^[A-Z2-7]{20}$/, s3SecretKey: /^[A-Za-z0-9/+]{40}$/ },
  'Google Cloud Storage authentication credentials': {
    accessKeyId: /^[A-Z0-9]{24}$|^[A-Z0-9]{61}$/,
    secretAccessKey: /^[A-Za-z0-9/+=]{40}$/,
  },
}

const encryptionNames = ['encryption spec', 'file pgp/gpg encryption']
const serverToServer = 'Server-to-server'

/** As a schema of JSON says it. */
export function keyFormsOf(specName: string): object {
  const forms = keyForms[specName]
  if (!forms) return {}
  const properties = Object.fromEntries(
    Object.entries(forms).map(([key, { source }]) => [key, { pattern: source }]),
  )
  return { if: { required: ['endpoint'] }, else: { properties } }
}

/**
 * What an account's fields must look like, beyond that they are there.
 * @throws AppError 'flow.invalid' naming the field, never its value
 */
export function checkAccount(auth: DestinationAuth | undefined, document: ConnectionDocument): void {
  const encryption = document.encryptionSpecs?.specName
  if (encryption !== undefined && !encryptionNames.includes(encryption.toLowerCase()))
    throw invalid('/encryptionSpecs/specName', 'is "File PGP/GPG Encryption" or "Encryption spec"')
  if (!auth) return
  const fields: Readonly<Record<string, unknown>> = { ...auth.params, ...auth.secret }
  if (fields['endpoint'] === undefined) {
    for (const [key, form] of Object.entries(keyForms[auth.specName] ?? {}))
      if (!form.test(String(fields[key])))
        throw invalid(`/auth/params/${key}`, `is not as the service gives keys: ${form.source}`)
  }
  if (auth.specName === 'Azure Service Principal Auth' && !('url' in fields) && !('account' in fields))
    throw invalid('/auth/params/url', 'is missing: abfss://CONTAINER@ACCOUNT.dfs.core.windows.net')
  if ('url' in fields && !/^abfss?:\/\/[^@/]+@[a-z0-9]+\.dfs\.[a-z0-9.-]+\/?$/.test(String(fields['url'])))
    throw invalid('/auth/params/url', 'expected abfss://CONTAINER@ACCOUNT.dfs.core.windows.net')
  const key = fields['sshKey']
  if (typeof key === 'string' && !isPrivateKey(key) && !isPrivateKey(Buffer.from(key, 'base64').toString()))
    throw invalid('/auth/params/sshKey', 'is no private key: PEM, or that in Base64')
}

function isPrivateKey(text: string): boolean {
  return /-----BEGIN [A-Z ]*PRIVATE KEY-----|^PuTTY-User-Key-File/.test(text)
}

/**
 * What a place must look like. Where nothing is said files lie above all folders of a bucket, compressed as their type
 * does best; an SFTP server's folder is always named.
 * @throws AppError 'flow.invalid' naming the field
 */
export function checkPlaceForm(kind: DestinationKind, params: TargetParams): void {
  if (params.mode !== serverToServer) throw invalid('/params/mode', `is ${JSON.stringify(serverToServer)}`)
  if (kind === 'sftp' && (params.remotePath ?? '') === '')
    throw invalid('/params/remotePath', 'is missing; "." is the folder that the login begins in')
  const given: Readonly<Record<string, unknown>> = params
  for (const [key, form] of Object.entries(placeForms[kind])) {
    const value = given[key]
    if (typeof value !== 'string' || form.test(value)) continue
    throw invalid(`/params/${key}`, `is not as it must be: ${form.source}`)
  }
}

function invalid(field: string, what: string): AppError {
  return new AppError('flow.invalid', `${field}: ${what}.`, { detail: { field } })
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface RestAnswer {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any -- Answers of many forms, looked at by assertions.
  readonly body: any
}

export type Rest = (
  method: string,
  path: string,
  given?: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> },
) => Promise<RestAnswer>

/** Asks a running product as its administrator, whatever it answers. */
export async function restOf({
  http,
  home,
}: {
  readonly http: string
  readonly home: string
}): Promise<Rest> {
  const credentials = JSON.parse(await readFile(join(home, 'credentials.json'), 'utf8')) as {
    clientId: string
    clientSecret: string
    organizationId: string
  }
  const signIn = await fetch(`${http}/ims/token/v3`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: credentials.clientId,
      client_secret: credentials.clientSecret,
    }),
  })
  const { access_token: token } = (await signIn.json()) as { access_token: string }
  return async (method, path, { body, headers = {} } = {}) => {
    const answer = await fetch(`${http}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'x-api-key': credentials.clientId,
        'x-gw-ims-org-id': credentials.organizationId,
        'x-sandbox-name': 'prod',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : parsed(text) }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

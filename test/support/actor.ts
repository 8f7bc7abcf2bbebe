/** What a test signs in with. */
export interface ClientCredentials {
  readonly clientId: string
  readonly clientSecret: string
  readonly organizationId: string
}

// oxlint-disable-next-line typescript/no-explicit-any -- Answers of many forms, looked at by tests.
type Body = any

export interface Answer {
  readonly status: number
  readonly body: Body
  readonly text: string
  readonly headers: Headers
}

/** Somebody who is signed in, as his REST client sees the product. */
export interface Actor {
  readonly token: string
  readonly credentials: ClientCredentials
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<Answer>
  /** As `ask`; throws unless the status is below 400. */
  must(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Body>
  /** The same person in another sandbox. */
  in(sandbox: string): Actor
}

export async function tokenOf(
  http: string,
  client: Omit<ClientCredentials, 'organizationId'>,
): Promise<Answer> {
  return await send(`${http}/ims/token/v3`, 'POST', {
    form: {
      grant_type: 'client_credentials',
      client_id: client.clientId,
      client_secret: client.clientSecret,
    },
  })
}

export async function signIn(http: string, credentials: ClientCredentials, sandbox = 'prod'): Promise<Actor> {
  const answer = await tokenOf(http, credentials)
  if (answer.status !== 200) throw new Error(`No token: ${answer.text}`)
  return actorOf(http, { credentials, token: answer.body.access_token, sandbox })
}

export function actorOf(
  http: string,
  who: { readonly credentials: ClientCredentials; readonly token: string; readonly sandbox: string },
): Actor {
  const { credentials, token, sandbox } = who
  const ask: Actor['ask'] = (method, path, body, headers = {}) =>
    send(`${http}${path}`, method, {
      json: body,
      headers: {
        authorization: `Bearer ${token}`,
        'x-api-key': credentials.clientId,
        'x-gw-ims-org-id': credentials.organizationId,
        'x-sandbox-name': sandbox,
        ...headers,
      },
    })
  return {
    token,
    credentials,
    ask,
    must: async (method, path, body, headers) => {
      const answer = await ask(method, path, body, headers)
      if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
      return answer.body
    },
    in: (other) => actorOf(http, { ...who, sandbox: other }),
  }
}

export async function send(
  url: string,
  method: string,
  options: {
    readonly json?: unknown
    readonly form?: Readonly<Record<string, string>>
    readonly multipart?: FormData
    readonly headers?: Readonly<Record<string, string | undefined>>
  },
): Promise<Answer> {
  const given = Object.entries(options.headers ?? {}).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  const body =
    options.json === undefined
      ? options.form
        ? new URLSearchParams(options.form)
        : options.multipart
      : JSON.stringify(options.json)
  const answer = await fetch(url, {
    method,
    headers: [
      ...given,
      ...(options.json === undefined || given.some(([name]) => name === 'content-type')
        ? []
        : [['content-type', 'application/json'] as [string, string]]),
    ],
    ...(body === undefined ? {} : { body }),
  })
  const text = await answer.text()
  return { status: answer.status, text, body: parsed(text), headers: answer.headers }
}

function parsed(text: string): Body {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

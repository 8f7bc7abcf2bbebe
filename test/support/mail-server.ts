import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  readonly user: string | undefined
  readonly source: string
}

/** A real mail server on loopback that keeps what it gets. It refuses `refused@…` for good and `busy@…` once. */
export async function startMailServer(): Promise<
  AsyncDisposable & { readonly url: string; readonly mails: ReceivedMail[] }
> {
  const mails: ReceivedMail[] = []
  let wasBusy = false
  const failure = (responseCode: number, message: string) =>
    Object.assign(new Error(message), { responseCode })
  const server = new SMTPServer({
    // Without TLS sign-in would be refused; encryption is the library's own matter.
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) => {
      if (username === 'sluice' && password === 'p@ss') done(null, { user: username })
      else done(failure(535, 'Who is that?'))
    },
    onRcptTo: ({ address }, _session, done) => {
      if (address.startsWith('refused@')) return done(failure(550, 'No such mailbox.'))
      if (address.startsWith('busy@') && !wasBusy) {
        wasBusy = true
        return done(failure(451, 'Come again.'))
      }
      done()
    },
    onData: (stream, session, done) => {
      const { mailFrom, rcptTo } = session.envelope
      let source = ''
      stream.on('data', (chunk: Buffer) => (source += chunk.toString('latin1')))
      stream.once('end', () => {
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          user: session.user,
          source,
        })
        done()
      })
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://sluice:p%40ss@127.0.0.1:${port}`,
    mails,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

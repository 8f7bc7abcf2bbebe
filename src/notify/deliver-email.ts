import { AppError } from '#base/errors.ts'

const connectMsMax = 10_000
const answerMsMax = 30_000

export interface MailServer {
  /** `smtp://user:password@host:587`, or `smtps://` for TLS from the first byte; a server that offers STARTTLS gets it. */
  readonly url: string
  readonly from: string
}

export interface Mail {
  /** The same whenever it is sent again. */
  readonly id: string
  readonly to: string
  readonly subject: string
  readonly text: string
}

/**
 * Hands one mail to the server.
 * @throws AppError 'notify.unreachable' for what may be better later, 'notify.refused' for what will not
 */
export async function deliverEmail(
  { url, from }: MailServer,
  { id, to, subject, text }: Mail,
): Promise<void> {
  const { createTransport } = await import('nodemailer') // Not at start: many servers send none.
  const transport = createTransport({
    url,
    connectionTimeout: connectMsMax,
    greetingTimeout: connectMsMax,
    socketTimeout: answerMsMax,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    await transport.sendMail({
      from,
      to: { name: '', address: to },
      subject: subject.replaceAll(/\s+/g, ' '),
      text,
      messageId: `<${id}@sluice>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    })
  } catch (cause) {
    const status = cause instanceof Error && 'responseCode' in cause ? Number(cause.responseCode) : undefined
    const isRefused = status !== undefined && status >= 500
    throw new AppError(
      isRefused ? 'notify.refused' : 'notify.unreachable',
      isRefused
        ? `The mail server refused a mail with ${status}.`
        : 'The mail server does not take a mail now.',
      { cause },
    )
  } finally {
    transport.close()
  }
}

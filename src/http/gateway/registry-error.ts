import type { AppError, ErrorCode } from '#base/errors.ts'

/** The registry's own numbers, where the failure does not name one itself. */
const numbers: Partial<Record<ErrorCode, string>> = {
  'access.denied': 'XDM-1606-403',
  'request.invalid': 'XDM-4000-400',
  'schema.invalid': 'XDM-4000-400',
  'schema.read_only': 'XDM-1604-403',
  'schema.unknown': 'XDM-1012-404',
}

/** A failure as the schema registry says it. */
export function registryErrorBody(
  failure: AppError,
  { text, requestId }: { text: string; requestId: string },
) {
  const status = failure.meaning.http
  const named = failure.detail?.['registryCode']
  const code = typeof named === 'string' ? named : (numbers[failure.code] ?? `XDM-1600-${status}`)
  const violations = failure.detail?.['violations']
  return {
    type: `http://ns.adobe.com/aep/errors/${code}`,
    title: titles[status] ?? 'Error',
    status,
    report: {
      registryRequestId: requestId,
      timestamp: timestampOf(new Date()),
      'detailed-message': text,
      'sub-errors': (Array.isArray(violations) ? violations : []).map(
        (violation: { path: string; message: string }) => ({
          path: violation.path,
          type: failure.code,
          arguments: [],
          message: violation.message,
        }),
      ),
    },
    detail: text,
    ...(failure.detail?.['path'] === undefined ? {} : { path: failure.detail['path'] }),
  }
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  403: 'Forbidden',
  404: 'Resource not found',
  409: 'Conflict',
  412: 'Precondition failed',
  422: 'Not right',
}

/** `MM-DD-YYYY hh:mm:ss`, UTC */
function timestampOf(at: Date): string {
  const [date = '', time = ''] = at.toISOString().split('T')
  const [year, month, day] = date.split('-')
  return `${month}-${day}-${year} ${time.slice(0, 8)}`
}

import type { AppError, ErrorCode } from '#base/errors.ts'

const names: Partial<Record<ErrorCode, string>> = {
  'namespace.unknown': 'NAMESPACE_NOT_FOUND',
  'namespace.exists': 'NAMESPACE_CODE_CONFLICT',
  'request.invalid': 'NAMESPACE_INVALID',
  'schema.read_only': 'NAMESPACE_READ_ONLY',
}

/** A failure as the identity service says it. */
export function identityErrorBody(failure: AppError, text: string) {
  const status = failure.meaning.http
  if (failure.code === 'access.denied') {
    return {
      type: 'https://ns.adobe.com/aep/errors/UIS-4064-403',
      status,
      title: 'Insufficient permissions',
      detail: text,
      report: {},
    }
  }
  return {
    timestamp: new Date().toISOString(),
    type: 'http://ns.adobe.com/adobecloud/problem/namespacevalidation',
    status,
    error: names[failure.code] ?? 'NAMESPACE_ERROR',
    title: 'Namespace Validation',
    description: text,
    report: { message: text },
  }
}

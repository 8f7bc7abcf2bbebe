import type { App } from './app.ts'

/** For every answer: no sniffing, no framing, no referrer, nothing kept by caches. No CORS: other origins get nothing. */
export function addSecurityHeaders(app: App, { isEncrypted }: { readonly isEncrypted: boolean }): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-store',
      'x-request-id': request.id,
      ...(isEncrypted ? { 'strict-transport-security': 'max-age=31536000' } : {}),
    })
    if (!request.url.startsWith('/docs')) {
      void reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    }
  })
}

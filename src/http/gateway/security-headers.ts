import type { App } from './app.ts'

/** For every answer: no sniffing, no framing, no referrer, nothing kept by caches. No CORS: other origins get nothing. */
export function addSecurityHeaders(app: App, { isEncrypted }: { readonly isEncrypted: boolean }): void {
  const same = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-store',
    ...(isEncrypted ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  }
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers(same).header('x-request-id', request.id)
    if (!request.url.startsWith('/docs')) {
      void reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    }
    done()
  })
}

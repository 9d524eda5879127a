/**
 * How long a server asks to wait, by the header Retry-After (RFC 9110, section 10.2.3): seconds, or a date. Pure.
 */
const SECONDS = /^\d+$/

/** In ms, at most `maxMs`; undefined where there is no such header, it is invalid, or asks for no wait: back-offs stay as they are. */
export function retryAfterMs(header: string | string[] | undefined, nowMs: number, maxMs: number): number | undefined {
  const text = (Array.isArray(header) ? header[0] : header)?.trim()
  if (text === undefined || text === '') return undefined
  const waitMs = SECONDS.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  return waitMs > 0 ? Math.min(maxMs, waitMs) : undefined
}

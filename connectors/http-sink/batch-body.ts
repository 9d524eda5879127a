/** The body of a request: one record, or several between a prefix, separators and a suffix. Pure. */
import type { PreparedRecord } from './batches.ts'

export interface BodyFrame {
  readonly prefix: string
  readonly suffix: string
  readonly separator: string
}

export function bodyOf(batch: readonly PreparedRecord[], { prefix, suffix, separator }: BodyFrame): string | Buffer {
  if (batch.every(({ body }) => typeof body === 'string')) return prefix + batch.map(({ body }) => body).join(separator) + suffix
  const parts: (string | Buffer)[] = [prefix]
  for (const [index, { body }] of batch.entries()) {
    if (index > 0) parts.push(separator)
    parts.push(body)
  }
  parts.push(suffix)
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

/** What XREAD and XREADGROUP return, as ioredis hands it over in buffers. */
import type { RawEntry } from './records.ts'

export interface StreamEntries {
  readonly stream: string
  readonly entries: readonly RawEntry[]
}

/** Of their names and values. */
export function bytesOf(entries: readonly RawEntry[]): number {
  let bytes = 0
  for (const entry of entries) for (const part of entry?.[1] ?? []) bytes += part.length
  return bytes
}

export const streamReplies = (reply: unknown): StreamEntries[] =>
  ((reply ?? []) as [Buffer, RawEntry[]][]).map(([stream, entries]) => ({ stream: stream.toString(), entries }))

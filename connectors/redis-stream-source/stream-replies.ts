/** What XREAD and XREADGROUP return, as ioredis hands it over in buffers. */
import type { RawEntry } from './records.ts'

export interface StreamEntries {
  readonly stream: string
  readonly entries: readonly RawEntry[]
}

export const streamReplies = (reply: unknown): StreamEntries[] =>
  ((reply ?? []) as [Buffer, RawEntry[]][]).map(([stream, entries]) => ({ stream: stream.toString(), entries }))

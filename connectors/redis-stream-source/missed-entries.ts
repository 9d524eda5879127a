/** Tells what was removed from a stream before it was read: in the log, and as a metric. */
import type { SourceContext } from '../../connect/sdk/index.ts'

export class MissedEntries {
  readonly #context: Pick<SourceContext<unknown>, 'log' | 'gauge'>
  #count = 0

  constructor(context: Pick<SourceContext<unknown>, 'log' | 'gauge'>) {
    this.#context = context
    context.gauge?.('entries-missed', 0)
  }

  trimmed(stream: string, count: number): void {
    if (count <= 0) return
    this.#tell(
      count,
      `${count} entries of the stream ${stream} were trimmed or deleted before they were read: they are lost. Let the stream keep more (MAXLEN, MINID), or read faster.`,
    )
  }

  /** Of a group: what a consumer had taken, and had not acknowledged. */
  trimmedPending(stream: string, count: number): void {
    if (count <= 0) return
    this.#tell(
      count,
      `${count} entries of the stream ${stream} were trimmed or deleted after a consumer had taken them, and before it acknowledged them: they may be lost. Let the stream keep more (MAXLEN, MINID).`,
    )
  }

  #tell(count: number, message: string): void {
    this.#count += count
    this.#context.log.warn(message)
    this.#context.gauge?.('entries-missed', this.#count)
  }
}

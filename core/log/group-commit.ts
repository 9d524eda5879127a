/**
 * The appends of one turn of the event loop: they are written to the file in one write and become durable by one flush. All callers that
 * wait for one of these appends share the two promises.
 */
import { LazyPromise } from './lazy-promise.ts'

export class GroupCommit {
  readonly written = new LazyPromise()
  /** The same promise under log.flush=os. */
  readonly durable: LazyPromise
  /** The offset after the last batch, and the position in the partition where that batch ends. Known once the commit is written. */
  endOffset = 0
  endPosition = 0

  constructor(flush: 'commit' | 'os') {
    this.durable = flush === 'os' ? this.written : new LazyPromise()
  }

  reject(error: Error): void {
    this.written.reject(error)
    this.durable.reject(error)
  }
}

/**
 * Positions of the source in Debezium's format, so that a connector of Debezium's is taken over and given back: what is stored for a
 * position of the stream, and the position of what was stored.
 */
import type { SourceOffset, SourcePartition } from '../../connect/sdk/index.ts'
import type { Lsn, StreamPosition } from './types.ts'

export const sourcePartition = (topicPrefix: string): SourcePartition => ({ server: topicPrefix })

/** The fields of the stream. Those of transactions, snapshots and signals are added by their owners. */
export function streamOffset({ lsn, commitLsn, txId, timestampMicros, messageType }: StreamPosition): SourceOffset {
  return {
    ...(timestampMicros === null ? {} : { ts_usec: timestampMicros }),
    ...(txId === null ? {} : { txId }),
    lsn,
    lsn_proc: lsn,
    ...(commitLsn === null ? {} : { lsn_commit: commitLsn }),
    ...(messageType === null ? {} : { messageType }),
  }
}

/** The position of a stored offset; null where it has none. Throws where a field is no number. */
export function streamPosition(stored: SourceOffset): StreamPosition | null {
  const number = (name: string): number | null => {
    const value = stored[name]
    if (value === undefined || value === null) return null
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw new Error(`The stored position has ${JSON.stringify(value)} as ${name}, which is not a number. Correct or reset the offsets.`)
    return value
  }
  const lsn = number('lsn_proc') ?? number('lsn')
  if (lsn === null) return null
  const messageType = stored.messageType
  return {
    lsn,
    commitLsn: number('lsn_commit'),
    txId: number('txId'),
    timestampMicros: number('ts_usec'),
    messageType: typeof messageType === 'string' ? messageType : null,
  }
}

/**
 * Where the server must begin, so that all that follows the position is sent: within a transaction at the commit before it. Between
 * transactions a position is later than the last commit where nothing was captured since.
 */
export const startLsn = ({ lsn, commitLsn, messageType }: StreamPosition): Lsn =>
  messageType === 'COMMIT' ? Math.max(lsn, commitLsn ?? 0) : (commitLsn ?? lsn)

/** Up to where the server may forget. */
export const confirmableLsn = (stored: SourceOffset): Lsn | null => {
  const position = streamPosition(stored)
  return position && startLsn(position)
}

/** Decides which changes of a repeated transaction were delivered before. Within a transaction LSNs never go down. */
export function deliveredBefore(position: StreamPosition): (xid: number, lsn: Lsn) => boolean {
  const { txId, lsn: last, messageType } = position
  // After a snapshot or a commit the next transaction is delivered as a whole.
  const isWithin = txId !== null && messageType !== null && messageType !== 'BEGIN' && messageType !== 'COMMIT'
  return isWithin ? (xid, lsn) => xid === txId && lsn <= last : () => false
}

/**
 * Fences the producers of transactional ids (KIP-588, Admin.fenceProducers of the Java client): their transactions are aborted, and none of
 * their later requests succeeds. For the owner of the ids that does not produce by them itself.
 */
import { KafkaError } from '../../errors.ts'
import { within } from '../../system/within.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import { TransactionRequests } from './transaction-requests.ts'

/** Of the producer that takes over and never begins a transaction: the coordinator checks it. */
const TRANSACTION_TIMEOUT_MS = 60_000

/** By transactional id: null, or why its producer is not fenced. Retries for twice request.timeout.ms. */
export async function fenceProducers(router: RequestRouter, transactionalIds: readonly string[]): Promise<Map<string, Error | null>> {
  const timeoutMs = router.settings.requestTimeoutMs * 2
  const channel = router.newChannel('fence')
  const ending = new AbortController()
  const results = new Map<string, Error | null>(
    transactionalIds.map((id) => [id, new KafkaError('REQUEST_TIMED_OUT', `transactional.id ${id} is not fenced within ${timeoutMs} ms`)]),
  )
  const fencing = [...results.keys()].map(async (id) => {
    try {
      await new TransactionRequests(router, id, ending.signal, channel).initProducerId(TRANSACTION_TIMEOUT_MS, null)
      results.set(id, null)
    } catch (error) {
      if (!ending.signal.aborted)
        results.set(id, new KafkaError(errorOf(error), `transactional.id ${id}: ${(error as Error).message}`, { cause: error }))
    }
  })
  await within(router.system.clock, timeoutMs, Promise.all(fencing))
  ending.abort()
  router.pool.closeChannel(channel)
  return results
}

function errorOf(error: unknown): KafkaError['error'] {
  const cause = error instanceof KafkaError ? error : (error as Error).cause
  return cause instanceof KafkaError ? cause.error : 'UNKNOWN_SERVER_ERROR'
}

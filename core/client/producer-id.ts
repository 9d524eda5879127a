/**
 * Producer ids (InitProducerId, KIP-98): by id, epoch and sequence numbers a broker recognizes a batch that is sent again.
 */
import initProducerIdApi from '../apis/22-init-producer-id.ts'
import { accessHint, errorName, KafkaError } from '../errors.ts'
import type { RequestRouter } from './transport/request-router.ts'

export interface ProducerIdAndEpoch {
  producerId: number
  producerEpoch: number
}

/** Of no use without transactions, but the broker checks it. */
const TRANSACTION_TIMEOUT_MS = 60_000

/** A new producer id from any broker. Retries retriable errors for request.timeout.ms, then throws the last one. */
export async function initProducerId(router: RequestRouter, signal: AbortSignal): Promise<ProducerIdAndEpoch> {
  const { clock } = router.system
  const deadline = clock.monotonic() + router.settings.requestTimeoutMs
  for (let attempt = 0; ; attempt++) {
    const { errorCode, producerId, producerEpoch } = await router.send(
      'any',
      initProducerIdApi,
      { transactionalId: null, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS },
      { signal, timeoutMs: Math.max(1, deadline - clock.monotonic()) },
    )
    if (errorCode === 0) return { producerId, producerEpoch }
    const error = errorName(errorCode)
    const failure = new KafkaError(error, `InitProducerId: ${error}${accessHint(error, 'WRITE')}`)
    const waitMs = router.backoffMs(attempt)
    if (!failure.retriable || signal.aborted || router.closed || clock.monotonic() + waitMs >= deadline) throw failure
    await router.sleep(waitMs, signal)
  }
}

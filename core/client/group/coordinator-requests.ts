/**
 * Requests to a group's coordinator that are repeated while their response has a retriable error, until a deadline. If the coordinator has
 * moved, the next attempt finds it again.
 */
import { type ErrorName, errorName, isRetriable, KafkaError } from '../../errors.ts'
import type { RequestRouter } from '../transport/request-router.ts'

const COORDINATOR_MOVED: readonly ErrorName[] = ['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE']

/** What a response means: its value, or its error code and what it is about. */
type CoordinatorOutcome<T> = { value: T } | { errorCode: number; about: string }

/**
 * @param options.timeoutMs of all attempts together; twice request.timeout.ms where it is not given.
 * @param request sends one request before `deadline` (monotonic ms) and reads its response.
 * @throws KafkaError with the error that is not retriable, or the last one when the time is over.
 */
export async function requestFromCoordinator<T>(
  router: RequestRouter,
  groupId: string,
  options: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined },
  request: (deadline: number) => Promise<CoordinatorOutcome<T>>,
): Promise<T> {
  const { clock } = router.system
  const deadline = clock.monotonic() + (options.timeoutMs ?? router.settings.requestTimeoutMs * 2)
  for (let attempt = 0; ; attempt++) {
    const outcome = await request(deadline)
    if ('value' in outcome) return outcome.value
    const name = errorName(outcome.errorCode)
    if (COORDINATOR_MOVED.includes(name)) router.coordinators.forget({ group: groupId })
    const failure = new KafkaError(name, `${outcome.about}: ${name}`)
    if (!isRetriable(name)) throw failure
    const waitMs = router.backoffMs(attempt)
    if (options.signal?.aborted || router.closed || clock.monotonic() + waitMs >= deadline) throw failure
    await router.sleep(waitMs, options.signal)
  }
}

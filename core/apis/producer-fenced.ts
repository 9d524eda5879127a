/**
 * The error of a producer whose transactional id another producer has taken over: clients know PRODUCER_FENCED since KIP-588 only.
 */
import { type ErrorName, errorCode } from '../errors.ts'

/** The code of `error` in `version` of an API whose clients know PRODUCER_FENCED since version `knownSince`. */
export const fencedCode = (error: ErrorName, version: number, knownSince: number): number =>
  errorCode(error === 'PRODUCER_FENCED' && version < knownSince ? 'INVALID_PRODUCER_EPOCH' : error)

/** What a REST request may cost at most (Invariant 13). */

/** A body: the largest connector config that makes sense is some hundred KiB; a list of offsets may be longer. */
export const BODY_LIMIT_BYTES = 16 * 1024 * 1024

/** The time to send a whole request: a body that trickles in holds its socket no longer. */
export const REQUEST_RECEIVE_TIMEOUT_MS = 60_000

/** The time to answer: Kafka Connect's own. */
export const HANDLER_TIMEOUT_MS = 90_000

/** One part of a path, decoded. Node's own limit on a request's head (16 KiB) bounds the path before. */
export const PATH_PART_LIMIT_CHARACTERS = 16 * 1024

/** An answer of the leader, passed on by a follower. */
export const FORWARDED_ANSWER_LIMIT_BYTES = 64 * 1024 * 1024

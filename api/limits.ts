/** The limits of a REST request (Invariant 13). */

/** Request body: a large connector config has some hundred KiB; a list of offsets may be longer. */
export const BODY_LIMIT_BYTES = 16 * 1024 * 1024

/** The time for the client to send the whole request; a slow one is disconnected. */
export const REQUEST_RECEIVE_TIMEOUT_MS = 60_000

/** The time to respond to a request, as in Kafka Connect. */
export const HANDLER_TIMEOUT_MS = 90_000

/** One decoded part of a path. Node's own limit on a request's head (16 KiB) applies before. */
export const PATH_PART_LIMIT_CHARACTERS = 16 * 1024

/** A response of the leader that a follower forwards. */
export const FORWARDED_RESPONSE_LIMIT_BYTES = 64 * 1024 * 1024

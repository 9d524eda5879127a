/** The limits of a REST request (Invariant 13). */

/** Request body: a large connector config has some hundred KiB; a list of offsets may be longer. */
export const BODY_LIMIT_BYTES = 16 * 1024 * 1024

/** The time for the client to send the whole request; a slow one is disconnected. */
export const REQUEST_RECEIVE_TIMEOUT_MS = 60_000

/** The time to respond to a request, as in Kafka Connect. */
export const HANDLER_TIMEOUT_MS = 90_000

/** One decoded part of a path. Node's own limit on a request's head (16 KiB) applies before. */
export const PATH_PART_LIMIT_CHARACTERS = 16 * 1024

/** Open connections of one listener; more are closed at once. */
export const CONNECTION_LIMIT = 1024

/** Connections of one listener that have not sent the head of a request, TLS handshakes included; beyond it the oldest is closed. */
export const NEWCOMER_LIMIT = 256

/** The time for the TLS handshake and the head of the first request. */
export const NEWCOMER_TIMEOUT_MS = 10_000

/** Requests between workers in progress: their bodies are read before their signatures can be checked. */
export const INTERNAL_REQUEST_LIMIT = 32

/** Requests in progress for what `access.control.allow.anonymous` opens. */
export const OPEN_REQUEST_LIMIT = 32

/** Bodies that arrive before anybody has logged in, together: four of the longest. */
export const ANONYMOUS_BODIES_LIMIT_BYTES = 4 * BODY_LIMIT_BYTES

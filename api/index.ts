/** The public interface of the REST API. */
export type { CrossOrigin } from './hooks/cross-origin.ts'
export { sendParserError } from './hooks/error-envelope.ts'
export { REQUEST_RECEIVE_TIMEOUT_MS } from './limits.ts'
export { buildServer, documentedServer, type ServerOptions } from './server.ts'

/** The door of the REST API. */
export type { CrossOrigin } from './hooks/cross-origin.ts'
export { buildServer, documentedServer, type ServerOptions } from './server.ts'

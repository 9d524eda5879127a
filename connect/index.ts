/** The door of the connect room. */
export type { Worker, WorkerOptions } from './runtime/worker.ts'
export { startWorker } from './runtime/worker.ts'
export * from './types.ts'

/** The public interface of connect/. */
export type { Worker, WorkerOptions } from './runtime/worker.ts'
export { startWorker } from './runtime/worker.ts'
export * from './types.ts'

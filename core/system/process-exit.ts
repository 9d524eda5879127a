/**
 * The exit of this process. Node waits for its threads when it exits, and a thread in a synchronous call of the system, as execSync, cannot
 * be ended: the process is then killed instead. Only for exits after everything is stored.
 */
import type { Worker } from 'node:worker_threads'

/** Threads may end for so long. */
const THREADS_MS = 500

const threads = new Set<Worker>()

/** The thread must not keep the process from its exit. */
export function endsWithProcess(thread: Worker): void {
  threads.add(thread)
  thread.once('exit', () => threads.delete(thread))
}

/** Without threads the process exits within this call. */
export function exitProcess(code: number): void {
  if (threads.size === 0) process.exit(code)
  setTimeout(() => {
    process.stderr.write('tributary: a plugin is in a call that does not return; the process is killed.\n')
    process.kill(process.pid, 'SIGKILL')
  }, THREADS_MS)
  void Promise.all([...threads].map((thread) => thread.terminate())).then(() => process.exit(code))
}

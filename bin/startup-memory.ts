/**
 * Gives back what starting has left behind: V8 keeps the memory that compiling and loading took until much later garbage makes it collect,
 * so that an idle process would hold 15 MB more than it uses.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Long enough for the first requests of those that waited for the start. */
const DELAY_MS = 500
/** Collecting a larger heap would hold up requests for more than about 50 ms. */
const MAX_HEAP_BYTES = 64 * 1024 * 1024

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void

/** Collects once, a moment after the start; the result calls it off. */
export function releaseStartupMemory(delayMs = DELAY_MS): () => void {
  const timer = setTimeout(() => {
    if (process.memoryUsage().heapUsed > MAX_HEAP_BYTES) return
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as Collect
    setFlagsFromString('--no-expose-gc')
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  }, delayMs)
  timer.unref()
  return () => clearTimeout(timer)
}

/**
 * The code of a pattern thread: which transactional ids match a pattern as a whole. RE2JS has the syntax of RE2/J, which Kafka uses, and no
 * pattern makes it backtrack.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { RE2JS, RE2JSException } from 're2js'
import type { PatternRequest, PatternResult } from './pattern-thread.ts'

const { pattern, transactionalIds } = workerData as PatternRequest

/** The indexes of those that match; null for an invalid pattern. */
function matching(): PatternResult {
  try {
    const compiled = RE2JS.compile(pattern)
    return transactionalIds.flatMap((transactionalId, index) => (compiled.matches(transactionalId) ? [index] : []))
  } catch (error) {
    if (error instanceof RE2JSException) return null
    throw error
  }
}

parentPort!.postMessage(matching())

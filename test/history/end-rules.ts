/** Rules about the state in which a broker is left: nothing hangs, and no log ends before its records. */
import type { Rule } from './anomaly.ts'

export const hangingTransactions: Rule = function* ({ openTransactions }) {
  for (const id of openTransactions) yield { name: 'hanging-transaction', detail: id }
}

export const unfinished: Rule = function* (history) {
  for (const client of history.unfinished) yield { name: 'unfinished', detail: client }
}

export const logEnds: Rule = function* ({ ends }, logs) {
  for (const { key, endOffset, lastStableOffset } of ends) {
    if (lastStableOffset < endOffset)
      yield { name: 'stuck-last-stable-offset', detail: `${key}: ${lastStableOffset}, and the log ends at ${endOffset}` }
    const last = logs.get(key)?.lastOffset() ?? -1
    if (last >= endOffset) yield { name: 'end-before-record', detail: `${key}: the log ends at ${endOffset}, with a record at ${last}` }
  }
}

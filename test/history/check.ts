/** Judges a history: the anomalies that every rule finds in it, those that Kafka permits apart from the failures. */
import { type Anomaly, allowed, anomalyMeanings, type Rule } from './anomaly.ts'
import { cycles } from './cycle-rules.ts'
import { hangingTransactions, logEnds, unfinished } from './end-rules.ts'
import { commits, copies } from './group-rules.ts'
import type { History } from './history.ts'
import { KeyLogs } from './key-logs.ts'
import { abortedRead, earlyReads, pollOrder } from './read-rules.ts'
import { duplicate, inconsistentOffsets, intSendSkip, lostWrites, nonmonotonicSend, unwrittenRead } from './write-rules.ts'

const rules: readonly Rule[] = [
  duplicate,
  inconsistentOffsets,
  lostWrites,
  unwrittenRead,
  nonmonotonicSend,
  intSendSkip,
  abortedRead,
  earlyReads,
  pollOrder,
  commits,
  copies,
  cycles,
  hangingTransactions,
  logEnds,
  unfinished,
]

export interface Verdict {
  readonly failures: readonly Anomaly[]
  /** Not failures; for the reader of a report. */
  readonly permitted: readonly Anomaly[]
}

export function check(history: History): Verdict {
  const logs = new KeyLogs(history)
  const found = rules.flatMap((rule) => [...rule(history, logs)])
  return {
    failures: found.filter(({ name }) => !allowed.has(name)),
    permitted: found.filter(({ name }) => allowed.has(name)),
  }
}

/** How many lines a report gives to one kind of anomaly. */
const LINES_PER_ANOMALY = 5

/** One paragraph per kind of anomaly; empty without one. */
export function report(anomalies: readonly Anomaly[]): string {
  const kinds = Map.groupBy(anomalies, ({ name }) => name)
  return [...kinds]
    .map(([name, all]) => {
      const lines = all.slice(0, LINES_PER_ANOMALY).map(({ detail }) => `  ${detail}`)
      return [`${all.length} × ${name} (${anomalyMeanings[name]})`, ...lines].join('\n')
    })
    .join('\n')
}

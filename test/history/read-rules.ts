/** Rules about reads: only what is committed at read_committed, in the order of the log and without gaps. */
import type { Anomaly, Rule } from './anomaly.ts'
import type { Operation, PlacedRecord, PollStep } from './history.ts'
import type { KeyLogs } from './key-logs.ts'
import { byStart } from './write-rules.ts'

/** A read-uncommitted consumer may see the writes of an aborted transaction; those that were never sent to the log nobody may see. */
export const abortedRead: Rule = function* (_, logs) {
  for (const log of logs.all())
    for (const { value, offset, isolation, operation } of log.reads) {
      const writer = log.writes.get(value)?.operation
      if (writer?.ending === 'fail' && (isolation === 'read_committed' || !writer.transactional))
        yield { name: 'aborted-read', detail: `${operation.process} read ${value} of ${writer.process} at ${log.key}@${offset}` }
    }
}

/** `precommitted-read` and `early-read`: what the monotonic clock, and the operation itself, exclude. */
export const earlyReads: Rule = function* (_, logs) {
  for (const log of logs.all())
    for (const { value, offset, isolation, operation, at } of log.reads) {
      const writer = log.writes.get(value)?.operation
      if (!writer) continue
      const detail = `${operation.process} read ${value} of ${writer.process} at ${log.key}@${offset}`
      if (at < writer.started) yield { name: 'early-read', detail }
      else if (isolation !== 'read_committed' || !writer.transactional || writer.ending === 'fail') continue
      else if (writer.decided === null || at < writer.decided || writer === operation) yield { name: 'precommitted-read', detail }
    }
}

/**
 * `poll-skip` and `nonmonotonic-poll`, and with `int-` those inside one operation. A consumer's positions may start anew where its history
 * says so (`assign`).
 */
export const pollOrder: Rule = function* (history, logs) {
  const positions = new Map<string, Map<string, { record: PlacedRecord; operation: Operation }>>()
  for (const operation of byStart(history.operations)) {
    let last = positions.get(operation.process)
    if (!last) positions.set(operation.process, (last = new Map()))
    for (const step of operation.steps) {
      if (step.kind === 'assign') {
        if (step.keys === 'all') last.clear()
        else for (const key of step.keys) last.delete(key)
      } else if (step.kind === 'poll')
        for (const record of step.records) {
          const before = last.get(record.key)
          if (before) yield* compared(before, record, operation, step, logs)
          last.set(record.key, { record, operation })
        }
    }
  }
}

function* compared(
  before: { record: PlacedRecord; operation: Operation },
  record: PlacedRecord,
  operation: Operation,
  { isolation }: PollStep,
  logs: KeyLogs,
): Iterable<Anomaly> {
  const isInternal = before.operation === operation
  const detail = `${operation.process} (${isolation}) read ${record.key}@${record.offset} after ${before.record.offset}`
  if (record.offset <= before.record.offset) {
    yield { name: isInternal ? 'int-nonmonotonic-poll' : 'nonmonotonic-poll', detail }
    return
  }
  const order = logs.get(record.key)!.order(isolation)
  const skipped = order.get(record.value)! - order.get(before.record.value)! - 1
  if (skipped > 0) yield { name: isInternal ? 'int-poll-skip' : 'poll-skip', detail: `${detail}: ${skipped} records are left out` }
}

/** Rules about writes: each is there once, where its acknowledgement said, in the order of its process. */
import type { Anomaly, AnomalyName, Rule } from './anomaly.ts'
import type { Isolation, Operation, SendStep } from './history.ts'
import type { KeyLog, Write } from './key-logs.ts'

const add = <K, V>(map: Map<K, Set<V>>, key: K, value: V) => {
  const values = map.get(key)
  if (values) values.add(value)
  else map.set(key, new Set([value]))
}

export const duplicate: Rule = function* (_, logs) {
  for (const log of logs.all()) {
    const offsets = new Map<string, Set<number>>()
    for (const [value, { step }] of log.writes) if (step.offset !== null) add(offsets, value, step.offset)
    for (const { value, offset } of log.reads) add(offsets, value, offset)
    for (const [value, at] of offsets)
      if (at.size > 1) yield { name: 'duplicate', detail: `${value} of ${log.key} is at ${[...at].join(', ')}` }
  }
}

/** A send counts only if its operation happened; a poll counts always, also in an aborted transaction. */
export const inconsistentOffsets: Rule = function* (_, logs) {
  for (const log of logs.all()) {
    const values = new Map<number, Set<string>>()
    for (const [value, { operation, step }] of log.writes)
      if (step.offset !== null && logs.happened(operation)) add(values, step.offset, value)
    for (const { value, offset } of log.reads) add(values, offset, value)
    for (const [offset, found] of values)
      if (found.size > 1) yield { name: 'inconsistent-offsets', detail: `${log.key}@${offset} is ${[...found].join(', ')}` }
  }
}

/** `lost-write` and `unseen`, for each isolation level at which anyone reads. */
export const lostWrites: Rule = function* ({ isComplete }, logs) {
  for (const isolation of logs.isolations())
    for (const log of logs.all()) {
      const highest = log.highest(isolation)
      for (const write of log.writes.values()) {
        if (!logs.happened(write.operation) || log.wasRead(write.step.value, isolation)) continue
        const offset = log.offsetOf(write.step.value)
        if (offset !== null && offset < highest) yield unread('lost-write', log, write, isolation)
        else if (isComplete) yield unread('unseen', log, write, isolation)
      }
    }
}

function unread(name: AnomalyName, log: KeyLog, { operation, step }: Write, isolation: Isolation): Anomaly {
  const at = log.offsetOf(step.value) ?? 'an unknown offset'
  const how = operation.ending === 'ok' ? 'was acknowledged' : 'belongs to a transaction that is seen in part'
  return { name, detail: `${step.value} of ${log.key} at ${at} ${how}; no ${isolation} consumer read it` }
}

export const unwrittenRead: Rule = function* (_, logs) {
  for (const log of logs.all())
    for (const { value, offset, operation } of log.reads)
      if (!log.writes.has(value)) yield { name: 'unwritten-read', detail: `${operation.process} read ${value} at ${log.key}@${offset}` }
}

/**
 * A send whose answer is unknown may be written later than the next one of its process, by a request that was still on its way: only
 * operations that happened are compared.
 */
export const nonmonotonicSend: Rule = function* (history) {
  const last = new Map<string, Write>()
  for (const operation of byStart(history.operations)) {
    if (operation.ending !== 'ok') continue
    for (const step of operation.steps) {
      if (step.kind !== 'send' || step.offset === null) continue
      const at = `${operation.process} ${step.key}`
      const before = last.get(at)
      if (before && before.step.offset! >= step.offset) {
        const name = before.operation === operation ? 'int-nonmonotonic-send' : 'nonmonotonic-send'
        const [first, then] = [`${before.step.value} to ${step.key}@${before.step.offset}`, `${step.value} to ${step.offset}`]
        yield { name, detail: `${operation.process} sent ${first}, then ${then}` }
      }
      last.set(at, { operation, step })
    }
  }
}

export const intSendSkip: Rule = function* (history, logs) {
  for (const operation of history.operations) {
    const last = new Map<string, SendStep>()
    for (const step of operation.steps) {
      if (step.kind !== 'send') continue
      const order = logs.get(step.key)!.order('read_uncommitted')
      const before = last.get(step.key)
      const [from, to] = [order.get(before?.value ?? ''), order.get(step.value)]
      if (from !== undefined && to !== undefined && to > from + 1)
        yield { name: 'int-send-skip', detail: `${operation.process}: ${to - from - 1} values between ${before!.value} and ${step.value}` }
      last.set(step.key, step)
    }
  }
}

export const byStart = (operations: readonly Operation[]): Operation[] => [...operations].sort((a, b) => a.started - b.started)

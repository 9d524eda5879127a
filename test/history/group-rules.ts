/** Rules about the positions of groups, and about transactions that copy records together with their position. */
import type { Rule } from './anomaly.ts'
import type { Operation, SendStep } from './history.ts'

interface Commit {
  readonly operation: Operation
  readonly offset: number
}

/**
 * `lost-commit`, `unmade-commit` and `aborted-commit`. The positions of a group only rise in these histories: one process commits for a
 * group at a time.
 */
export const commits: Rule = function* (history) {
  const made = new Map<string, Commit[]>()
  const observed: { name: string; offset: number; operation: Operation }[] = []
  for (const operation of history.operations)
    for (const step of operation.steps) {
      const name = step.kind === 'commit' || step.kind === 'committed' ? `${step.group} of ${step.key}` : ''
      if (step.kind === 'commit') {
        if (!made.has(name)) made.set(name, [])
        made.get(name)!.push({ operation, offset: step.offset })
      }
      if (step.kind === 'committed') observed.push({ name, offset: step.offset, operation })
    }
  for (const { name, offset, operation } of observed) {
    const all = made.get(name) ?? []
    let acknowledged = -1
    for (const commit of all)
      if (commit.operation.ending === 'ok' && commit.operation.ended < operation.started)
        acknowledged = Math.max(acknowledged, commit.offset)
    if (offset < acknowledged) yield { name: 'lost-commit', detail: `${name} is ${offset}, and ${acknowledged} was acknowledged` }
    if (offset < 0) continue
    const same = all.filter((commit) => commit.offset === offset && commit.operation.started < operation.ended)
    if (same.length === 0) yield { name: 'unmade-commit', detail: `${name} is ${offset}` }
    else if (same.every((commit) => commit.operation.ending === 'fail'))
      yield { name: 'aborted-commit', detail: `${name} is ${offset}, of an aborted transaction of ${same[0]!.operation.process}` }
  }
}

/** `processed-twice` and `unprocessed`: exactly once, from input to output. */
export const copies: Rule = function* (history, logs) {
  const copied = new Map<string, Set<Operation>>()
  const positions = new Map<string, number>()
  for (const operation of history.operations)
    for (const step of operation.steps) {
      if (step.kind === 'send' && step.source && logs.happened(operation)) {
        const name = sourceName(step.source)
        copied.set(name, (copied.get(name) ?? new Set()).add(operation))
      } else if (step.kind === 'committed') {
        const name = `${step.group} ${step.key}`
        positions.set(name, Math.max(positions.get(name) ?? -1, step.offset))
      }
    }
  for (const [name, operations] of copied)
    if (operations.size > 1) yield { name: 'processed-twice', detail: `${name}: by ${[...operations].map((by) => by.process).join(', ')}` }
  for (const { group, keys } of history.copiers)
    for (const key of keys) {
      const log = logs.get(key)
      const position = positions.get(`${group} ${key}`) ?? -1
      for (const value of log?.order('read_committed').keys() ?? []) {
        const offset = log!.offsetOf(value)!
        if (offset < position && !copied.has(sourceName({ group, key, offset })))
          yield { name: 'unprocessed', detail: `${sourceName({ group, key, offset })}, and the group is at ${position}` }
      }
    }
}

const sourceName = ({ group, key, offset }: NonNullable<SendStep['source']>): string => `${group} of ${key}@${offset}`

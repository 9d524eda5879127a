/**
 * What a wrong broker would do to a history, one change each, with the anomalies that give it away. A mutation returns null where the
 * history has nothing to change.
 */
import type { AnomalyName } from './anomaly.ts'
import type { History, Isolation, Operation, PlacedRecord, PollStep, SendStep, Step } from './history.ts'

export interface Mutation {
  readonly expects: readonly AnomalyName[]
  mutate(history: History, random: () => number): History | null
}

const among = <T>(random: () => number, values: readonly T[]): T | undefined => values[Math.floor(random() * values.length)]

const steps = (history: History) => history.operations.flatMap((operation) => operation.steps.map((step) => ({ operation, step })))
const polls = (history: History) => steps(history).filter((at): at is { operation: Operation; step: PollStep } => at.step.kind === 'poll')
const sends = (history: History) => steps(history).filter((at): at is { operation: Operation; step: SendStep } => at.step.kind === 'send')

const withOperations = (history: History, change: (operation: Operation) => Operation): History => ({
  ...history,
  operations: history.operations.map(change),
})

const withSteps = (history: History, change: (step: Step, operation: Operation) => Step): History =>
  withOperations(history, (operation) => ({ ...operation, steps: operation.steps.map((step) => change(step, operation)) }))

const withReads = (history: History, change: (records: readonly PlacedRecord[], step: PollStep) => readonly PlacedRecord[]): History =>
  withSteps(history, (step) => (step.kind === 'poll' ? { ...step, records: change(step.records, step) } : step))

const isRead = (history: History, value: string, isolation: Isolation) =>
  polls(history).some(({ step }) => step.isolation === isolation && step.records.some((record) => record.value === value))

const has = ({ records }: PollStep, { key, value }: PlacedRecord) => records.some((record) => record.key === key && record.value === value)

/** Nobody of the isolation level gets the record. */
const lose = (isolation: Isolation): Mutation => ({
  expects: ['lost-write', 'unseen'],
  mutate(history, random) {
    const lost = among(
      random,
      sends(history).filter(({ operation }) => operation.ending === 'ok'),
    )
    if (!lost) return null
    return withReads(history, (records, step) =>
      step.isolation === isolation ? records.filter(({ value }) => value !== lost.step.value) : records,
    )
  },
})

/** The k-th record of one poll, with at least `before` records of its key before it and `after` behind it. */
function inOnePoll(history: History, random: () => number, before: number, after: number) {
  const candidates = polls(history).flatMap(({ step }) =>
    step.records.flatMap((record, at) => {
      const sameKey = step.records.map(({ key }, i) => (key === record.key ? i : -1)).filter((i) => i >= 0)
      const rank = sameKey.indexOf(at)
      return rank >= before && sameKey.length - 1 - rank >= after ? [{ step, record, next: sameKey[rank + 1] ?? -1, at }] : []
    }),
  )
  return among(random, candidates)
}

export const mutations: Readonly<Record<string, Mutation>> = {
  'a committed write is lost to committed readers': lose('read_committed'),
  'a committed write is lost to uncommitted readers': lose('read_uncommitted'),
  'a retry is stored twice': {
    expects: ['duplicate'],
    mutate(history, random) {
      const record = among(random, polls(history).at(-1)?.step.records ?? [])
      if (!record) return null
      const end = history.ends.find(({ key }) => key === record.key)!.endOffset
      const last = polls(history).at(-1)!.step
      return withReads(history, (records, step) => (step === last ? [...records, { ...record, offset: end }] : records))
    },
  },
  'an offset is given twice': {
    expects: ['inconsistent-offsets'],
    mutate(history, random) {
      const at = inOnePoll(history, random, 0, 1)
      if (!at) return null
      const next = at.step.records[at.next]!
      return withReads(history, (records) =>
        records.map((record) =>
          record.value === next.value && record.key === next.key ? { ...record, offset: at.record.offset } : record,
        ),
      )
    },
  },
  'a record moves after its acknowledgement': {
    expects: ['duplicate'],
    mutate(history, random) {
      const sent = among(
        random,
        sends(history).filter(({ step }) => step.offset !== null && isRead(history, step.value, 'read_uncommitted')),
      )
      if (!sent) return null
      return withReads(history, (records) =>
        records.map((record) => (record.value === sent.step.value ? { ...record, offset: record.offset + 1 } : record)),
      )
    },
  },
  'bytes of a record change': {
    expects: ['unwritten-read'],
    mutate(history, random) {
      const at = inOnePoll(history, random, 0, 0)
      if (!at) return null
      return withReads(history, (records, step) =>
        step === at.step ? records.map((record) => (record === at.record ? { ...record, value: `${record.value}~` } : record)) : records,
      )
    },
  },
  'an abort marker is forgotten': {
    expects: ['aborted-read'],
    mutate(history, random) {
      const read = new Set(
        polls(history).flatMap(({ step }) => (step.isolation === 'read_committed' ? step.records.map(({ value }) => value) : [])),
      )
      const aborted = among(
        random,
        history.operations.filter(
          (operation) => operation.transactional && operation.steps.some((step) => step.kind === 'send' && read.has(step.value)),
        ),
      )
      if (!aborted) return null
      return withOperations(history, (operation) => (operation === aborted ? { ...operation, ending: 'fail' } : operation))
    },
  },
  'the last stable offset is too far': {
    expects: ['precommitted-read'],
    mutate(history, random) {
      const read = new Map(
        polls(history).flatMap(({ step }) =>
          step.isolation === 'read_committed' ? step.records.map(({ value }) => [value, step.at]) : [],
        ),
      )
      const early = among(
        random,
        history.operations.filter(
          ({ decided, steps }) => decided !== null && steps.some((step) => step.kind === 'send' && read.has(step.value)),
        ),
      )
      if (!early) return null
      const times = early.steps.flatMap((step) => (step.kind === 'send' ? [read.get(step.value) ?? -1] : []))
      return withOperations(history, (operation) => (operation === early ? { ...operation, decided: Math.max(...times) + 1 } : operation))
    },
  },
  'a poll leaves out a record': {
    expects: ['int-poll-skip'],
    mutate(history, random) {
      const at = inOnePoll(history, random, 1, 1)
      // Where nobody else reads it, nothing says that it was there.
      if (!at || !polls(history).some(({ step }) => step !== at.step && step.isolation === at.step.isolation && has(step, at.record)))
        return null
      return withReads(history, (records, step) => (step === at.step ? records.filter((record) => record !== at.record) : records))
    },
  },
  'a poll goes back': {
    expects: ['int-nonmonotonic-poll'],
    mutate(history, random) {
      const at = inOnePoll(history, random, 0, 1)
      if (!at) return null
      return withReads(history, (records, step) =>
        step === at.step ? records.with(at.at, records[at.next]!).with(at.next, at.record) : records,
      )
    },
  },
  'a poll after another leaves out a record': {
    expects: ['poll-skip'],
    mutate: (history, random) =>
      changeLaterPoll(history, random, (records, key) =>
        records.toSpliced(
          records.findIndex((r) => r.key === key),
          1,
        ),
      ),
  },
  'a poll after another begins again': {
    expects: ['nonmonotonic-poll'],
    mutate: (history, random) =>
      changeLaterPoll(history, random, (records, key, before) => [before.records.find((record) => record.key === key)!, ...records]),
  },
  'sends of a process land in another order': {
    expects: ['nonmonotonic-send', 'int-nonmonotonic-send'],
    mutate(history, random) {
      const acknowledged = sends(history).filter(({ operation, step }) => operation.ending === 'ok' && step.offset !== null)
      const first = among(random, acknowledged)
      const second = acknowledged.find(
        ({ operation, step }) =>
          operation.process === first!.operation.process && step.key === first!.step.key && step.offset! > first!.step.offset!,
      )
      if (!first || !second) return null
      const swap = new Map<Step, number>([
        [first.step, second.step.offset!],
        [second.step, first.step.offset!],
      ])
      return withSteps(history, (step) => (step.kind === 'send' && swap.has(step) ? { ...step, offset: swap.get(step)! } : step))
    },
  },
  'a position of a group is lost': {
    expects: ['lost-commit'],
    mutate(history) {
      const isMade = history.operations.some(({ ending, steps }) => ending === 'ok' && steps.some(({ kind }) => kind === 'commit'))
      return isMade ? withSteps(history, (step) => (step.kind === 'committed' ? { ...step, offset: 0 } : step)) : null
    },
  },
  'a position of a group is made up': {
    expects: ['unmade-commit'],
    mutate: (history) => withSteps(history, (step) => (step.kind === 'committed' ? { ...step, offset: step.offset + 1_000 } : step)),
  },
  'a position is committed without its copies': {
    expects: ['unprocessed'],
    mutate(history, random) {
      const copy = among(
        random,
        sends(history).filter(({ operation, step }) => step.source !== undefined && operation.ending === 'ok'),
      )
      if (!copy) return null
      return withOperations(history, (operation) =>
        operation === copy.operation ? { ...operation, steps: operation.steps.filter(({ kind }) => kind !== 'send') } : operation,
      )
    },
  },
  'copies are committed without their position': {
    expects: ['processed-twice'],
    mutate(history, random) {
      const copy = among(
        random,
        sends(history).filter(({ operation, step }) => step.source !== undefined && operation.ending === 'ok'),
      )
      if (!copy) return null
      const again = copy.operation.steps.map((step) =>
        step.kind === 'send' ? { ...step, value: `${step.value} again`, offset: null } : step,
      )
      return { ...history, operations: [...history.operations, { ...copy.operation, steps: again }] }
    },
  },
  'a transaction is never ended': {
    expects: ['hanging-transaction'],
    mutate: (history) => ({ ...history, openTransactions: ['t1'] }),
  },
  'a marker is missing': {
    expects: ['stuck-last-stable-offset'],
    mutate: (history) => ({ ...history, ends: history.ends.map((end) => ({ ...end, lastStableOffset: end.endOffset - 1 })) }),
  },
  'a log is truncated': {
    expects: ['end-before-record'],
    mutate(history, random) {
      const record = among(random, polls(history).at(-1)?.step.records ?? [])
      if (!record) return null
      return { ...history, ends: history.ends.map((end) => (end.key === record.key ? { ...end, endOffset: record.offset } : end)) }
    },
  },
}

/** Changes the later of two polls of a consumer that has read a key in the earlier one and reads two or more records of it in the later. */
function changeLaterPoll(
  history: History,
  random: () => number,
  change: (records: readonly PlacedRecord[], key: string, before: PollStep) => readonly PlacedRecord[],
): History | null {
  const all = polls(history).filter(({ operation }) => !operation.transactional)
  const found = all.flatMap((later, i) => {
    const before = all.slice(0, i).findLast(({ operation }) => operation.process === later.operation.process)
    const keys = new Set(before?.step.records.map(({ key }) => key))
    return [...keys].flatMap((key) =>
      later.step.records.filter((record) => record.key === key).length > 1 ? [{ before: before!.step, later: later.step, key }] : [],
    )
  })
  const chosen = among(random, found)
  if (!chosen) return null
  return withReads(history, (records, step) => (step === chosen.later ? change(records, chosen.key, chosen.before) : records))
}

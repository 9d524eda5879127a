/**
 * Valid histories, from a model of partition logs with transactions: producers, transactional producers, a transaction that copies, and
 * consumers of both isolation levels take their steps in an order that a seed decides.
 */
import type { Ending, History, Isolation, Operation, PlacedRecord, Step } from './history.ts'

const KEYS = ['a-0', 'a-1', 'b-0']
const INPUT = KEYS[0]!
const OUTPUT = 'copy-0'
const GROUP = 'copies'

type State = 'open' | 'committed' | 'aborted'

interface Entry {
  /** Null for the marker of a transaction. */
  readonly value: string | null
  readonly transaction: { state: State }
}

class Model {
  readonly logs = new Map<string, Entry[]>([...KEYS, OUTPUT].map((key) => [key, []]))
  readonly operations: Operation[] = []
  readonly positions = new Map<string, number>()
  clock = 0

  append(key: string, value: string | null, transaction: { state: State }): number {
    return this.logs.get(key)!.push({ value, transaction }) - 1
  }

  lastStableOffset(key: string): number {
    const log = this.logs.get(key)!
    const first = log.findIndex(({ transaction }) => transaction.state === 'open')
    return first === -1 ? log.length : first
  }

  read(key: string, from: number, count: number, isolation: Isolation): { records: PlacedRecord[]; next: number } {
    const end = isolation === 'read_committed' ? this.lastStableOffset(key) : this.logs.get(key)!.length
    const records: PlacedRecord[] = []
    let offset = from
    for (; offset < end && records.length < count; offset++) {
      const { value, transaction } = this.logs.get(key)![offset]!
      if (value !== null && (isolation === 'read_uncommitted' || transaction.state === 'committed')) records.push({ key, offset, value })
    }
    return { records, next: offset }
  }

  finish(process: string, started: number, steps: Step[], ending: Ending, decided: number | null, transactional: boolean): void {
    this.operations.push({ process, transactional, started, decided, ended: this.clock++, ending, steps })
  }
}

/** An actor: each `yield` is a point where the others may act. */
type Actor = (model: Model, random: () => number, operations: number) => Generator<void>

const among = <T>(random: () => number, values: readonly T[]): T => values[Math.floor(random() * values.length)]!

const producer = (process: string): Actor =>
  function* (model, random, operations) {
    for (let n = 0; n < operations; n++) {
      const started = model.clock++
      const key = among(random, KEYS)
      const values = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, i) => `${process}/${n}/${i}`)
      yield
      const isWritten = random() < 0.9
      const isKnown = isWritten && random() < 0.8
      const steps = values.map((value): Step => {
        const offset = isWritten ? model.append(key, value, { state: 'committed' }) : null
        return { kind: 'send', key, value, offset: isKnown ? offset : null }
      })
      yield
      model.finish(process, started, steps, isKnown ? 'ok' : 'info', null, false)
    }
  }

/** Ends a transaction: the decision and its markers are one step, and the client may not be told. */
function* decide(model: Model, random: () => number, transaction: { state: State }, keys: Iterable<string>, apply: () => void) {
  const requests = random() < 0.7
  const decided = requests ? model.clock++ : null
  yield
  transaction.state = requests && random() < 0.9 ? 'committed' : 'aborted'
  if (transaction.state === 'committed') apply()
  for (const key of new Set(keys)) model.append(key, null, { state: 'committed' })
  yield
  const isKnown = transaction.state === 'committed' && random() < 0.8
  return { decided, ending: (isKnown ? 'ok' : requests ? 'info' : 'fail') as Ending }
}

const transactionalProducer = (process: string): Actor =>
  function* (model, random, operations) {
    for (let n = 0; n < operations; n++) {
      const started = model.clock++
      const transaction = { state: 'open' as State }
      const steps: Step[] = []
      const keys: string[] = []
      for (let i = 0; i <= random() * 4; i++) {
        const key = among(random, KEYS)
        const value = `${process}/${n}/${i}`
        keys.push(key)
        steps.push({ kind: 'send', key, value, offset: model.append(key, value, transaction) })
        yield
      }
      const { decided, ending } = yield* decide(model, random, transaction, keys, () => {})
      model.finish(process, started, steps, ending, decided, true)
    }
  }

const copier: Actor = function* (model, random, operations) {
  for (let n = 0; n < operations; n++) {
    const started = model.clock++
    const from = model.positions.get(INPUT) ?? 0
    const { records, next } = model.read(INPUT, from, 3, 'read_committed')
    yield
    if (records.length === 0) continue
    const transaction = { state: 'open' as State }
    const steps: Step[] = [
      { kind: 'assign', keys: 'all' },
      { kind: 'poll', at: model.clock++, isolation: 'read_committed', records },
    ]
    for (const { offset, value } of records) {
      const copy = `copy ${n} of ${value}`
      const source = { group: GROUP, key: INPUT, offset }
      steps.push({ kind: 'send', key: OUTPUT, value: copy, offset: model.append(OUTPUT, copy, transaction), source })
    }
    steps.push({ kind: 'commit', group: GROUP, key: INPUT, offset: next })
    yield
    const { decided, ending } = yield* decide(model, random, transaction, [OUTPUT], () => model.positions.set(INPUT, next))
    model.finish('copier', started, steps, ending, decided, true)
  }
}

const consumer = (process: string, isolation: Isolation): Actor =>
  function* (model, random, operations) {
    const positions = new Map<string, number>()
    for (let n = 0; n < operations; n++) {
      const started = model.clock++
      yield
      const steps: Step[] = []
      const all: PlacedRecord[] = []
      for (const key of model.logs.keys()) {
        const { records, next } = model.read(key, positions.get(key) ?? 0, 1 + Math.floor(random() * 5), isolation)
        positions.set(key, next)
        all.push(...records)
      }
      if (all.length > 0) steps.push({ kind: 'poll', at: model.clock++, isolation, records: all })
      model.finish(process, started, steps, 'ok', null, false)
    }
  }

const actors: readonly Actor[] = [
  producer('p1'),
  producer('p2'),
  transactionalProducer('t1'),
  transactionalProducer('t2'),
  copier,
  consumer('c1', 'read_committed'),
  consumer('c2', 'read_uncommitted'),
]

export function modelHistory(random: () => number, operations = 8): History {
  const model = new Model()
  const running = actors.map((actor) => actor(model, random, operations))
  while (running.length > 0) {
    const at = Math.floor(random() * running.length)
    if (running[at]!.next().done) running.splice(at, 1)
  }
  for (const isolation of ['read_committed', 'read_uncommitted'] as const) {
    const started = model.clock++
    const records = [...model.logs.keys()].flatMap((key) => model.read(key, 0, Number.POSITIVE_INFINITY, isolation).records)
    model.finish(`final ${isolation}`, started, [{ kind: 'poll', at: model.clock++, isolation, records }], 'ok', null, false)
  }
  const position = model.positions.get(INPUT) ?? -1
  const started = model.clock++
  model.finish('final', started, [{ kind: 'committed', group: GROUP, key: INPUT, offset: position }], 'ok', null, false)
  return {
    operations: model.operations,
    isComplete: true,
    ends: [...model.logs].map(([key, { length }]) => ({ key, endOffset: length, lastStableOffset: length })),
    openTransactions: [],
    unfinished: [],
    copiers: [{ group: GROUP, keys: [INPUT] }],
  }
}

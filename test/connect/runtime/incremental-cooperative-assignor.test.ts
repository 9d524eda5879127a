/**
 * Goal: connectors and tasks are spread evenly, move only after a revocation, wait for a lost worker, and never have two owners (Invariant
 * 9). Method: examples of the pure function, and random histories of joins, crashes and config changes (fast-check).
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CONNECTOR_TASK,
  connectorTaskKey,
  readAssignment,
  readMetadata,
  writeAssignment,
  writeMetadata,
} from '../../../connect/runtime/connect-protocol.ts'
import {
  type AssignorState,
  assignEagerly,
  assignIncrementally,
  initialAssignorState,
} from '../../../connect/runtime/incremental-cooperative-assignor.ts'

/** A group whose workers follow each assignment at once. */
class Group {
  state: AssignorState = initialAssignorState
  now = 0
  released = new Set<string>()
  running = new Map<string, Set<string>>()
  urls = new Map<string, string>()
  configured: string[] = []
  rounds = 0
  delayMs = 0

  join(id: string, url = `http://${id}/`): void {
    this.running.set(id, new Set())
    this.urls.set(id, url)
  }
  crash(id: string): void {
    this.running.delete(id)
  }
  leave(id: string): void {
    for (const unit of this.running.get(id)!) this.released.add(unit)
    this.running.delete(id)
  }

  round(): boolean {
    const { state, assignments, delayMs } = assignIncrementally(this.state, {
      members: [...this.running].map(([id, owned]) => ({ id, url: this.urls.get(id)!, owned: [...owned] })),
      configured: this.configured,
      now: this.now,
      maxDelayMs: 300_000,
      hasStopped: (unit) => this.released.has(unit),
    })
    this.state = state
    this.delayMs = delayMs
    let revoked = false
    for (const [id, share] of assignments) for (const unit of share.revoked) revoked = this.running.get(id)!.delete(unit) || revoked
    for (const [id, share] of assignments)
      for (const unit of share.assigned) {
        for (const [other, owned] of this.running)
          expect(owned.has(unit), `${unit} is assigned to ${id} while ${other} runs it`).toBe(false)
        this.running.get(id)!.add(unit)
        this.released.delete(unit)
      }
    return revoked
  }

  settle(): number {
    let rounds = 1
    while (this.round()) expect(++rounds).toBeLessThan(5)
    return rounds
  }
  counts = () => [...this.running.values()].map((owned) => owned.size).sort((a, b) => a - b)
}

const units = (connector: string, tasks: number) => [
  connectorTaskKey(connector, CONNECTOR_TASK),
  ...Array.from({ length: tasks }, (_, task) => connectorTaskKey(connector, task)),
]

describe('an assignment', () => {
  test('one worker gets everything; a second gets its half in two rebalances, and the rest keeps running', () => {
    const group = new Group()
    group.configured = [...units('a', 4), ...units('b', 4)]
    group.join('one')
    expect(group.settle()).toBe(1)
    expect(group.running.get('one')!.size).toBe(10)
    group.join('two')
    const before = new Set(group.running.get('one'))
    expect(group.settle()).toBe(2)
    expect(group.counts()).toEqual([5, 5])
    for (const unit of group.running.get('one')!) expect(before.has(unit)).toBe(true)
  })

  test('what a lost worker ran is delayed, and then assigned to the others', () => {
    const group = new Group()
    group.configured = units('a', 3)
    group.join('one')
    group.join('two')
    group.settle()
    const lost = [...group.running.get('two')!]
    group.crash('two')
    group.settle()
    expect(group.delayMs).toBe(300_000)
    expect(group.counts()).toEqual([4 - lost.length])
    group.now = 100_000
    group.settle()
    expect(group.delayMs).toBe(200_000)
    group.now = 300_000
    group.settle()
    expect(group.counts()).toEqual([4])
    expect(group.delayMs).toBe(0)
  })

  test('a worker that returns at its URL gets at once what it ran', () => {
    const group = new Group()
    group.configured = units('a', 3)
    group.join('one')
    group.join('two', 'http://two/')
    group.settle()
    const lost = new Set(group.running.get('two')!)
    group.crash('two')
    group.settle()
    group.join('again', 'http://two/')
    group.settle()
    expect(group.delayMs).toBe(0)
    expect(group.running.get('again')).toEqual(lost)
  })

  test('what a worker ran that left the group is assigned at once', () => {
    const group = new Group()
    group.configured = units('a', 3)
    group.join('one')
    group.join('two')
    group.settle()
    group.leave('two')
    group.settle()
    expect(group.counts()).toEqual([4])
  })

  test('what two workers own is revoked from both before it is assigned', () => {
    const unit = connectorTaskKey('a', 0)
    const members = ['one', 'two'].map((id) => ({ id, url: id, owned: [unit] }))
    const first = assignIncrementally(initialAssignorState, {
      members,
      configured: [unit],
      now: 0,
      maxDelayMs: 1000,
      hasStopped: () => false,
    })
    expect([...first.assignments.values()]).toEqual([
      { assigned: [], revoked: [unit] },
      { assigned: [], revoked: [unit] },
    ])
    const second = assignIncrementally(first.state, {
      members: members.map((member) => ({ ...member, owned: [] })),
      configured: [unit],
      now: 0,
      maxDelayMs: 1000,
      hasStopped: () => false,
    })
    expect([...second.assignments.values()].flatMap((share) => share.assigned)).toEqual([unit])
  })

  test('what was removed from the config topic is revoked', () => {
    const group = new Group()
    group.configured = [...units('a', 2), ...units('b', 2)]
    group.join('one')
    group.settle()
    group.configured = units('b', 1)
    group.settle()
    expect([...group.running.get('one')!].sort()).toEqual([...units('b', 1)].sort())
  })

  test('the eager protocol assigns everything again', () => {
    const assignments = assignEagerly(
      ['one', 'two'].map((id) => ({ id, url: id, owned: [] })),
      units('a', 5),
    )
    expect([...assignments.values()].map((share) => share.assigned.length)).toEqual([3, 3])
  })
})

test('in random histories nothing has two owners, everything is assigned in the end, and no two workers differ by more than one', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('join' as const), who: fc.nat(4) }),
    fc.record({ kind: fc.constant('crash' as const), who: fc.nat(4) }),
    fc.record({ kind: fc.constant('leave' as const), who: fc.nat(4) }),
    fc.record({ kind: fc.constant('config' as const), who: fc.nat(12) }),
    fc.record({ kind: fc.constant('round' as const), who: fc.constant(0) }),
    fc.record({ kind: fc.constant('time' as const), who: fc.nat(400_000) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const group = new Group()
      for (const { kind, who } of steps) {
        const id = `worker-${who}`
        if (kind === 'join' && !group.running.has(id)) group.join(id)
        else if (kind === 'crash' && group.running.has(id)) group.crash(id)
        else if (kind === 'leave' && group.running.has(id)) group.leave(id)
        else if (kind === 'config') group.configured = [...units('a', who), ...units('b', Math.floor(who / 3))]
        else if (kind === 'time') group.now += who
        else group.round()
      }
      if (group.running.size === 0) group.join('last')
      group.settle()
      group.now += 300_001
      group.settle()
      const all = [...group.running.values()].flatMap((owned) => [...owned])
      expect([...all].sort()).toEqual([...group.configured].sort())
      for (const kind of ['connector', 'task'] as const) {
        const counts = [...group.running.values()].map(
          (owned) => [...owned].filter((unit) => unit.startsWith('-1/') === (kind === 'connector')).length,
        )
        expect(Math.max(...counts) - Math.min(...counts), kind).toBeLessThanOrEqual(1)
      }
    }),
    { numRuns: 300 },
  )
})

describe('the bytes', () => {
  test('an assignment of version 2 as Kafka Connect writes it', () => {
    const content = writeAssignment({
      version: 2,
      error: 0,
      leader: 'm1',
      leaderUrl: 'u',
      configOffset: 7,
      assigned: [connectorTaskKey('c', CONNECTOR_TASK), connectorTaskKey('c', 0)],
      revoked: [],
      delayMs: 5,
    })
    expect(content.toString('hex')).toBe(
      `0002${'0000'}${'00026d31'}${'000175'}${'0000000000000007'}${'00000001'}${'000163'}${'00000002ffffffff00000000'}${'00000000'}${'00000005'}`,
    )
  })
  test('all versions come back as they were', () => {
    for (const version of [0, 1, 2]) {
      const given = {
        version,
        error: 1,
        leader: 'm',
        leaderUrl: 'http://x/',
        configOffset: -1,
        assigned: units('a/b', 2),
        revoked: version === 0 ? [] : units('c', 1),
        delayMs: version === 0 ? 0 : 99,
      }
      expect(readAssignment(writeAssignment(given))).toEqual(given)
      const state = { url: 'http://y/', configOffset: 12, owned: units('q', 3) }
      expect(readMetadata(writeMetadata(version, state, given))).toEqual({ ...state, owned: version === 0 ? [] : state.owned })
      expect(readMetadata(writeMetadata(version, { ...state, owned: [] }, null))).toEqual({ ...state, owned: [] })
    }
  })
})

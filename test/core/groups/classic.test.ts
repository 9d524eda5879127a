/**
 * Goal: the classic group protocol behaves as in Apache Kafka 4.3, in every state. Method: scenarios; a pure group gets events one by one,
 * and its effects are the responses, timers and writes.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkCommit, selectProtocol } from '../../../core/groups/group.ts'
import { GroupScenario } from './group-scenario.ts'

const text = (buffer: Buffer) => buffer.toString()

describe('a first generation', () => {
  test('waits for the initial delay, extended while members join, at most for the rebalance timeout', () => {
    const scenario = new GroupScenario({ initialRebalanceDelayMs: 3000 })
    const a = scenario.join('', { newId: 'a', rebalanceTimeoutMs: 7000 })
    expect(scenario.group.state).toBe('PreparingRebalance')
    expect(scenario.timers.get('join')).toBe(3000)
    const b = scenario.join('', { newId: 'b', rebalanceTimeoutMs: 7000 })
    scenario.expire('join')
    expect(scenario.timers.get('join')).toBe(3000)
    const c = scenario.join('', { newId: 'c', rebalanceTimeoutMs: 7000 })
    scenario.expire('join')
    expect(scenario.timers.get('join')).toBe(1000)
    const d = scenario.join('', { newId: 'd', rebalanceTimeoutMs: 7000 })
    scenario.expire('join')
    expect(scenario.group).toMatchObject({ state: 'CompletingRebalance', generation: 1, leader: 'a', protocol: 'range' })
    expect(scenario.joinResponse(a)).toMatchObject({
      errorCode: 0,
      generationId: 1,
      leader: 'a',
      memberId: 'a',
      protocolName: 'range',
      protocolType: 'consumer',
    })
    expect(scenario.joinResponse(a).members.map((member) => member.memberId)).toEqual(['a', 'b', 'c', 'd'])
    for (const other of [b, c, d]) expect(scenario.joinResponse(other).members).toEqual([])
    expect(scenario.timers.get('b')).toBe(10_000)
  })

  test('propagates the assignment once it is stored, to waiting SyncGroups and to later ones', () => {
    const scenario = new GroupScenario({ initialRebalanceDelayMs: 0 })
    scenario.join('', { newId: 'a' })
    scenario.join('', { newId: 'b' })
    scenario.expire('join').expire('join')
    const b = scenario.sync('b')
    const a = scenario.sync('a', {
      assignments: new Map([
        ['a', Buffer.from('p0')],
        ['b', Buffer.from('p1')],
      ]),
    })
    expect(scenario.isPending(a) && scenario.isPending(b)).toBe(true)
    expect(scenario.pendingWrites[0]!.image).toMatchObject({ state: 'Stable', generation: 1 })
    expect(text(scenario.pendingWrites[0]!.image.members.get('b')!.assignment)).toBe('p1')
    scenario.completeWrite()
    expect(scenario.group.state).toBe('Stable')
    expect([text(scenario.syncResponse(a).assignment), text(scenario.syncResponse(b).assignment)]).toEqual(['p0', 'p1'])
    expect(text(scenario.syncResponse(scenario.sync('b')).assignment)).toBe('p1')
    expect(scenario.timers.has('sync')).toBe(false)
  })

  test('a member that the leader did not assign gets an empty assignment', () => {
    const scenario = new GroupScenario()
    scenario.join('', { newId: 'a' })
    scenario.expire('join')
    const sync = scenario.sync('a', { assignments: new Map() })
    scenario.completeWrite()
    expect(scenario.syncResponse(sync)).toMatchObject({ errorCode: 0, protocolName: 'range' })
    expect(scenario.syncResponse(sync).assignment).toHaveLength(0)
  })

  test('a failed write starts a rebalance', () => {
    const scenario = new GroupScenario()
    scenario.join('', { newId: 'a' })
    scenario.expire('join')
    const sync = scenario.sync('a')
    scenario.completeWrite('NOT_COORDINATOR')
    expect(scenario.error(sync)).toBe('NOT_COORDINATOR')
    expect(scenario.group.state).toBe('PreparingRebalance')
  })

  test('a leader that sends SyncGroup twice causes one write', () => {
    const scenario = new GroupScenario()
    scenario.join('', { newId: 'a' })
    scenario.expire('join')
    const first = scenario.sync('a', { assignments: new Map([['a', Buffer.from('x')]]) })
    const second = scenario.sync('a', { assignments: new Map([['a', Buffer.from('y')]]) })
    expect(scenario.error(first)).toBe('REBALANCE_IN_PROGRESS')
    expect(scenario.pendingWrites).toHaveLength(1)
    scenario.completeWrite()
    expect(text(scenario.syncResponse(second).assignment)).toBe('x')
  })
})

describe('KIP-394: a member without an id gets one first', () => {
  test('and joins with it', () => {
    const scenario = new GroupScenario()
    const requested = scenario.join('', { newId: 'a', requiresKnownId: true })
    expect(scenario.error(requested)).toBe('MEMBER_ID_REQUIRED')
    expect(scenario.joinResponse(requested).memberId).toBe('a')
    expect(scenario.timers.get('a')).toBe(10_000)
    const joined = scenario.join('a')
    scenario.expire('join')
    expect(scenario.joinResponse(joined)).toMatchObject({ errorCode: 0, generationId: 1 })
  })

  test('a rebalance waits for a pending member id until its session expires', () => {
    const scenario = GroupScenario.stable(['a'])
    scenario.join('', { newId: 'b', requiresKnownId: true })
    const a = scenario.join('a')
    expect(scenario.isPending(a)).toBe(true)
    scenario.expireSession('b')
    expect(scenario.joinResponse(a).generationId).toBe(2)
  })

  test('a pending member id leaves without a rebalance', () => {
    const scenario = GroupScenario.stable(['a'])
    scenario.join('', { newId: 'b', requiresKnownId: true })
    expect(scenario.leave({ memberId: 'b' })).toEqual(['NONE'])
    expect(scenario.group).toMatchObject({ state: 'Stable', generation: 1 })
    expect(scenario.error(scenario.join('b'))).toBe('UNKNOWN_MEMBER_ID')
  })

  test('pending member ids are bounded', () => {
    const scenario = new GroupScenario({ maxPending: 2 })
    for (const newId of ['a', 'b']) scenario.join('', { newId, requiresKnownId: true })
    expect(scenario.error(scenario.join('', { newId: 'c', requiresKnownId: true }))).toBe('GROUP_MAX_SIZE_REACHED')
  })
})

describe('who may join', () => {
  test('no member of another protocol type, or without a protocol that all support', () => {
    const scenario = GroupScenario.stable(['a'])
    expect(scenario.error(scenario.join('', { protocolType: 'connect' }))).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(scenario.error(scenario.join('', { names: ['sticky'] }))).toBe('INCONSISTENT_GROUP_PROTOCOL')
    const empty = new GroupScenario()
    expect(empty.error(empty.join('', { protocolType: '' }))).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(empty.error(empty.join('', { names: [] }))).toBe('INCONSISTENT_GROUP_PROTOCOL')
  })

  test('an unknown member id is refused', () => {
    const scenario = GroupScenario.stable(['a'])
    expect(scenario.error(scenario.join('nobody'))).toBe('UNKNOWN_MEMBER_ID')
  })

  test('at most group.max.size members; existing members can rejoin', () => {
    const scenario = GroupScenario.stable(['a', 'b'], { maxSize: 2 })
    expect(scenario.error(scenario.join('', { newId: 'c' }))).toBe('GROUP_MAX_SIZE_REACHED')
    const a = scenario.join('a')
    const b = scenario.join('b')
    expect([scenario.joinResponse(a).generationId, scenario.joinResponse(b).generationId]).toEqual([2, 2])
  })

  test('the protocol is the one that most members prefer among those that all support', () => {
    const scenario = new GroupScenario()
    scenario.join('', { newId: 'a', names: ['range', 'sticky'] })
    scenario.join('', { newId: 'b', names: ['sticky', 'range'] })
    scenario.join('', { newId: 'c', names: ['cooperative', 'sticky', 'range'] })
    expect(selectProtocol(scenario.group)).toBe('sticky')
  })
})

describe('a rebalance', () => {
  test('is reported by heartbeats; members that rejoin are in the next generation', () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    const c = scenario.join('', { newId: 'c' })
    expect(scenario.heartbeat('a')).toBe('REBALANCE_IN_PROGRESS')
    expect(scenario.timers.get('join')).toBe(60_000)
    const b = scenario.join('b')
    expect(scenario.isPending(c)).toBe(true)
    const a = scenario.join('a')
    expect(scenario.joinResponse(a).members.map((member) => member.memberId)).toEqual(['a', 'b', 'c'])
    expect([a, b, c].map((requestId) => scenario.joinResponse(requestId).generationId)).toEqual([2, 2, 2])
    expect(scenario.timers.has('join')).toBe(false)
  })

  test('removes members that did not join within its timeout and elects a leader among the others', () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    const b = scenario.join('b', { metadata: 'changed' })
    scenario.expire('join')
    expect(scenario.joinResponse(b)).toMatchObject({ leader: 'b', generationId: 2 })
    expect([...scenario.group.members.keys()]).toEqual(['b'])
    expect(scenario.heartbeat('a', 1)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('fails the waiting SyncGroups, so that the members rejoin', () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    scenario.join('a')
    scenario.join('b')
    const b = scenario.sync('b')
    scenario.join('', { newId: 'c' })
    expect(scenario.error(b)).toBe('REBALANCE_IN_PROGRESS')
    expect(scenario.error(scenario.sync('a'))).toBe('REBALANCE_IN_PROGRESS')
  })

  test('an assignment that was stored for an older generation is not propagated', () => {
    const scenario = GroupScenario.stable(['a'])
    scenario.join('a')
    scenario.sync('a', { assignments: new Map([['a', Buffer.from('old')]]) })
    scenario.join('a', { metadata: 'changed' })
    expect(scenario.group).toMatchObject({ state: 'CompletingRebalance', generation: 3 })
    scenario.completeWrite()
    expect(scenario.group.state).toBe('CompletingRebalance')
    expect(scenario.group.members.get('a')!.assignment).toHaveLength(0)
  })

  test('removes members that joined and sent no SyncGroup', () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    scenario.join('a')
    scenario.join('b')
    scenario.sync('a')
    scenario.completeWrite()
    expect(scenario.timers.get('sync')).toBe(60_000)
    scenario.expire('sync')
    expect([...scenario.group.members.keys()]).toEqual(['a'])
    expect(scenario.group.state).toBe('PreparingRebalance')
  })

  test('a repeated JoinGroup gets the same response; with other metadata it starts a rebalance', () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    expect(scenario.joinResponse(scenario.join('b'))).toMatchObject({ generationId: 1, leader: 'a', members: [] })
    expect(scenario.group.state).toBe('Stable')
    scenario.join('b', { metadata: 'changed' })
    expect(scenario.group.state).toBe('PreparingRebalance')
    scenario.join('a')
    expect(scenario.joinResponse(scenario.join('a')).members).toHaveLength(2)
    expect(scenario.group).toMatchObject({ state: 'CompletingRebalance', generation: 2 })
  })

  test("a leader's JoinGroup always starts one", () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    scenario.join('a')
    expect(scenario.group.state).toBe('PreparingRebalance')
  })

  test('a member that joins twice gets the response on its last connection', () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    const first = scenario.join('a')
    const second = scenario.join('a')
    expect(scenario.error(first)).toBe('REBALANCE_IN_PROGRESS')
    scenario.join('b')
    expect(scenario.joinResponse(second).generationId).toBe(2)
  })
})

describe('sync checks', () => {
  const scenario = GroupScenario.stable(['a'])
  test.each([
    ['a member that is not there', () => scenario.sync('x'), 'UNKNOWN_MEMBER_ID'],
    ['another generation', () => scenario.sync('a', { generation: 7 }), 'ILLEGAL_GENERATION'],
    ['another protocol type', () => scenario.sync('a', { protocolType: 'connect' }), 'INCONSISTENT_GROUP_PROTOCOL'],
    ['another protocol', () => scenario.sync('a', { protocol: 'sticky' }), 'INCONSISTENT_GROUP_PROTOCOL'],
    ['the right names', () => scenario.sync('a', { protocolType: 'consumer', protocol: 'range' }), 'NONE'],
  ])('%s', (_, act, expected) => expect(scenario.error(act())).toBe(expected))
})

describe('sessions', () => {
  test('a heartbeat renews one; without heartbeats it expires and the other members rebalance', () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    scenario.timers.clear()
    expect(scenario.heartbeat('b')).toBe('NONE')
    expect(scenario.timers.get('b')).toBe(10_000)
    scenario.expireSession('a')
    expect(scenario.group).toMatchObject({ state: 'PreparingRebalance', leader: 'b' })
    expect(scenario.joinResponse(scenario.join('b')).members).toHaveLength(1)
  })

  test('a member that waits for a response does not expire', () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    const b = scenario.join('b', { metadata: 'changed' })
    scenario.expireSession('b')
    scenario.join('a')
    expect(scenario.joinResponse(b).generationId).toBe(2)
  })

  test('a new member that waits too long gets UNKNOWN_MEMBER_ID', () => {
    const scenario = GroupScenario.stable(['a'])
    const b = scenario.join('', { newId: 'b' })
    expect(scenario.timers.get('b')).toBe(300_000)
    scenario.expireSession('b')
    expect(scenario.error(b)).toBe('UNKNOWN_MEMBER_ID')
    expect(scenario.joinResponse(b).memberId).toBe('')
  })

  test('heartbeats of unknown members, of older generations, of an empty group', () => {
    const scenario = GroupScenario.stable(['a'])
    expect(scenario.heartbeat('x')).toBe('UNKNOWN_MEMBER_ID')
    expect(scenario.heartbeat('a', 0)).toBe('ILLEGAL_GENERATION')
    expect(scenario.leave({ memberId: 'a' })).toEqual(['NONE'])
    expect(scenario.heartbeat('a')).toBe('UNKNOWN_MEMBER_ID')
  })
})

describe('connections that die while a JoinGroup waits', () => {
  test('a new member is removed, and the rebalance continues without it', () => {
    const scenario = GroupScenario.stable(['a'])
    const b = scenario.join('', { newId: 'b' })
    const a = scenario.join('a')
    expect(scenario.joinResponse(a).members).toHaveLength(2)
    const again = GroupScenario.stable(['a'])
    const c = again.join('', { newId: 'c' })
    again.apply({ type: 'disconnected', requestId: c })
    expect(again.joinResponse(again.join('a')).members).toHaveLength(1)
    expect(scenario.isPending(b)).toBe(false)
  })

  test('a member stays for one session, and does not become leader', () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    const a = scenario.join('a')
    scenario.apply({ type: 'disconnected', requestId: a })
    expect(scenario.timers.get('a')).toBe(10_000)
    const b = scenario.join('b')
    expect(scenario.joinResponse(b)).toMatchObject({ leader: 'b' })
    expect(scenario.joinResponse(b).members).toHaveLength(2)
    const gone = GroupScenario.stable(['a', 'b'])
    gone.apply({ type: 'disconnected', requestId: gone.join('a') })
    gone.expireSession('a')
    expect(gone.joinResponse(gone.join('b')).members).toHaveLength(1)
  })
})

describe('leaving', () => {
  test('after the last one the group is empty, and stored as such', () => {
    const scenario = GroupScenario.stable(['a'])
    scenario.now = 5000
    expect(scenario.leave({ memberId: 'a' })).toEqual(['NONE'])
    expect(scenario.group).toMatchObject({
      state: 'Empty',
      generation: 2,
      protocol: null,
      leader: null,
      protocolType: 'consumer',
      stateTimestamp: 5000,
    })
    expect(scenario.pendingWrites.at(-1)!.image.members.size).toBe(0)
    expect(scenario.error(scenario.join('a'))).toBe('UNKNOWN_MEMBER_ID')
  })

  test('one that waits in a rebalance gets a response; each unknown member gets an error', () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    const b = scenario.join('b', { metadata: 'changed' })
    expect(scenario.leave({ memberId: 'b' }, { memberId: 'x' }, { memberId: '' })).toEqual([
      'NONE',
      'UNKNOWN_MEMBER_ID',
      'UNKNOWN_MEMBER_ID',
    ])
    expect(scenario.error(b)).toBe('UNKNOWN_MEMBER_ID')
    expect(scenario.joinResponse(scenario.join('a')).members).toHaveLength(1)
  })
})

describe('KIP-345: static members', () => {
  const statics = (version9 = true) => GroupScenario.stable(['a', 'b'], {}, (id) => ({ instanceId: `i${id}`, canSkipAssignment: version9 }))

  test('one that rejoins replaces its instance without a rebalance, once that is stored', () => {
    const scenario = statics()
    const back = scenario.join('', { newId: 'b2', instanceId: 'ib' })
    expect(scenario.isPending(back)).toBe(true)
    expect([...scenario.pendingWrites[0]!.image.members.keys()]).toEqual(['a', 'b2'])
    scenario.completeWrite()
    expect(scenario.joinResponse(back)).toMatchObject({ errorCode: 0, memberId: 'b2', generationId: 1, leader: 'a', skipAssignment: false })
    expect(scenario.group.state).toBe('Stable')
    expect(text(scenario.syncResponse(scenario.sync('b2', { instanceId: 'ib' })).assignment)).toBe('for b')
    expect(scenario.heartbeat('b', 1, 'ib')).toBe('FENCED_INSTANCE_ID')
    expect(scenario.error(scenario.sync('b', { instanceId: 'ib' }))).toBe('FENCED_INSTANCE_ID')
    expect(scenario.error(scenario.join('b', { instanceId: 'ib' }))).toBe('FENCED_INSTANCE_ID')
    expect(checkCommit(scenario.group, 'b', 'ib', 1)).toBe('FENCED_INSTANCE_ID')
  })

  test('a leader that rejoins skips the assignment; an older client gets the former id of the leader', () => {
    const scenario = statics()
    const back = scenario.join('', { newId: 'a2', instanceId: 'ia' })
    scenario.completeWrite()
    expect(scenario.joinResponse(back)).toMatchObject({ leader: 'a2', memberId: 'a2', skipAssignment: true })
    expect(scenario.joinResponse(back).members).toHaveLength(2)
    const older = statics(false)
    const again = older.join('', { newId: 'a2', instanceId: 'ia', canSkipAssignment: false })
    older.completeWrite()
    expect(older.joinResponse(again)).toMatchObject({ leader: 'a', memberId: 'a2', members: [], skipAssignment: false })
  })

  test('a replacement that cannot be stored is reverted', () => {
    const scenario = statics()
    const back = scenario.join('', { newId: 'b2', instanceId: 'ib' })
    scenario.completeWrite('NOT_COORDINATOR')
    expect(scenario.error(back)).toBe('NOT_COORDINATOR')
    expect(scenario.heartbeat('b', 1, 'ib')).toBe('NONE')
    expect(scenario.group.members.has('b2')).toBe(false)
  })

  test('during a rebalance it replaces its instance and fences the requests under the old id', () => {
    const scenario = statics()
    const a = scenario.join('a', { instanceId: 'ia' })
    const twin = scenario.join('', { newId: 'a2', instanceId: 'ia' })
    expect(scenario.error(a)).toBe('FENCED_INSTANCE_ID')
    const b = scenario.join('b', { instanceId: 'ib' })
    expect(scenario.joinResponse(b).generationId).toBe(2)
    expect(scenario.joinResponse(twin)).toMatchObject({ leader: 'a2' })
    scenario.join('', { newId: 'b3', instanceId: 'ib' })
    expect(scenario.group.state).toBe('PreparingRebalance')
  })

  test('one that has not joined stays after the rebalance timeout, until its session expires', () => {
    const scenario = statics()
    const a = scenario.join('a', { instanceId: 'ia' })
    scenario.expire('join')
    expect(scenario.joinResponse(a).members.map((member) => member.memberId)).toEqual(['a', 'b'])
    scenario.expireSession('b')
    expect([...scenario.group.staticMembers.keys()]).toEqual(['ia'])
  })

  test('is removed by its instance id by an admin client', () => {
    const scenario = statics()
    expect(scenario.leave({ memberId: '', groupInstanceId: 'ib' }, { memberId: '', groupInstanceId: 'nobody' })).toEqual([
      'NONE',
      'UNKNOWN_MEMBER_ID',
    ])
    expect(scenario.leave({ memberId: 'x', groupInstanceId: 'ia' })).toEqual(['FENCED_INSTANCE_ID'])
    expect([...scenario.group.members.keys()]).toEqual(['a'])
  })
})

describe('commits', () => {
  test('by members of the present generation, also while the next one is prepared, not before its assignment', () => {
    const scenario = GroupScenario.stable(['a', 'b'])
    expect(checkCommit(scenario.group, 'a', null, 1)).toBe(null)
    expect(checkCommit(scenario.group, 'a', null, 0)).toBe('ILLEGAL_GENERATION')
    expect(checkCommit(scenario.group, 'x', null, 1)).toBe('UNKNOWN_MEMBER_ID')
    expect(checkCommit(scenario.group, '', null, -1)).toBe('UNKNOWN_MEMBER_ID')
    scenario.join('a')
    expect(checkCommit(scenario.group, 'b', null, 1)).toBe(null)
    scenario.join('b')
    expect(checkCommit(scenario.group, 'b', null, 2)).toBe('REBALANCE_IN_PROGRESS')
    expect(checkCommit(scenario.group, 'b', null, 1)).toBe('ILLEGAL_GENERATION')
  })

  test('without membership while the group is empty', () => {
    const scenario = GroupScenario.stable(['a'])
    scenario.leave({ memberId: 'a' })
    expect(checkCommit(scenario.group, '', null, -1)).toBe(null)
    scenario.apply({ type: 'close' })
    expect(checkCommit(scenario.group, '', null, -1)).toBe('COORDINATOR_NOT_AVAILABLE')
  })
})

test('Invariant 9, at random: one response per request, one leader, consistent members', () => {
  const ids = ['a', 'b', 'c', 'd']
  const act = fc.oneof(
    fc.record({
      kind: fc.constant('join' as const),
      id: fc.constantFrom(...ids),
      known: fc.boolean(),
      metadata: fc.constantFrom('', 'x'),
      isStatic: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('sync' as const), id: fc.constantFrom(...ids) }),
    fc.record({ kind: fc.constant('heartbeat' as const), id: fc.constantFrom(...ids) }),
    fc.record({ kind: fc.constant('leave' as const), id: fc.constantFrom(...ids) }),
    fc.record({ kind: fc.constant('silent' as const), id: fc.constantFrom(...ids) }),
    fc.record({ kind: fc.constantFrom('joinRings' as const, 'syncRings' as const, 'stored' as const, 'fails' as const) }),
    fc.record({ kind: fc.constant('disconnect' as const), requestId: fc.nat(30) }),
  )
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const scenario = new GroupScenario()
      const requested: number[] = []
      let serial = 0
      let generation = 0
      const named = (letter: string) => [...scenario.group.members.keys()].find((id) => id.startsWith(letter))
      const idOf = (letter: string) => named(letter) ?? 'nobody'
      for (const step of acts) {
        const before = scenario.group
        if (step.kind === 'join') {
          // The members whose ids begin with the letter: member ids are unique.
          const known = step.known ? named(step.id) : undefined
          const instanceId = step.isStatic ? `i${step.id}` : null
          requested.push(
            scenario.join(known ?? '', {
              newId: `${step.id}${++serial}`,
              metadata: step.metadata,
              instanceId: known ? scenario.group.members.get(known)!.instanceId : instanceId,
            }),
          )
        } else if (step.kind === 'sync') requested.push(scenario.sync(idOf(step.id)))
        else if (step.kind === 'heartbeat') scenario.heartbeat(idOf(step.id))
        else if (step.kind === 'leave') scenario.leave({ memberId: idOf(step.id) })
        else if (step.kind === 'silent') scenario.expireSession(idOf(step.id))
        else if (step.kind === 'joinRings') scenario.expire('join')
        else if (step.kind === 'syncRings') scenario.expire('sync')
        else if (step.kind === 'disconnect') scenario.apply({ type: 'disconnected', requestId: step.requestId })
        else if (scenario.pendingWrites.length > 0) scenario.completeWrite(step.kind === 'fails' ? 'NOT_COORDINATOR' : null)
        const { group } = scenario
        expect(group.generation).toBeGreaterThanOrEqual(generation)
        generation = group.generation
        expect(group.leader === null).toBe(group.members.size === 0)
        if (group.leader !== null) expect(group.members.has(group.leader)).toBe(true)
        expect(group.state === 'Empty' && group.members.size > 0).toBe(false)
        for (const [instance, id] of group.staticMembers) expect(group.members.get(id)?.instanceId).toBe(instance)
        for (const id of group.pendingSyncMembers) expect(group.members.has(id)).toBe(true)
        if (group.state === 'PreparingRebalance') expect(scenario.timers.has('join')).toBe(true)
        // The previous group is immutable.
        if (before !== group) expect(before.generation).toBeLessThanOrEqual(group.generation)
      }
      scenario.apply({ type: 'close' })
      for (const requestId of requested)
        expect(
          scenario.isPending(requestId) &&
            scenario.pendingWrites.every(({ purpose }) => purpose.kind !== 'replacement' || purpose.requestId !== requestId),
        ).toBe(false)
    }),
    { numRuns: 300 },
  )
})

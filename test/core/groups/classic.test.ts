/**
 * Goal: the classic group protocol does what Apache Kafka 4.3 does, in every state.
 * Method: stories. A pure group takes events one by one; answers, timers and records are what the events' effects say.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkCommit, selectProtocol } from '../../../core/groups/group.ts'
import { Story } from './story.ts'

const text = (buffer: Buffer) => buffer.toString()

describe('a first generation', () => {
  test('waits for the initial delay, longer while members come, and never past the rebalance timeout', () => {
    const story = new Story({ initialRebalanceDelayMs: 3000 })
    const a = story.join('', { newId: 'a', rebalanceTimeoutMs: 7000 })
    expect(story.group.state).toBe('PreparingRebalance')
    expect(story.timers.get('join')).toBe(3000)
    const b = story.join('', { newId: 'b', rebalanceTimeoutMs: 7000 })
    story.expire('join')
    expect(story.timers.get('join')).toBe(3000)
    const c = story.join('', { newId: 'c', rebalanceTimeoutMs: 7000 })
    story.expire('join')
    expect(story.timers.get('join')).toBe(1000)
    const d = story.join('', { newId: 'd', rebalanceTimeoutMs: 7000 })
    story.expire('join')
    expect(story.group).toMatchObject({ state: 'CompletingRebalance', generation: 1, leader: 'a', protocol: 'range' })
    expect(story.joinResponse(a)).toMatchObject({
      errorCode: 0,
      generationId: 1,
      leader: 'a',
      memberId: 'a',
      protocolName: 'range',
      protocolType: 'consumer',
    })
    expect(story.joinResponse(a).members.map((member) => member.memberId)).toEqual(['a', 'b', 'c', 'd'])
    for (const other of [b, c, d]) expect(story.joinResponse(other).members).toEqual([])
    expect(story.timers.get('b')).toBe(10_000)
  })

  test('hands out the assignment once it is stored, to those who wait and to those who come later', () => {
    const story = new Story({ initialRebalanceDelayMs: 0 })
    story.join('', { newId: 'a' })
    story.join('', { newId: 'b' })
    story.expire('join').expire('join')
    const b = story.sync('b')
    const a = story.sync('a', {
      assignments: new Map([
        ['a', Buffer.from('p0')],
        ['b', Buffer.from('p1')],
      ]),
    })
    expect(story.isPending(a) && story.isPending(b)).toBe(true)
    expect(story.pendingWrites[0]!.image).toMatchObject({ state: 'Stable', generation: 1 })
    expect(text(story.pendingWrites[0]!.image.members.get('b')!.assignment)).toBe('p1')
    story.completeWrite()
    expect(story.group.state).toBe('Stable')
    expect([text(story.syncResponse(a).assignment), text(story.syncResponse(b).assignment)]).toEqual(['p0', 'p1'])
    expect(text(story.syncResponse(story.sync('b')).assignment)).toBe('p1')
    expect(story.timers.has('sync')).toBe(false)
  })

  test('a member that the leader forgot gets an empty assignment', () => {
    const story = new Story()
    story.join('', { newId: 'a' })
    story.expire('join')
    const sync = story.sync('a', { assignments: new Map() })
    story.completeWrite()
    expect(story.syncResponse(sync)).toMatchObject({ errorCode: 0, protocolName: 'range' })
    expect(story.syncResponse(sync).assignment).toHaveLength(0)
  })

  test('a write that fails sends everybody back to join', () => {
    const story = new Story()
    story.join('', { newId: 'a' })
    story.expire('join')
    const sync = story.sync('a')
    story.completeWrite('NOT_COORDINATOR')
    expect(story.error(sync)).toBe('NOT_COORDINATOR')
    expect(story.group.state).toBe('PreparingRebalance')
  })

  test('a leader that syncs twice stores once', () => {
    const story = new Story()
    story.join('', { newId: 'a' })
    story.expire('join')
    const first = story.sync('a', { assignments: new Map([['a', Buffer.from('x')]]) })
    const second = story.sync('a', { assignments: new Map([['a', Buffer.from('y')]]) })
    expect(story.error(first)).toBe('REBALANCE_IN_PROGRESS')
    expect(story.pendingWrites).toHaveLength(1)
    story.completeWrite()
    expect(text(story.syncResponse(second).assignment)).toBe('x')
  })
})

describe('KIP-394: a member without an id gets one first', () => {
  test('and joins with it', () => {
    const story = new Story()
    const asked = story.join('', { newId: 'a', requiresKnownId: true })
    expect(story.error(asked)).toBe('MEMBER_ID_REQUIRED')
    expect(story.joinResponse(asked).memberId).toBe('a')
    expect(story.timers.get('a')).toBe(10_000)
    const joined = story.join('a')
    story.expire('join')
    expect(story.joinResponse(joined)).toMatchObject({ errorCode: 0, generationId: 1 })
  })

  test('a rebalance waits for an id that was given out, until its session ends', () => {
    const story = Story.stable(['a'])
    story.join('', { newId: 'b', requiresKnownId: true })
    const a = story.join('a')
    expect(story.isPending(a)).toBe(true)
    story.expireSession('b')
    expect(story.joinResponse(a).generationId).toBe(2)
  })

  test('an id that was given out may leave again, without a rebalance', () => {
    const story = Story.stable(['a'])
    story.join('', { newId: 'b', requiresKnownId: true })
    expect(story.leave({ memberId: 'b' })).toEqual(['NONE'])
    expect(story.group).toMatchObject({ state: 'Stable', generation: 1 })
    expect(story.error(story.join('b'))).toBe('UNKNOWN_MEMBER_ID')
  })

  test('ids that are given out are bounded', () => {
    const story = new Story({ maxPending: 2 })
    for (const newId of ['a', 'b']) story.join('', { newId, requiresKnownId: true })
    expect(story.error(story.join('', { newId: 'c', requiresKnownId: true }))).toBe('GROUP_MAX_SIZE_REACHED')
  })
})

describe('who may join', () => {
  test('nobody of another type, nobody without a protocol that all know', () => {
    const story = Story.stable(['a'])
    expect(story.error(story.join('', { protocolType: 'connect' }))).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(story.error(story.join('', { names: ['sticky'] }))).toBe('INCONSISTENT_GROUP_PROTOCOL')
    const empty = new Story()
    expect(empty.error(empty.join('', { protocolType: '' }))).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(empty.error(empty.join('', { names: [] }))).toBe('INCONSISTENT_GROUP_PROTOCOL')
  })

  test('an unknown member id is told so', () => {
    const story = Story.stable(['a'])
    expect(story.error(story.join('nobody'))).toBe('UNKNOWN_MEMBER_ID')
  })

  test('no more than group.max.size; members come back all the same', () => {
    const story = Story.stable(['a', 'b'], { maxSize: 2 })
    expect(story.error(story.join('', { newId: 'c' }))).toBe('GROUP_MAX_SIZE_REACHED')
    const a = story.join('a')
    const b = story.join('b')
    expect([story.joinResponse(a).generationId, story.joinResponse(b).generationId]).toEqual([2, 2])
  })

  test('the protocol is the one that most members prefer among those that all know', () => {
    const story = new Story()
    story.join('', { newId: 'a', names: ['range', 'sticky'] })
    story.join('', { newId: 'b', names: ['sticky', 'range'] })
    story.join('', { newId: 'c', names: ['cooperative', 'sticky', 'range'] })
    expect(selectProtocol(story.group)).toBe('sticky')
  })
})

describe('a rebalance', () => {
  test('is told in heartbeats; members that come again share the next generation', () => {
    const story = Story.stable(['a', 'b'])
    const c = story.join('', { newId: 'c' })
    expect(story.heartbeat('a')).toBe('REBALANCE_IN_PROGRESS')
    expect(story.timers.get('join')).toBe(60_000)
    const b = story.join('b')
    expect(story.isPending(c)).toBe(true)
    const a = story.join('a')
    expect(story.joinResponse(a).members.map((member) => member.memberId)).toEqual(['a', 'b', 'c'])
    expect([a, b, c].map((requestId) => story.joinResponse(requestId).generationId)).toEqual([2, 2, 2])
    expect(story.timers.has('join')).toBe(false)
  })

  test('leaves laggards behind at its timeout and gives the lead to one who is there', () => {
    const story = Story.stable(['a', 'b'])
    const b = story.join('b', { metadata: 'changed' })
    story.expire('join')
    expect(story.joinResponse(b)).toMatchObject({ leader: 'b', generationId: 2 })
    expect([...story.group.members.keys()]).toEqual(['b'])
    expect(story.heartbeat('a', 1)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('sends those who wait for an assignment back to join', () => {
    const story = Story.stable(['a', 'b'])
    story.join('a')
    story.join('b')
    const b = story.sync('b')
    story.join('', { newId: 'c' })
    expect(story.error(b)).toBe('REBALANCE_IN_PROGRESS')
    expect(story.error(story.sync('a'))).toBe('REBALANCE_IN_PROGRESS')
  })

  test('an assignment stored for an older generation is not handed out', () => {
    const story = Story.stable(['a'])
    story.join('a')
    story.sync('a', { assignments: new Map([['a', Buffer.from('old')]]) })
    story.join('a', { metadata: 'changed' })
    expect(story.group).toMatchObject({ state: 'CompletingRebalance', generation: 3 })
    story.completeWrite()
    expect(story.group.state).toBe('CompletingRebalance')
    expect(story.group.members.get('a')!.assignment).toHaveLength(0)
  })

  test('puts out who joined and did not come for an assignment', () => {
    const story = Story.stable(['a', 'b'])
    story.join('a')
    story.join('b')
    story.sync('a')
    story.completeWrite()
    expect(story.timers.get('sync')).toBe(60_000)
    story.expire('sync')
    expect([...story.group.members.keys()]).toEqual(['a'])
    expect(story.group.state).toBe('PreparingRebalance')
  })

  test('a repeated JoinGroup is answered as before; with other metadata it begins a rebalance', () => {
    const story = Story.stable(['a', 'b'])
    expect(story.joinResponse(story.join('b'))).toMatchObject({ generationId: 1, leader: 'a', members: [] })
    expect(story.group.state).toBe('Stable')
    story.join('b', { metadata: 'changed' })
    expect(story.group.state).toBe('PreparingRebalance')
    story.join('a')
    expect(story.joinResponse(story.join('a')).members).toHaveLength(2)
    expect(story.group).toMatchObject({ state: 'CompletingRebalance', generation: 2 })
  })

  test("a leader's JoinGroup always begins one", () => {
    const story = Story.stable(['a', 'b'])
    story.join('a')
    expect(story.group.state).toBe('PreparingRebalance')
  })

  test('a member that joins twice is answered on its last connection', () => {
    const story = Story.stable(['a', 'b'])
    const first = story.join('a')
    const second = story.join('a')
    expect(story.error(first)).toBe('REBALANCE_IN_PROGRESS')
    story.join('b')
    expect(story.joinResponse(second).generationId).toBe(2)
  })
})

describe('sync checks', () => {
  const story = Story.stable(['a'])
  test.each([
    ['a member that is not there', () => story.sync('x'), 'UNKNOWN_MEMBER_ID'],
    ['another generation', () => story.sync('a', { generation: 7 }), 'ILLEGAL_GENERATION'],
    ['another protocol type', () => story.sync('a', { protocolType: 'connect' }), 'INCONSISTENT_GROUP_PROTOCOL'],
    ['another protocol', () => story.sync('a', { protocol: 'sticky' }), 'INCONSISTENT_GROUP_PROTOCOL'],
    ['the right names', () => story.sync('a', { protocolType: 'consumer', protocol: 'range' }), 'NONE'],
  ])('%s', (_, act, expected) => expect(story.error(act())).toBe(expected))
})

describe('sessions', () => {
  test('a heartbeat renews one; silence ends it and the others share anew', () => {
    const story = Story.stable(['a', 'b'])
    story.timers.clear()
    expect(story.heartbeat('b')).toBe('NONE')
    expect(story.timers.get('b')).toBe(10_000)
    story.expireSession('a')
    expect(story.group).toMatchObject({ state: 'PreparingRebalance', leader: 'b' })
    expect(story.joinResponse(story.join('b')).members).toHaveLength(1)
  })

  test('who waits for an answer is not silent', () => {
    const story = Story.stable(['a', 'b'])
    const b = story.join('b', { metadata: 'changed' })
    story.expireSession('b')
    story.join('a')
    expect(story.joinResponse(b).generationId).toBe(2)
  })

  test('a newcomer that waits too long is told to begin anew', () => {
    const story = Story.stable(['a'])
    const b = story.join('', { newId: 'b' })
    expect(story.timers.get('b')).toBe(300_000)
    story.expireSession('b')
    expect(story.error(b)).toBe('UNKNOWN_MEMBER_ID')
    expect(story.joinResponse(b).memberId).toBe('')
  })

  test('heartbeats of strangers, of older generations, of nobody', () => {
    const story = Story.stable(['a'])
    expect(story.heartbeat('x')).toBe('UNKNOWN_MEMBER_ID')
    expect(story.heartbeat('a', 0)).toBe('ILLEGAL_GENERATION')
    expect(story.leave({ memberId: 'a' })).toEqual(['NONE'])
    expect(story.heartbeat('a')).toBe('UNKNOWN_MEMBER_ID')
  })
})

describe('connections that die while a JoinGroup waits', () => {
  test('a newcomer is forgotten, and the rebalance goes on without it', () => {
    const story = Story.stable(['a'])
    const b = story.join('', { newId: 'b' })
    const a = story.join('a')
    expect(story.joinResponse(a).members).toHaveLength(2)
    const again = Story.stable(['a'])
    const c = again.join('', { newId: 'c' })
    again.apply({ type: 'disconnected', requestId: c })
    expect(again.joinResponse(again.join('a')).members).toHaveLength(1)
    expect(story.isPending(b)).toBe(false)
  })

  test('a member keeps its place for one session, and does not lead', () => {
    const story = Story.stable(['a', 'b'])
    const a = story.join('a')
    story.apply({ type: 'disconnected', requestId: a })
    expect(story.timers.get('a')).toBe(10_000)
    const b = story.join('b')
    expect(story.joinResponse(b)).toMatchObject({ leader: 'b' })
    expect(story.joinResponse(b).members).toHaveLength(2)
    const gone = Story.stable(['a', 'b'])
    gone.apply({ type: 'disconnected', requestId: gone.join('a') })
    gone.expireSession('a')
    expect(gone.joinResponse(gone.join('b')).members).toHaveLength(1)
  })
})

describe('leaving', () => {
  test('the last one leaves an empty group behind, stored as such', () => {
    const story = Story.stable(['a'])
    story.now = 5000
    expect(story.leave({ memberId: 'a' })).toEqual(['NONE'])
    expect(story.group).toMatchObject({
      state: 'Empty',
      generation: 2,
      protocol: null,
      leader: null,
      protocolType: 'consumer',
      stateTimestamp: 5000,
    })
    expect(story.pendingWrites.at(-1)!.image.members.size).toBe(0)
    expect(story.error(story.join('a'))).toBe('UNKNOWN_MEMBER_ID')
  })

  test('one that waits in a rebalance is answered; strangers get an error each', () => {
    const story = Story.stable(['a', 'b'])
    const b = story.join('b', { metadata: 'changed' })
    expect(story.leave({ memberId: 'b' }, { memberId: 'x' }, { memberId: '' })).toEqual(['NONE', 'UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'])
    expect(story.error(b)).toBe('UNKNOWN_MEMBER_ID')
    expect(story.joinResponse(story.join('a')).members).toHaveLength(1)
  })
})

describe('KIP-345: static members', () => {
  const statics = (version9 = true) => Story.stable(['a', 'b'], {}, (id) => ({ instanceId: `i${id}`, canSkipAssignment: version9 }))

  test('one that comes back takes its place without a rebalance, once that is stored', () => {
    const story = statics()
    const back = story.join('', { newId: 'b2', instanceId: 'ib' })
    expect(story.isPending(back)).toBe(true)
    expect([...story.pendingWrites[0]!.image.members.keys()]).toEqual(['a', 'b2'])
    story.completeWrite()
    expect(story.joinResponse(back)).toMatchObject({ errorCode: 0, memberId: 'b2', generationId: 1, leader: 'a', skipAssignment: false })
    expect(story.group.state).toBe('Stable')
    expect(text(story.syncResponse(story.sync('b2', { instanceId: 'ib' })).assignment)).toBe('for b')
    expect(story.heartbeat('b', 1, 'ib')).toBe('FENCED_INSTANCE_ID')
    expect(story.error(story.sync('b', { instanceId: 'ib' }))).toBe('FENCED_INSTANCE_ID')
    expect(story.error(story.join('b', { instanceId: 'ib' }))).toBe('FENCED_INSTANCE_ID')
    expect(checkCommit(story.group, 'b', 'ib', 1)).toBe('FENCED_INSTANCE_ID')
  })

  test('a leader that comes back is told not to assign; an older client is told of its former id', () => {
    const story = statics()
    const back = story.join('', { newId: 'a2', instanceId: 'ia' })
    story.completeWrite()
    expect(story.joinResponse(back)).toMatchObject({ leader: 'a2', memberId: 'a2', skipAssignment: true })
    expect(story.joinResponse(back).members).toHaveLength(2)
    const older = statics(false)
    const again = older.join('', { newId: 'a2', instanceId: 'ia', canSkipAssignment: false })
    older.completeWrite()
    expect(older.joinResponse(again)).toMatchObject({ leader: 'a', memberId: 'a2', members: [], skipAssignment: false })
  })

  test('what cannot be stored is taken back', () => {
    const story = statics()
    const back = story.join('', { newId: 'b2', instanceId: 'ib' })
    story.completeWrite('NOT_COORDINATOR')
    expect(story.error(back)).toBe('NOT_COORDINATOR')
    expect(story.heartbeat('b', 1, 'ib')).toBe('NONE')
    expect(story.group.members.has('b2')).toBe(false)
  })

  test('in the middle of a rebalance it replaces itself and fences who waits under the old id', () => {
    const story = statics()
    const a = story.join('a', { instanceId: 'ia' })
    const twin = story.join('', { newId: 'a2', instanceId: 'ia' })
    expect(story.error(a)).toBe('FENCED_INSTANCE_ID')
    const b = story.join('b', { instanceId: 'ib' })
    expect(story.joinResponse(b).generationId).toBe(2)
    expect(story.joinResponse(twin)).toMatchObject({ leader: 'a2' })
    story.join('', { newId: 'b3', instanceId: 'ib' })
    expect(story.group.state).toBe('PreparingRebalance')
  })

  test('one that is away keeps its place at the rebalance timeout, not past its session', () => {
    const story = statics()
    const a = story.join('a', { instanceId: 'ia' })
    story.expire('join')
    expect(story.joinResponse(a).members.map((member) => member.memberId)).toEqual(['a', 'b'])
    story.expireSession('b')
    expect([...story.group.staticMembers.keys()]).toEqual(['ia'])
  })

  test('leaves by its instance id alone, when an administrator says so', () => {
    const story = statics()
    expect(story.leave({ memberId: '', groupInstanceId: 'ib' }, { memberId: '', groupInstanceId: 'nobody' })).toEqual([
      'NONE',
      'UNKNOWN_MEMBER_ID',
    ])
    expect(story.leave({ memberId: 'x', groupInstanceId: 'ia' })).toEqual(['FENCED_INSTANCE_ID'])
    expect([...story.group.members.keys()]).toEqual(['a'])
  })
})

describe('commits', () => {
  test('by members of the present generation, also while the next one gathers, not before its assignment is there', () => {
    const story = Story.stable(['a', 'b'])
    expect(checkCommit(story.group, 'a', null, 1)).toBe(null)
    expect(checkCommit(story.group, 'a', null, 0)).toBe('ILLEGAL_GENERATION')
    expect(checkCommit(story.group, 'x', null, 1)).toBe('UNKNOWN_MEMBER_ID')
    expect(checkCommit(story.group, '', null, -1)).toBe('UNKNOWN_MEMBER_ID')
    story.join('a')
    expect(checkCommit(story.group, 'b', null, 1)).toBe(null)
    story.join('b')
    expect(checkCommit(story.group, 'b', null, 2)).toBe('REBALANCE_IN_PROGRESS')
    expect(checkCommit(story.group, 'b', null, 1)).toBe('ILLEGAL_GENERATION')
  })

  test('without membership while the group is empty', () => {
    const story = Story.stable(['a'])
    story.leave({ memberId: 'a' })
    expect(checkCommit(story.group, '', null, -1)).toBe(null)
    story.apply({ type: 'close' })
    expect(checkCommit(story.group, '', null, -1)).toBe('COORDINATOR_NOT_AVAILABLE')
  })
})

test('Invariant 9, at random: one answer per request, one leader, no member without a place', () => {
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
      const story = new Story()
      const asked: number[] = []
      let serial = 0
      let generation = 0
      const named = (letter: string) => [...story.group.members.keys()].find((id) => id.startsWith(letter))
      const idOf = (letter: string) => named(letter) ?? 'nobody'
      for (const step of acts) {
        const before = story.group
        if (step.kind === 'join') {
          // The members whose names begin with the letter: ids are never given twice.
          const known = step.known ? named(step.id) : undefined
          const instanceId = step.isStatic ? `i${step.id}` : null
          asked.push(
            story.join(known ?? '', {
              newId: `${step.id}${++serial}`,
              metadata: step.metadata,
              instanceId: known ? story.group.members.get(known)!.instanceId : instanceId,
            }),
          )
        } else if (step.kind === 'sync') asked.push(story.sync(idOf(step.id)))
        else if (step.kind === 'heartbeat') story.heartbeat(idOf(step.id))
        else if (step.kind === 'leave') story.leave({ memberId: idOf(step.id) })
        else if (step.kind === 'silent') story.expireSession(idOf(step.id))
        else if (step.kind === 'joinRings') story.expire('join')
        else if (step.kind === 'syncRings') story.expire('sync')
        else if (step.kind === 'disconnect') story.apply({ type: 'disconnected', requestId: step.requestId })
        else if (story.pendingWrites.length > 0) story.completeWrite(step.kind === 'fails' ? 'NOT_COORDINATOR' : null)
        const { group } = story
        expect(group.generation).toBeGreaterThanOrEqual(generation)
        generation = group.generation
        expect(group.leader === null).toBe(group.members.size === 0)
        if (group.leader !== null) expect(group.members.has(group.leader)).toBe(true)
        expect(group.state === 'Empty' && group.members.size > 0).toBe(false)
        for (const [instance, id] of group.staticMembers) expect(group.members.get(id)?.instanceId).toBe(instance)
        for (const id of group.pendingSyncMembers) expect(group.members.has(id)).toBe(true)
        if (group.state === 'PreparingRebalance') expect(story.timers.has('join')).toBe(true)
        // The past is a value that nobody changes.
        if (before !== group) expect(before.generation).toBeLessThanOrEqual(group.generation)
      }
      story.apply({ type: 'close' })
      for (const requestId of asked)
        expect(
          story.isPending(requestId) &&
            story.pendingWrites.every(({ purpose }) => purpose.kind !== 'replacement' || purpose.requestId !== requestId),
        ).toBe(false)
    }),
    { numRuns: 300 },
  )
})

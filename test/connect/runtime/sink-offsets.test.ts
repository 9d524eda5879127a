/**
 * Goal: Invariant 7: whatever a sink names, and whatever partitions come and go, nothing is committed that was not delivered since the
 * partition was assigned, and what is not committed keeps the task flushing. Method: random histories of a task, compared with the
 * definition (fast-check).
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SinkOffsets } from '../../../connect/runtime/sink-offsets.ts'

const partition = fc.nat({ max: 2 }).map((n) => ({ topic: 't', partition: n }))
const step = fc.oneof(
  fc.record({ what: fc.constantFrom('assign' as const, 'revoke' as const, 'poll' as const, 'rewind' as const), of: partition }),
  fc.record({ what: fc.constant('deliver' as const), of: partition, offset: fc.nat({ max: 9 }) }),
  fc.record({ what: fc.constant('flush' as const), of: partition, offset: fc.nat({ max: 9 }) }),
  fc.record({ what: fc.constant('flush all' as const), of: partition }),
)

interface Delivered {
  next: number | null
  committed: number | null
}

test('only what is delivered is committed, and what is delivered and not committed makes the task flush', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const offsets = new SinkOffsets()
      const model = new Map<number, Delivered>()
      const goneSincePoll = new Set<number>()
      for (const one of steps) {
        const { of } = one
        const entry = model.get(of.partition)
        if (one.what === 'assign') {
          offsets.assigned([of])
          model.set(of.partition, { next: null, committed: null })
        } else if (one.what === 'revoke') {
          offsets.revoked([of])
          model.delete(of.partition)
          goneSincePoll.add(of.partition)
        } else if (one.what === 'poll') {
          offsets.polled()
          goneSincePoll.clear()
        } else if (one.what === 'rewind') {
          offsets.rewound()
          for (const each of model.values()) each.next = null
        } else if (one.what === 'deliver') {
          offsets.delivered(of, one.offset)
          if (entry && !goneSincePoll.has(of.partition)) entry.next = one.offset
        } else if (one.what === 'flush') {
          const named = [{ ...of, offset: one.offset }]
          if (entry && entry.next !== null && one.offset > entry.next) {
            expect(() => offsets.committable(named)).toThrow(`and it was given records up to ${entry.next}`)
            continue
          }
          const committable = offsets.committable(named)
          expect(committable).toEqual(entry && entry.next !== null && entry.committed !== one.offset ? named : [])
          offsets.committed(committable)
          if (entry && committable.length > 0) entry.committed = one.offset
        } else {
          const committable = offsets.committable(null)
          const wanted = [...model].filter(([, { next, committed }]) => next !== null && next !== committed)
          expect(committable.map((each) => [each.partition, each.offset])).toEqual(wanted.map(([number, { next }]) => [number, next]))
          offsets.committed(committable)
          for (const [, each] of wanted) each.committed = each.next
        }
        const uncommitted = [...model.values()].some(({ next, committed }) => next !== null && next !== committed)
        // It may flush once too often, never too little.
        if (uncommitted) expect(offsets.dirty).toBe(true)
      }
    }),
  )
})

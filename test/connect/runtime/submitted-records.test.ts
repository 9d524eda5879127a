/**
 * Goal: Invariant 6: a position may be stored only after its records, and all before them in its source partition, are acknowledged.
 * Method: examples, and random orders of acknowledgement compared with the definition (fast-check).
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SubmittedRecords } from '../../../connect/runtime/submitted-records.ts'

const at = (part: string, n: number) => ({ partition: { part }, offset: { n } })

test('an unacknowledged batch delays its own source partition, and no other', () => {
  const acks = new SubmittedRecords()
  const first = acks.submit([at('a', 1)])
  const second = acks.submit([at('a', 2)])
  const other = acks.submit([at('b', 1)])
  second.ack()
  other.ack()
  expect(acks.committablePositions()).toEqual([at('b', 1)])
  first.ack()
  expect(acks.committablePositions()).toEqual([at('a', 2)])
  expect(acks.committablePositions()).toEqual([])
})

test('restored positions are committable again, unless there are newer ones', () => {
  const acks = new SubmittedRecords()
  acks.submit([at('a', 1), at('b', 1)]).ack()
  const taken = acks.committablePositions()
  acks.submit([at('a', 2)]).ack()
  acks.restore(taken)
  expect(acks.committablePositions().sort((x, y) => (x.partition.part! < y.partition.part! ? -1 : 1))).toEqual([at('a', 2), at('b', 1)])
})

test('the order of names in a source partition does not matter', () => {
  const acks = new SubmittedRecords()
  const first = acks.submit([{ partition: { x: 1, y: 2 }, offset: { n: 1 } }])
  acks.submit([{ partition: { y: 2, x: 1 }, offset: { n: 2 } }]).ack()
  expect(acks.committablePositions()).toEqual([])
  first.ack()
  expect(acks.committablePositions()).toHaveLength(1)
})

test('in any order of acknowledgements, the committable position is the end of the acknowledged prefix', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }), { maxLength: 30 }),
      fc.infiniteStream(fc.nat()),
      (batches, order) => {
        const acks = new SubmittedRecords()
        const tickets = batches.map((parts, n) => ({
          parts: [...new Set(parts)],
          n,
          ticket: acks.submit([...new Set(parts)].map((part) => at(part, n))),
        }))
        const waiting = [...tickets]
        const done = new Set<number>()
        const stored = new Map<string, number>()
        while (waiting.length > 0) {
          const [next] = waiting.splice(order.next().value! % waiting.length, 1)
          next!.ticket.ack()
          done.add(next!.n)
          for (const { partition, offset } of acks.committablePositions()) stored.set(String(partition.part), Number(offset.n))
          for (const part of ['a', 'b', 'c']) {
            const mine = tickets.filter((one) => one.parts.includes(part as 'a'))
            const gap = mine.findIndex((one) => !done.has(one.n))
            const last = gap === -1 ? mine.at(-1)?.n : mine[gap - 1]?.n
            expect(stored.get(part as string)).toBe(last)
          }
        }
      },
    ),
  )
})

/**
 * Topic by topic, each member gets neighbouring partitions, the first members one more where it does not come out even.
 */
import type { TopicPartition } from '../../types.ts'
import { type Assignor, inOrder } from './assignor.ts'

export const range: Assignor = {
  name: 'range',
  cooperative: false,
  assign(partitionCounts, members) {
    const ordered = inOrder(members)
    const assignment = new Map<string, TopicPartition[]>(members.map((member) => [member.memberId, []]))
    for (const topic of [...partitionCounts.keys()].sort()) {
      const readers = ordered.filter((member) => member.topics.includes(topic))
      const count = partitionCounts.get(topic)!
      const each = Math.floor(count / readers.length)
      const more = count % readers.length
      let next = 0
      readers.forEach((member, index) => {
        const end = next + each + (index < more ? 1 : 0)
        for (; next < end; next++) assignment.get(member.memberId)!.push({ topic, partition: next })
      })
    }
    return assignment
  },
}

/**
 * Topic by topic, each member gets a range of partitions; the first members get one more where the division leaves a remainder.
 */
import type { TopicPartition } from '../../types.ts'
import { type Assignor, orderMembers } from './assignor.ts'

export const range: Assignor = {
  name: 'range',
  cooperative: false,
  assign(partitionCounts, members) {
    const ordered = orderMembers(members)
    const assignment = new Map<string, TopicPartition[]>(members.map((member) => [member.memberId, []]))
    for (const topic of [...partitionCounts.keys()].sort()) {
      const subscribed = ordered.filter((member) => member.topics.includes(topic))
      const count = partitionCounts.get(topic)!
      const perMember = Math.floor(count / subscribed.length)
      const remainder = count % subscribed.length
      let next = 0
      subscribed.forEach((member, index) => {
        const end = next + perMember + (index < remainder ? 1 : 0)
        for (; next < end; next++) assignment.get(member.memberId)!.push({ topic, partition: next })
      })
    }
    return assignment
  },
}

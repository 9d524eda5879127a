/**
 * All partitions of all topics in order, dealt out to the members one by one; a member that does not read the topic is passed over.
 */
import type { TopicPartition } from '../../types.ts'
import { type Assignor, inOrder } from './assignor.ts'

export const roundRobin: Assignor = {
  name: 'roundrobin',
  cooperative: false,
  assign(partitionCounts, members) {
    const ordered = inOrder(members)
    const topicsOf = new Map(ordered.map((member) => [member.memberId, new Set(member.topics)]))
    const assignment = new Map<string, TopicPartition[]>(members.map((member) => [member.memberId, []]))
    let turn = 0
    for (const topic of [...partitionCounts.keys()].sort()) {
      if (!ordered.some((member) => topicsOf.get(member.memberId)!.has(topic))) continue
      for (let partition = 0; partition < partitionCounts.get(topic)!; partition++) {
        while (!topicsOf.get(ordered[turn % ordered.length]!.memberId)!.has(topic)) turn++
        assignment.get(ordered[turn++ % ordered.length]!.memberId)!.push({ topic, partition })
      }
    }
    return assignment
  },
}

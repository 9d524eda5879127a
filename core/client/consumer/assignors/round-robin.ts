/**
 * All partitions of all topics in order, one to each member in turn; a member that does not subscribe to the topic is skipped.
 */
import type { TopicPartition } from '../../types.ts'
import { type Assignor, orderMembers } from './assignor.ts'

export const roundRobin: Assignor = {
  name: 'roundrobin',
  cooperative: false,
  assign(partitionCounts, members) {
    const ordered = orderMembers(members)
    const topicsOf = new Map(ordered.map((member) => [member.memberId, new Set(member.topics)]))
    const assignment = new Map<string, TopicPartition[]>(members.map((member) => [member.memberId, []]))
    let next = 0
    for (const topic of [...partitionCounts.keys()].sort()) {
      if (!ordered.some((member) => topicsOf.get(member.memberId)!.has(topic))) continue
      for (let partition = 0; partition < partitionCounts.get(topic)!; partition++) {
        while (!topicsOf.get(ordered[next % ordered.length]!.memberId)!.has(topic)) next++
        assignment.get(ordered[next++ % ordered.length]!.memberId)!.push({ topic, partition })
      }
    }
    return assignment
  },
}

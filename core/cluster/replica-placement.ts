/**
 * Elections and reassignments of partitions, on request: each partition is decided on its own, those that change are one batch of the
 * metadata log, and their logs get the new leader epochs. The caller runs one change at a time.
 */
import { KafkaError } from '../errors.ts'
import type { Logs } from '../log/types.ts'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'
import { type ChangeResult, isDone, outcomeOf } from './change-result.ts'
import type { Configs } from './configs.ts'
import type { Controller } from './controller.ts'
import type { PartitionState } from './image/partition-state.ts'
import { electionError, electionTypes, reassign } from './replica-changes.ts'
import type { ElectionResults, Reassignment, Topic } from './types.ts'

export interface ReplicaPlacementParts {
  readonly nodeId: number
  readonly controller: Controller
  readonly configs: Configs
  readonly logs: Logs
}

export class ReplicaPlacement {
  readonly #nodeId: number
  readonly #controller: Controller
  readonly #configs: Configs
  readonly #logs: Logs

  constructor({ nodeId, controller, configs, logs }: ReplicaPlacementParts) {
    this.#nodeId = nodeId
    this.#controller = controller
    this.#configs = configs
    this.#logs = logs
  }

  /** Null for all partitions: those that need no election are left out then. Throws INVALID_REQUEST for an unknown type. */
  elect(electionType: number, asked: readonly { topic: string; partitions: readonly number[] }[] | null): ElectionResults {
    if (!(Object.values(electionTypes) as number[]).includes(electionType))
      throw new KafkaError('INVALID_REQUEST', `Unknown election type ${electionType}`)
    const { image } = this.#controller
    if (asked !== null)
      return asked.map(({ topic: name, partitions }) => {
        const error = (partition: number) => {
          if (!image.topic(name)) return new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `No such topic as ${name}`)
          const state = image.partitionState(name, partition)
          return state
            ? electionError(state, electionType)
            : new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `No such partition as ${name}-${partition}`)
        }
        return { topic: name, partitions: partitions.map((partition) => ({ partition, error: error(partition) })) }
      })
    return [...image.topics()].map(({ name, partitions }) => {
      const errors = Array.from({ length: partitions }, (_, partition) => ({
        partition,
        error: electionError(image.partitionState(name, partition)!, electionType),
      }))
      return { topic: name, partitions: errors.filter(({ error }) => error.error !== 'ELECTION_NOT_NEEDED') }
    })
  }

  /** Inside a change of the controller. */
  async reassign(reassignments: readonly Reassignment[], allowReplicationFactorChange: boolean): Promise<ChangeResult<null>[]> {
    const { image } = this.#controller
    const outcomes = reassignments.map((reassignment) =>
      outcomeOf(() => {
        const { topic, state } = this.#existing(reassignment)
        const uncleanLeaderElection = this.#configs.topicValues(topic.configs)['unclean.leader.election.enable']
        const rules = { nodeId: this.#nodeId, allowReplicationFactorChange, uncleanLeaderElection }
        const change = reassign(state, reassignment, rules)
        const { partition: partitionId } = reassignment
        return change ? { topic, record: { type: 'PartitionChangeRecord', partitionId, topicId: topic.id, ...change } as const } : null
      }),
    )
    const changed = outcomes.filter(isDone).filter((outcome) => outcome !== null)
    await this.#controller.write(changed.map(({ record }): NewMetadataRecord => record))
    for (const { topic, record } of changed) {
      const { leader, leaderEpoch } = image.partitionState(topic.name, record.partitionId)!
      if (leader === this.#nodeId) this.#logs.get(topic.name, record.partitionId)?.lead(leaderEpoch)
    }
    return outcomes.map((outcome) => (isDone(outcome) ? null : outcome))
  }

  #existing({ topic: name, partition }: Reassignment): { topic: Topic; state: PartitionState } {
    const { image } = this.#controller
    const topic = image.topic(name)
    if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find a topic named ${name}.`)
    const state = image.partitionState(name, partition)
    if (!state) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find partition ${name}:${partition}.`)
    return { topic, state }
  }
}

/**
 * What AlterUserScramCredentials changes: the outcome of each user, and the records of those that are valid, as Kafka's controller. The
 * salted password of a client becomes the keys that are stored. Pure.
 */
import { KafkaError } from '../errors.ts'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'
import type { ScramCredential } from './image/credentials-image.ts'

export interface ScramDeletion {
  readonly name: string
  readonly mechanism: number
}

export interface ScramUpsertion extends ScramDeletion {
  readonly iterations: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

export interface ScramOutcome {
  readonly user: string
  readonly error: KafkaError | null
}

/** SCRAM-SHA-256 and SCRAM-SHA-512. */
const mechanisms = [1, 2]
const MIN_ITERATIONS = 4096
const MAX_ITERATIONS = 16_384

export interface ScramState {
  /** Of metadata.version. */
  readonly isSupported: boolean
  credential(mechanism: number, user: string): ScramCredential | undefined
}

function check({ name, mechanism }: ScramDeletion, { isSupported }: ScramState): void {
  if (!isSupported) throw new KafkaError('UNSUPPORTED_VERSION', 'The current metadata.version does not support SCRAM')
  if (name === '') throw new KafkaError('UNACCEPTABLE_CREDENTIAL', 'Username must not be empty')
  if (!mechanisms.includes(mechanism)) throw new KafkaError('UNSUPPORTED_SASL_MECHANISM', 'Unknown SCRAM mechanism')
}

function checkDeletion(deletion: ScramDeletion, state: ScramState): void {
  check(deletion, state)
  if (!state.credential(deletion.mechanism, deletion.name))
    throw new KafkaError('RESOURCE_NOT_FOUND', 'Attempt to delete a user credential that does not exist')
}

function checkUpsertion(upsertion: ScramUpsertion, state: ScramState): void {
  check(upsertion, state)
  if (upsertion.iterations < MIN_ITERATIONS) throw new KafkaError('UNACCEPTABLE_CREDENTIAL', 'Too few iterations')
  if (upsertion.iterations > MAX_ITERATIONS) throw new KafkaError('UNACCEPTABLE_CREDENTIAL', 'Too many iterations')
}

export function scramChanges(
  deletions: readonly ScramDeletion[],
  upsertions: readonly ScramUpsertion[],
  state: ScramState,
): { outcomes: ScramOutcome[]; records: NewMetadataRecord[] } {
  const changes = new Map<string, NewMetadataRecord | KafkaError>()
  const add = (user: string, record: () => NewMetadataRecord) => {
    const before = changes.get(user)
    if (before instanceof KafkaError) return
    if (before) {
      changes.set(user, new KafkaError('DUPLICATE_RESOURCE', 'A user credential cannot be altered twice in the same request'))
      return
    }
    try {
      changes.set(user, record())
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      changes.set(user, error)
    }
  }
  for (const deletion of deletions)
    add(deletion.name, () => {
      checkDeletion(deletion, state)
      return { type: 'RemoveUserScramCredentialRecord', name: deletion.name, mechanism: deletion.mechanism }
    })
  for (const upsertion of upsertions)
    add(upsertion.name, () => {
      checkUpsertion(upsertion, state)
      return { type: 'UserScramCredentialRecord', ...upsertion }
    })
  const outcomes = [...changes].map(([user, change]) => ({ user, error: change instanceof KafkaError ? change : null }))
  const records = [...changes.values()].filter((change): change is NewMetadataRecord => !(change instanceof KafkaError))
  return { outcomes, records }
}

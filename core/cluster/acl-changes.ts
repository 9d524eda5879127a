/**
 * What CreateAcls and DeleteAcls change: the outcome of each entry or filter, and the entries that get a record, as Kafka's controller. One
 * that exists is created without a record. Bounded, as the records are one batch.
 */
import { KafkaError } from '../errors.ts'
import { type Acl, aclKey, type StoredAcl } from '../security/acl/acl.ts'
import { type AclFilter, matchesFilter, onlyMatch } from '../security/acl/acl-filter.ts'
import { checkFilter, checkNewAcl } from '../security/acl/acl-validation.ts'
import { type ChangeResult, isDone, outcomeOf } from './change-result.ts'
import type { MetadataImage } from './image/metadata-image.ts'

/** Entries that one request creates or deletes, as in Kafka. */
export const MAX_CHANGED_ACLS = 10_000
/** Entries in the response to one DeleteAcls: each of its filters names all that it matches. */
export const MAX_MATCHES = 100_000
/** Entries that are compared with filters in one turn of the event loop. */
const COMPARISONS_PER_TURN = 50_000

type AclState = Pick<MetadataImage, 'accessControlEntries' | 'aclIds'>

export interface AclCreations {
  readonly outcomes: readonly (KafkaError | null)[]
  readonly created: readonly StoredAcl[]
}

/** Throws POLICY_VIOLATION. */
export function aclCreations(acls: readonly Acl[], state: AclState, newId: () => string): AclCreations {
  const created = new Map<string, StoredAcl>()
  const outcomes = acls.map((acl) => {
    const outcome = outcomeOf(() => checkNewAcl(acl))
    if (!isDone(outcome)) return outcome
    const key = aclKey(acl)
    if (state.aclIds(acl).length > 0 || created.has(key)) return null
    // Kafka's message.
    if (created.size === MAX_CHANGED_ACLS) throw new KafkaError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
    created.set(key, { ...acl, id: unusedId(state, newId) })
    return null
  })
  return { outcomes, created: [...created.values()] }
}

/** By then no other entry of the request has a record. */
function unusedId(state: AclState, newId: () => string): string {
  for (;;) {
    const id = newId()
    if (!state.accessControlEntries.has(id)) return id
  }
}

export interface AclDeletions {
  /** What each filter matches. */
  readonly outcomes: readonly ChangeResult<readonly StoredAcl[]>[]
  readonly deleted: readonly StoredAcl[]
}

/** Others take their turn between filters: `turn` resolves after them, and nobody changes `state` meanwhile. Throws INVALID_REQUEST. */
export async function aclDeletions(filters: readonly AclFilter[], state: AclState, turn: () => Promise<void>): Promise<AclDeletions> {
  const deleted = new Map<string, StoredAcl>()
  const outcomes: ChangeResult<readonly StoredAcl[]>[] = []
  let matches = 0
  let compared = 0
  for (const filter of filters) {
    const outcome = outcomeOf(() => {
      checkFilter(filter)
      return matchingAcls(filter, state)
    })
    outcomes.push(outcome)
    if (isDone(outcome)) for (const acl of outcome) deleted.set(acl.id, acl)
    if (isDone(outcome)) matches += outcome.length
    if (deleted.size > MAX_CHANGED_ACLS)
      throw new KafkaError('INVALID_REQUEST', `Cannot remove more than ${MAX_CHANGED_ACLS} acls in a single delete operation.`)
    if (matches > MAX_MATCHES)
      throw new KafkaError('INVALID_REQUEST', `The filters match acls more than ${MAX_MATCHES} times: use fewer filters that overlap.`)
    compared += onlyMatch(filter) ? 1 : state.accessControlEntries.size
    if (compared < COMPARISONS_PER_TURN) continue
    compared = 0
    await turn()
  }
  return { outcomes, deleted: [...deleted.values()] }
}

export function matchingAcls(filter: AclFilter, state: AclState): StoredAcl[] {
  const only = onlyMatch(filter)
  if (only) return state.aclIds(only).map((id) => state.accessControlEntries.get(id)!)
  return [...state.accessControlEntries.values()].filter((acl) => matchesFilter(filter, acl))
}

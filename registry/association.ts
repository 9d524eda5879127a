/**
 * Associations of resources, such as topics, with subjects: what the topic of the registry and its API have of them, in Confluent's order
 * of fields, and the associations that the registry knows.
 */
import { nonEmpty } from './entities.ts'

export const lifecycles = ['STRONG', 'WEAK'] as const
/** STRONG: the subject belongs to the resource. WEAK: it is shared. */
export type Lifecycle = (typeof lifecycles)[number]

/** What names an association. */
export interface AssociationName {
  readonly resourceName: string
  /** Of a topic, the id of its cluster. */
  readonly resourceNamespace: string
  readonly resourceType: string
  /** `key` or `value`. */
  readonly associationType: string
  readonly subject: string
}

export interface Association extends AssociationName {
  readonly guid: string
  readonly resourceId: string
  readonly lifecycle: Lifecycle
  /** Its schema does not change any more. */
  readonly frozen: boolean
  readonly createTs: number | null
}

export interface StoredAssociation extends Association {
  /** When it was written. */
  readonly timestamp: number
}

/** In a namespace or as a name: any. */
export const ANY_RESOURCE = '-'
export const TOPIC = 'topic'

/** The answer for an association in a list. */
export const associationAnswer = (stored: StoredAssociation) =>
  nonEmpty({
    subject: stored.subject,
    guid: stored.guid,
    resourceName: stored.resourceName,
    resourceNamespace: stored.resourceNamespace,
    resourceId: stored.resourceId,
    resourceType: stored.resourceType,
    associationType: stored.associationType,
    lifecycle: stored.lifecycle,
    frozen: stored.frozen,
    createTs: stored.createTs,
    updateTs: stored.timestamp,
  })

const fields = ['resourceName', 'resourceNamespace', 'resourceType', 'associationType', 'subject'] as const
const keyOf = (name: AssociationName): string => JSON.stringify(fields.map((field) => name[field]))

const inOrder = (a: StoredAssociation, b: StoredAssociation): number => {
  for (const field of fields) if (a[field] !== b[field]) return a[field] < b[field] ? -1 : 1
  return 0
}

export interface AssociationFilter {
  /** Null for any. */
  readonly resourceType: string | null
  /** None for any. */
  readonly associationTypes: readonly string[]
  readonly lifecycle: Lifecycle | null
}

export const NO_FILTER: AssociationFilter = { resourceType: null, associationTypes: [], lifecycle: null }

type Index = Map<string, Map<string, StoredAssociation>>

export class Associations {
  readonly #all = new Map<string, StoredAssociation>()
  readonly #bySubject: Index = new Map()
  readonly #byResourceId: Index = new Map()
  readonly #byResourceName: Index = new Map()

  get size(): number {
    return this.#all.size
  }

  put(name: AssociationName, association: StoredAssociation | null): void {
    const key = keyOf(name)
    const before = this.#all.get(key)
    const indexes = [
      [this.#bySubject, 'subject'],
      [this.#byResourceId, 'resourceId'],
      [this.#byResourceName, 'resourceName'],
    ] as const
    for (const [index, field] of indexes) {
      const known = before && index.get(before[field])
      known?.delete(key)
      if (known?.size === 0) index.delete(before![field])
      if (association) index.set(association[field], (index.get(association[field]) ?? new Map()).set(key, association))
    }
    if (association) this.#all.set(key, association)
    else this.#all.delete(key)
  }

  ofSubject = (subject: string, filter = NO_FILTER): StoredAssociation[] => filtered(this.#bySubject.get(subject), filter)
  ofResourceId = (id: string, filter = NO_FILTER): StoredAssociation[] => filtered(this.#byResourceId.get(id), filter)

  ofResource(namespace: string, name: string, filter = NO_FILTER): StoredAssociation[] {
    const named = name === ANY_RESOURCE ? this.#all : this.#byResourceName.get(name)
    return filtered(named, filter).filter(({ resourceNamespace }) => namespace === ANY_RESOURCE || resourceNamespace === namespace)
  }
}

function filtered(all: ReadonlyMap<string, StoredAssociation> | undefined, filter: AssociationFilter): StoredAssociation[] {
  const { resourceType, associationTypes, lifecycle } = filter
  return [...(all?.values() ?? [])]
    .filter(
      (one) =>
        (resourceType === null || one.resourceType === resourceType) &&
        (associationTypes.length === 0 || associationTypes.includes(one.associationType)) &&
        (lifecycle === null || one.lifecycle === lifecycle),
    )
    .sort(inOrder)
}

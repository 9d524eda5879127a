/**
 * The registry in memory: what the records of its topic, applied in their order, say. It only reads; what may be written is decided in
 * files of their own. Deleted versions stay until their tombstone.
 */
import { Associations } from './association.ts'
import type { Config, Mode, StoredSchema } from './entities.ts'
import { contextOf, isContext, matchesSubject, qualifyWithParent } from './qualified-subject.ts'
import { type RegistryRecord, storedSchema } from './topic-records.ts'

/** Versions of all subjects together, deleted ones included (Invariant 13). */
export const MAX_SCHEMA_VERSIONS = 1_000_000
/** Besides the default one. */
export const MAX_CONTEXTS = 100_000

export interface SubjectVersion {
  readonly subject: string
  readonly version: number
}

export interface ContextId {
  readonly context: string
  readonly id: number
}

/** An id that the topic has with two different schemas: the record is not applied. */
export interface DuplicateId {
  readonly id: number
  readonly subject: string
  readonly version: number
}

/** The schemas of one context by their id and by their GUID. */
interface ContextIds {
  /** For each id, the subjects that have it, with the version that had it last. */
  readonly versions: Map<number, Map<string, number>>
  readonly byGuid: Map<string, number>
  maxId: number
}

const versionKey = (subject: string, version: number): string => `${version}/${subject}`

export class RegistryImage {
  readonly #subjects = new Map<string, Map<number, StoredSchema>>()
  readonly #ids = new Map<string, ContextIds>()
  /** By the version that is referenced: the schemas that do. */
  readonly #referencedBy = new Map<string, Map<string, ContextId>>()
  readonly #configs = new Map<string | null, Config>()
  readonly #modes = new Map<string | null, Mode>()
  readonly #contexts = new Set<string>()
  readonly associations = new Associations()
  #versions = 0

  /** Returns the id where the record must not be applied. @throws Error where the topic has more than this registry can keep. */
  apply(record: RegistryRecord, timestamp: number): DuplicateId | null {
    switch (record.type) {
      case 'SCHEMA':
        return record.value === null
          ? this.#tombstone(record.subject, record.version)
          : this.#putSchema(storedSchema(record.value, timestamp))
      case 'CONFIG':
        return put(this.#configs, record.subject, record.value)
      case 'MODE':
        return put(this.#modes, record.subject, record.value)
      case 'CONTEXT':
        if (record.value === null) this.#contexts.delete(record.context)
        else this.#contexts.add(record.context)
        checkCount(this.#contexts.size, MAX_CONTEXTS, 'contexts')
        return null
      case 'DELETE_SUBJECT':
        if (record.value !== null) this.#softDelete(record.subject, record.value)
        return null
      case 'CLEAR_SUBJECT':
        if (record.value !== null) this.#clear(record.subject)
        return null
      case 'ASSOC':
        this.associations.put(record.name, record.value && { ...record.value, timestamp })
        checkCount(this.associations.size, MAX_SCHEMA_VERSIONS, 'associations')
        return null
      case 'NOOP':
        return null
    }
  }

  #putSchema(schema: StoredSchema): DuplicateId | null {
    const { subject, version, id } = schema
    const ids = this.#idsOf(contextOf(subject))
    const known = this.#firstWith(ids, id)
    if (known && known.schema !== schema.schema) return { id, subject, version }
    const versions = this.#subjects.get(subject) ?? new Map<number, StoredSchema>()
    const before = versions.get(version)
    if (before && before.id !== id) this.#detach(before)
    if (!before) {
      this.#versions++
      checkCount(this.#versions, MAX_SCHEMA_VERSIONS, 'versions of subjects')
    }
    versions.set(version, schema)
    this.#subjects.set(subject, versions)
    const subjects = ids.versions.get(id) ?? new Map<string, number>()
    subjects.set(subject, version)
    ids.versions.set(id, subjects)
    ids.byGuid.set(schema.guid, id)
    ids.maxId = Math.max(ids.maxId, id)
    for (const reference of schema.references) {
      const key = versionKey(qualifyWithParent(subject, reference.subject), reference.version)
      const referrers = this.#referencedBy.get(key) ?? new Map<string, ContextId>()
      referrers.set(`${id}/${contextOf(subject)}`, { context: contextOf(subject), id })
      this.#referencedBy.set(key, referrers)
    }
    return null
  }

  #firstWith(ids: ContextIds, id: number): StoredSchema | undefined {
    for (const [subject, version] of ids.versions.get(id) ?? []) {
      const schema = this.#subjects.get(subject)?.get(version)
      if (schema) return schema
    }
    return undefined
  }

  #idsOf(context: string): ContextIds {
    const ids = this.#ids.get(context) ?? { versions: new Map(), byGuid: new Map(), maxId: 0 }
    this.#ids.set(context, ids)
    return ids
  }

  #tombstone(subject: string, version: number): null {
    const versions = this.#subjects.get(subject)
    const schema = versions?.get(version)
    if (!versions || !schema) return null
    versions.delete(version)
    this.#versions--
    if (versions.size === 0) this.#subjects.delete(subject)
    this.#detach(schema)
    return null
  }

  /** The version no longer has its id; with the last one, the id and its references are gone. */
  #detach(schema: StoredSchema): void {
    const { subject, version, id, guid } = schema
    const ids = this.#idsOf(contextOf(subject))
    const subjects = ids.versions.get(id)
    if (subjects?.get(subject) === version) {
      // A deleted version that another schema references keeps the id beside the version that came back.
      const other = this.versions(subject).findLast((one) => one.id === id && one.version !== version)
      if (other) subjects.set(subject, other.version)
      else subjects.delete(subject)
    }
    if (subjects?.size !== 0) return
    ids.versions.delete(id)
    if (ids.byGuid.get(guid) === id) ids.byGuid.delete(guid)
    for (const reference of schema.references) this.#forgetReference(schema, reference.subject, reference.version)
  }

  #forgetReference({ subject, id }: StoredSchema, target: string, version: number): void {
    const key = versionKey(qualifyWithParent(subject, target), version)
    const referrers = this.#referencedBy.get(key)
    referrers?.delete(`${id}/${contextOf(subject)}`)
    if (referrers?.size === 0) this.#referencedBy.delete(key)
  }

  #softDelete(subject: string, upTo: number): void {
    const versions = this.#subjects.get(subject)
    for (const [version, schema] of versions ?? []) if (version <= upTo) versions!.set(version, { ...schema, deleted: true })
  }

  /** What was deleted in this scope is gone. */
  #clear(scope: string | null): void {
    for (const [subject, versions] of [...this.#subjects])
      if (matchesSubject(scope, subject))
        for (const { version } of [...versions.values()].filter(({ deleted }) => deleted)) this.#tombstone(subject, version)
  }

  version = (subject: string, version: number): StoredSchema | undefined => this.#subjects.get(subject)?.get(version)

  /** In the order of their versions, deleted ones included. */
  versions(subject: string): StoredSchema[] {
    return [...(this.#subjects.get(subject)?.values() ?? [])].sort((a, b) => a.version - b.version)
  }

  latest = (subject: string): StoredSchema | undefined => this.versions(subject).findLast(({ deleted }) => !deleted)

  /** All subjects, deleted ones included, in no order. */
  subjects = (): string[] => [...this.#subjects.keys()]

  /** Whether all versions of a subject are deleted. */
  isDeleted = (subject: string): boolean => !hasCurrent(this.#subjects.get(subject) ?? new Map())

  hasSubjects(scope: string | null, withDeleted: boolean): boolean {
    const isThere = (versions: ReadonlyMap<number, StoredSchema>) => (withDeleted ? versions.size > 0 : hasCurrent(versions))
    const own = scope === null ? undefined : this.#subjects.get(scope)
    if (own && isThere(own)) return true
    if (scope !== null && !isContext(scope)) return false
    for (const [subject, versions] of this.#subjects) if (matchesSubject(scope, subject) && isThere(versions)) return true
    return false
  }

  /** The subjects that have a schema of this id in a context, with the version of each. */
  versionsOfId = (context: string, id: number): SubjectVersion[] =>
    [...(this.#ids.get(context)?.versions.get(id) ?? [])].map(([subject, version]) => ({ subject, version }))

  /** The version of one of them; asked for by every lookup, so not searched for in the list. */
  versionWithId = (context: string, id: number, subject: string): number | undefined =>
    this.#ids.get(context)?.versions.get(id)?.get(subject)

  /** Any of them. */
  firstWithId(context: string, id: number): StoredSchema | undefined {
    const ids = this.#ids.get(context)
    return ids && this.#firstWith(ids, id)
  }

  idOfGuid = (context: string, guid: string): number | undefined => this.#ids.get(context)?.byGuid.get(guid)
  maxId = (context: string): number => this.#ids.get(context)?.maxId ?? 0
  hasId = (context: string, id: number): boolean => this.#ids.get(context)?.versions.has(id) ?? false

  /** The schemas that reference a version, deleted ones included. */
  referencedBy = (subject: string, version: number): ContextId[] => [
    ...(this.#referencedBy.get(versionKey(subject, version))?.values() ?? []),
  ]

  config = (subject: string | null): Config | undefined => this.#configs.get(subject)
  configuredSubjects = (): (string | null)[] => [...this.#configs.keys()]
  mode = (subject: string | null): Mode | undefined => this.#modes.get(subject)
  subjectsWithMode = (): (string | null)[] => [...this.#modes.keys()]
  /** Besides the default context. */
  contexts = (): string[] => [...this.#contexts].sort()
  hasContext = (context: string): boolean => this.#contexts.has(context)

  /** Whether these records can be written: a topic that no instance can read would be worse. */
  hasRoomFor(records: readonly RegistryRecord[]): boolean {
    const more = (type: 'SCHEMA' | 'CONTEXT' | 'CONFIG' | 'MODE' | 'ASSOC') =>
      records.filter((record) => record.type === type && record.value !== null).length
    return (
      this.#versions + more('SCHEMA') <= MAX_SCHEMA_VERSIONS &&
      this.#contexts.size + more('CONTEXT') <= MAX_CONTEXTS &&
      this.#configs.size + more('CONFIG') <= MAX_SCHEMA_VERSIONS &&
      this.#modes.size + more('MODE') <= MAX_SCHEMA_VERSIONS &&
      this.associations.size + more('ASSOC') <= MAX_SCHEMA_VERSIONS
    )
  }

  /** For metrics. */
  get counts(): { subjects: number; versions: number; contexts: number } {
    return { subjects: this.#subjects.size, versions: this.#versions, contexts: this.#contexts.size + 1 }
  }
}

function hasCurrent(versions: ReadonlyMap<number, StoredSchema>): boolean {
  for (const { deleted } of versions.values()) if (!deleted) return true
  return false
}

function put<T>(map: Map<string | null, T>, subject: string | null, value: T | null): null {
  if (value === null) map.delete(subject)
  else map.set(subject, value)
  checkCount(map.size, MAX_SCHEMA_VERSIONS, 'configs or modes')
  return null
}

function checkCount(count: number, limit: number, what: string): void {
  if (count > limit) throw new Error(`the topic of the registry has more than ${limit} ${what}: permanently delete some of them`)
}

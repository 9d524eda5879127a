/**
 * Deletes versions and subjects: the decisions of the leader. A soft delete hides a version and keeps its id readable; a permanent one,
 * which needs the soft one first, removes it. Nothing that another schema references is deleted.
 */
import type { Decision, DecisionContext } from './decision-context.ts'
import type { StoredSchema } from './entities.ts'
import { contextPrefix, parseSubject } from './qualified-subject.ts'
import { checkWritable } from './registration.ts'
import {
  contextNotEmpty,
  noActiveVersion,
  referenceExists,
  subjectIsAssociated,
  subjectNotFound,
  subjectNotSoftDeleted,
  subjectSoftDeleted,
  versionNotFound,
  versionNotSoftDeleted,
  versionSoftDeleted,
} from './registry-error.ts'
import { LATEST_VERSION } from './requested-schema.ts'
import type { RegistryRecord } from './topic-records.ts'

/** The subjects with a schema that references this version; those that are deleted count for a permanent delete. */
export function referringSubjects({ image }: DecisionContext, subject: string, version: number, withDeleted: boolean): Set<string> {
  const versions = image.referencedBy(subject, version).flatMap(({ context, id }) => image.versionsOfId(context, id))
  const counted = versions.filter((one) => withDeleted || image.version(one.subject, one.version)?.deleted === false)
  return new Set(counted.map((one) => one.subject))
}

/** What belongs to a subject of which no version is left. */
const configAndMode = ({ image }: DecisionContext, subject: string): RegistryRecord[] => [
  ...(image.mode(subject) === undefined ? [] : [{ type: 'MODE', subject, value: null } as const]),
  ...(image.config(subject) === undefined ? [] : [{ type: 'CONFIG', subject, value: null } as const]),
]

function versionToDelete({ image }: DecisionContext, subject: string, version: number, permanent: boolean): StoredSchema {
  const stored = version === LATEST_VERSION ? image.latest(subject) : image.version(subject, version)
  if (!stored) throw image.hasSubjects(subject, true) ? versionNotFound(version) : subjectNotFound(subject)
  if (stored.deleted && !permanent) throw versionSoftDeleted(subject, version)
  return stored
}

/** A subject that a resource is associated with keeps a version that is not deleted: all but `version` count, or none where it is null. */
function checkAssociated({ image }: DecisionContext, subject: string, version: number | null): void {
  if (image.associations.ofSubject(subject).length === 0) return
  if (version === null) throw subjectIsAssociated(subject)
  if (!image.versions(subject).some((other) => !other.deleted && other.version !== version)) throw noActiveVersion(subject)
}

/** The answer is the version that was deleted. */
export function decideDeleteVersion(context: DecisionContext, subject: string, version: number, permanent: boolean): Decision<number> {
  const stored = versionToDelete(context, subject, version, permanent)
  checkWritable(context, subject)
  checkAssociated(context, subject, permanent ? null : stored.version)
  if (referringSubjects(context, subject, stored.version, permanent).size > 0) throw referenceExists(subject, stored.version)
  if (permanent && !stored.deleted) throw versionNotSoftDeleted(subject, stored.version)
  const key = { type: 'SCHEMA', subject, version: stored.version } as const
  if (!permanent) return { records: [{ ...key, value: { ...stored, deleted: true } }], answer: stored.version }
  const isLast = context.image.versions(subject).length === 1
  return { records: [{ ...key, value: null }, ...(isLast ? configAndMode(context, subject) : [])], answer: stored.version }
}

/** The answer lists the versions that were deleted. */
export function decideDeleteSubject(context: DecisionContext, subject: string, permanent: boolean): Decision<number[]> {
  const { image } = context
  if (!image.hasSubjects(subject, true)) throw subjectNotFound(subject)
  if (!permanent && !image.hasSubjects(subject, false)) throw subjectSoftDeleted(subject)
  checkWritable(context, subject)
  checkAssociated(context, subject, null)
  const versions = image.versions(subject).filter(({ deleted }) => permanent || !deleted)
  for (const { version, deleted } of versions) {
    const others = referringSubjects(context, subject, version, permanent)
    others.delete(subject)
    if (others.size > 0) throw referenceExists(subject, version)
    if (permanent && !deleted) throw subjectNotSoftDeleted(subject)
  }
  const answer = versions.map(({ version }) => version)
  if (!permanent) return { records: [{ type: 'DELETE_SUBJECT', subject, value: answer.at(-1) ?? 0 }], answer }
  // Later versions may reference earlier ones.
  const tombstones = answer.toReversed().map((version) => ({ type: 'SCHEMA', subject, version, value: null }) as const)
  return { records: [...tombstones, ...configAndMode(context, subject)], answer }
}

/** DELETE /contexts/{context}. */
export function decideDeleteContext({ image }: DecisionContext, text: string): Decision<null> {
  const { context } = parseSubject(text)
  if (image.hasSubjects(contextPrefix(context), true)) throw contextNotEmpty(text)
  return { records: image.hasContext(context) ? [{ type: 'CONTEXT', context, value: null }] : [], answer: null }
}

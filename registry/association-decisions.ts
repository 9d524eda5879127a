/**
 * Creates, changes and deletes associations: the decisions of the leader. The schemas that a request brings are registered between its
 * check and its records.
 */
import { ANY_RESOURCE, type Association, type AssociationFilter, type StoredAssociation } from './association.ts'
import {
  type AssociationRequest,
  checkWeak,
  defaultSubject,
  type RequestedAssociation,
  type RequestKind,
  withDefaults,
} from './association-request.ts'
import type { Decision, DecisionContext } from './decision-context.ts'
import { inContext, normalizeSubject, qualifyWithParent } from './qualified-subject.ts'
import { versionsToCheck } from './queries.ts'
import { checkCompatibility, checkWritable } from './registration.ts'
import {
  associationExists,
  associationFrozen,
  associationNotFound,
  incompatibleSchema,
  invalidAssociation,
  noActiveVersion,
  SchemaRegistryError,
  strongAssociationExists,
  subjectIsAssociated,
} from './registry-error.ts'
import type { SchemaRequest } from './requested-schema.ts'
import { lookUpSchema } from './schema-lookup.ts'
import { modeInScope } from './scope.ts'

/** An association that a request asks for, and the one that there is. */
interface Planned extends RequestedAssociation {
  readonly subject: string
  readonly existing: StoredAssociation | undefined
  /** There is nothing to write. */
  readonly isDone: boolean
}

/** A schema that has to be registered before the association is written. */
export interface SchemaToRegister {
  readonly associationType: string
  readonly subject: string
  readonly schema: SchemaRequest
  readonly normalize: boolean
}

/** Checks a request, and says which schemas it registers. @throws SchemaRegistryError where it cannot be done. */
export function checkAssociations(
  context: DecisionContext,
  request: AssociationRequest,
  kind: RequestKind,
  scope: string,
): SchemaToRegister[] {
  return planned(context, request, kind, scope)
    .filter(({ schema, subject, isDone }) => schema && !isDone && modeInScope(context.image, subject) !== 'IMPORT')
    .map(({ associationType, subject, schema, normalize }) => ({ associationType, subject, schema: schema!, normalize }))
}

/** `newGuid` is called for each association that is new. */
export function decideAssociations(
  context: DecisionContext,
  request: AssociationRequest,
  kind: RequestKind,
  scope: string,
  newGuid: () => string,
): Decision<Association[]> {
  const made = planned(context, request, kind, scope)
    .filter(({ isDone }) => !isDone)
    .map(({ existing, subject, associationType, lifecycle, frozen }): Association => {
      if (existing) {
        const { timestamp: _, ...before } = existing
        return { ...before, lifecycle: lifecycle ?? existing.lifecycle, frozen: frozen ?? existing.frozen, createTs: null }
      }
      const { resourceName, resourceNamespace, resourceType } = request
      const own = { resourceName, resourceNamespace, resourceId: request.resourceId!, resourceType, associationType, subject }
      return { ...own, guid: newGuid(), lifecycle: lifecycle ?? 'WEAK', frozen: frozen === true, createTs: null }
    })
  return { records: made.map((association) => ({ type: 'ASSOC', name: association, value: association }) as const), answer: made }
}

function planned(context: DecisionContext, request: AssociationRequest, kind: RequestKind, scope: string): Planned[] {
  const types = request.associations.map(({ associationType }) => associationType)
  const twice = types.find((type, index) => types.indexOf(type) !== index)
  if (twice !== undefined) throw invalidAssociation('associationType', `Duplicate association type: ${twice}`)
  const existing = existingOf(context, request, kind, types)
  const plan = request.associations.map((association) =>
    planOne(context, request, kind, withSubject(context, scope, association), existing.get(association.associationType)),
  )
  for (const association of plan) checkSubject(context, association)
  for (const { schema, subject, normalize, isDone } of plan) {
    if (!schema || isDone) continue
    const versions = versionsToCheck(context, subject, null)
    const messages = checkCompatibility(context, subject, schema, versions, { normalize, verbose: false })
    if (messages.length > 0) throw incompatibleSchema(subject, messages)
  }
  return plan
}

/** By type; where a request that is only checked names no id, those of the resource with its name that were written last. */
function existingOf({ image }: DecisionContext, request: AssociationRequest, { isCreate, dryRun }: RequestKind, types: readonly string[]) {
  const filter: AssociationFilter = { resourceType: request.resourceType, associationTypes: types, lifecycle: null }
  const { resourceId, resourceNamespace, resourceName } = request
  const byId = resourceId === null ? [] : image.associations.ofResourceId(resourceId, filter)
  const all =
    resourceId === null && isCreate && dryRun && resourceName !== ANY_RESOURCE
      ? image.associations.ofResource(resourceNamespace, resourceName, filter).sort((a, b) => a.timestamp - b.timestamp)
      : byId
  return new Map(all.map((association) => [association.associationType, association]))
}

/** With its subject in the context of the request, or the one that it is an alias of. */
function withSubject(context: DecisionContext, scope: string, association: RequestedAssociation): RequestedAssociation {
  const { subject } = association
  if (subject === null) return association
  const qualified = normalizeSubject(subject.startsWith(':.') ? subject : inContext(scope, subject))
  const alias = context.image.config(qualified)?.alias
  const target = alias ? qualifyWithParent(qualified, alias) : qualified
  checkWritable(context, target)
  return { ...association, subject: target }
}

function planOne(
  context: DecisionContext,
  request: AssociationRequest,
  { isCreate }: RequestKind,
  requested: RequestedAssociation,
  existing: StoredAssociation | undefined,
): Planned {
  const association = existing || isCreate ? requested : withDefaults(requested, false)
  const own = defaultSubject(request, association.associationType)
  const subject = association.subject ?? existing?.subject ?? (association.lifecycle === 'STRONG' ? normalizeSubject(own) : null)
  if (subject === null) throw invalidAssociation('subject', 'must be provided for WEAK associations')
  const lifecycle = association.lifecycle ?? existing?.lifecycle ?? null
  if (lifecycle === null) throw invalidAssociation('lifecycle', 'lifecycle must be set')
  if (lifecycle === 'WEAK') {
    checkWeak({ ...association, lifecycle })
    if (subject === own) throw invalidAssociation('subject', `WEAK associations cannot use subject '${own}'`)
  }
  if ((existing ? existing.frozen : association.frozen === true) && subject !== own)
    throw invalidAssociation('subject', `frozen associations must use subject '${own}'`)
  const plan = { ...association, subject, existing, isDone: false }
  if (!existing) {
    if (association.frozen === true) checkNewFrozen(context, plan, isCreate)
    return plan
  }
  const isSame =
    existing.subject === subject &&
    (association.lifecycle === null || association.lifecycle === existing.lifecycle) &&
    (association.frozen === null || association.frozen === existing.frozen)
  if (isSame) {
    if (isCreate && association.schema && !hasSchema(context, plan))
      throw associationExists(existing.associationType, existing.resourceName)
    return { ...plan, isDone: true }
  }
  if (isCreate) throw associationExists(existing.associationType, existing.resourceName)
  checkChange(plan, existing, own)
  return plan
}

function checkChange(plan: Planned, existing: StoredAssociation, own: string): void {
  if (plan.lifecycle === null && !plan.schema)
    throw invalidAssociation('lifecycle', 'at least lifecycle or schema must be provided for update')
  if (existing.subject !== plan.subject)
    throw invalidAssociation('subject', `subject of association cannot be changed from '${existing.subject}' to '${plan.subject}'`)
  if (existing.lifecycle === 'STRONG' && plan.lifecycle === 'WEAK' && existing.subject === own)
    throw invalidAssociation('lifecycle', `cannot change to WEAK when subject matches default format '${own}'`)
  if (plan.frozen !== null && plan.frozen !== existing.frozen)
    throw invalidAssociation('frozen', 'frozen attribute of association cannot be changed')
  if (existing.frozen) throw associationFrozen(existing.associationType, existing.subject)
}

/** The subject of one that is frozen has its one schema, and no other. */
function checkNewFrozen(context: DecisionContext, plan: Planned, isCreate: boolean): void {
  if (modeInScope(context.image, plan.subject) === 'IMPORT') return
  if (isCreate && !plan.schema) throw invalidAssociation('schema', 'schema must be provided when creating a frozen association')
  const latest = context.image.latest(plan.subject)
  if (latest && (!plan.schema || latest.version !== 1 || !hasSchema(context, plan)))
    throw invalidAssociation('frozen', 'cannot create a frozen association when schemas already exist in the subject')
}

function hasSchema(context: DecisionContext, { subject, schema, normalize }: Planned): boolean {
  try {
    return lookUpSchema(context, subject, schema!, { normalize, deleted: false }).subject === subject
  } catch (error) {
    if (error instanceof SchemaRegistryError && error.status === 404) return false
    throw error
  }
}

function checkSubject({ image }: DecisionContext, { subject, schema, existing, lifecycle: asked }: Planned): void {
  if (!schema && !image.latest(subject)) throw noActiveVersion(subject)
  const others = image.associations
    .ofSubject(subject)
    .filter((one) => !existing || one.resourceId !== existing.resourceId || one.associationType !== existing.associationType)
  const lifecycle = asked ?? existing?.lifecycle
  if (lifecycle === 'STRONG' && others.length > 0) throw subjectIsAssociated(subject)
  if (lifecycle === 'WEAK' && others.some((one) => one.lifecycle === 'STRONG')) throw strongAssociationExists(subject)
}

/** The answer lists what was deleted. With `cascades`, whoever calls deletes the subjects that were STRONG too. */
export function decideDeleteAssociations(
  context: DecisionContext,
  resourceId: string,
  filter: AssociationFilter,
  { cascades, dryRun }: { cascades: boolean; dryRun: boolean },
): Decision<StoredAssociation[]> {
  const found = context.image.associations.ofResourceId(resourceId, filter)
  if (found.length === 0) throw associationNotFound(resourceId)
  for (const association of found) {
    checkWritable(context, association.subject)
    if (!cascades && association.frozen) throw associationFrozen(association.associationType, association.subject)
  }
  const records = dryRun ? [] : found.map((association) => ({ type: 'ASSOC', name: association, value: null }) as const)
  return { records, answer: found }
}

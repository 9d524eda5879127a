/**
 * The bodies of POST and PUT /associations, read and checked as Confluent checks them: what they leave out has its default, and what they
 * must not have is an error with the name of the property. Names of resources may have dots, as those of topics.
 */
import { type Lifecycle, lifecycles, TOPIC } from './association.ts'
import { invalidAssociation } from './registry-error.ts'
import type { SchemaRequest } from './requested-schema.ts'

export interface RequestedAssociation {
  readonly subject: string | null
  readonly associationType: string
  readonly lifecycle: Lifecycle | null
  readonly frozen: boolean | null
  readonly schema: SchemaRequest | null
  readonly normalize: boolean
}

export interface AssociationRequest {
  readonly resourceName: string
  readonly resourceNamespace: string
  /** Null only where nothing is written. */
  readonly resourceId: string | null
  readonly resourceType: string
  readonly associations: readonly RequestedAssociation[]
}

export interface RequestKind {
  /** Else it may also change associations that there are. */
  readonly isCreate: boolean
  /** Checked only. */
  readonly dryRun: boolean
}

/** Associations of one request. */
const MAX_ASSOCIATIONS = 100
const NAME_LIMIT = 256

type Json = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const textOr = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const flagOr = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null)

function checkedName(value: unknown, property: string): string {
  const name = textOr(value) ?? ''
  if (name === '') throw invalidAssociation(property, 'cannot be null or empty')
  if (name.length > NAME_LIMIT) throw invalidAssociation(property, `exceeds max length of ${NAME_LIMIT}`)
  const illegal = /[^\p{L}\p{Nd}._-]/u.exec(name)
  if (illegal) throw invalidAssociation(property, `illegal character '${illegal[0]}'`)
  return name
}

export const defaultSubject = ({ resourceNamespace, resourceName }: AssociationRequest, associationType: string): string =>
  `:.${resourceNamespace}:${resourceName}-${associationType}`

/** @throws SchemaRegistryError 42212. */
export function readAssociationRequest(body: unknown, idInPath: string | null, { isCreate, dryRun }: RequestKind): AssociationRequest {
  const given = isObject(body) ? body : {}
  const resourceName = checkedName(given.resourceName, 'resourceName')
  const resourceNamespace = checkedName(given.resourceNamespace, 'resourceNamespace')
  const idInBody = textOr(given.resourceId)
  if (idInPath !== null && idInBody !== null && idInPath !== idInBody)
    throw invalidAssociation('resourceId', 'Resource ID in the path parameter does not match the resource ID in the request body')
  const resourceId = idInBody ?? idInPath
  if (!dryRun && !resourceId) throw invalidAssociation('resourceId', 'cannot be null or empty')
  const resourceType = textOr(given.resourceType) || TOPIC
  if (resourceType !== TOPIC) throw invalidAssociation('resourceType', `must be '${TOPIC}'`)
  const list = Array.isArray(given.associations) ? given.associations : []
  if (list.length === 0) throw invalidAssociation('associations', 'cannot be null or empty')
  if (list.length > MAX_ASSOCIATIONS) throw invalidAssociation('associations', `cannot be more than ${MAX_ASSOCIATIONS}`)
  const request = { resourceName, resourceNamespace, resourceId, resourceType, associations: list.map((each) => read(each, isCreate)) }
  return isCreate ? { ...request, associations: request.associations.map((each) => withDefaultSubject(request, each)) } : request
}

function read(value: unknown, isCreate: boolean): RequestedAssociation {
  const given = isObject(value) ? value : {}
  const subject = textOr(given.subject)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: subjects have none.
  if (subject !== null && (subject === '' || /[\u0000-\u001f\u007f-\u009f]/.test(subject)))
    throw invalidAssociation('subject', 'must not be empty')
  const lifecycle = textOr(given.lifecycle)
  const known = lifecycles.find((name) => name === lifecycle) ?? null
  if (lifecycle !== null && known === null) throw invalidAssociation('lifecycle', `must be one of ${lifecycles.join(', ')}`)
  const associationType = textOr(given.associationType) || 'value'
  if (!['key', 'value'].includes(associationType)) throw invalidAssociation('associationType', "must be either 'key' or 'value'")
  const association = {
    subject,
    associationType,
    lifecycle: known,
    frozen: flagOr(given.frozen),
    schema: isObject(given.schema) ? (given.schema as SchemaRequest) : null,
    normalize: given.normalize === true,
  }
  const complete = isCreate ? withDefaults(association, true) : association
  checkWeak(complete)
  if (isCreate && complete.lifecycle === 'WEAK' && subject === null)
    throw invalidAssociation('subject', 'must be provided for WEAK associations')
  return complete
}

export function checkWeak({ lifecycle, schema, frozen }: RequestedAssociation): void {
  if (lifecycle !== 'WEAK') return
  if (schema) throw invalidAssociation('lifecycle', 'cannot be WEAK when schema is provided')
  if (frozen === true) throw invalidAssociation('frozen', 'association with lifecycle of WEAK cannot be frozen')
}

/** Of an association that is not there yet: with a schema it is STRONG, and frozen where it is created. */
export function withDefaults(association: RequestedAssociation, isCreate: boolean): RequestedAssociation {
  checkWeak(association)
  const { schema, frozen, lifecycle } = association
  if (!schema) return { ...association, frozen: frozen ?? false, lifecycle: lifecycle ?? 'WEAK' }
  if (frozen !== null && frozen !== isCreate)
    throw invalidAssociation(
      'frozen',
      isCreate ? 'cannot be false when schema is provided for create' : 'cannot be true when creating via upsert; use create instead',
    )
  return { ...association, lifecycle: 'STRONG', frozen: isCreate }
}

function withDefaultSubject(request: AssociationRequest, association: RequestedAssociation): RequestedAssociation {
  const own = defaultSubject(request, association.associationType)
  const subject = association.subject ?? own
  if (association.frozen === true && subject !== own) throw invalidAssociation('subject', `frozen associations must use subject '${own}'`)
  if (association.lifecycle === 'WEAK' && subject === own)
    throw invalidAssociation('subject', `WEAK associations cannot use subject '${own}'`)
  return { ...association, subject }
}

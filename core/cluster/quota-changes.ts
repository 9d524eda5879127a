/**
 * What AlterClientQuotas changes: the outcome of each entity, and the records of those that are valid, as Kafka's controller decides. Pure:
 * which names of hosts can be resolved is told.
 */
import { isIP } from 'node:net'
import { KafkaError } from '../errors.ts'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'
import type { QuotaEntity } from './image/client-quotas-image.ts'

export interface QuotaAlteration {
  readonly entity: QuotaEntity
  readonly ops: readonly QuotaOp[]
}

export interface QuotaOp {
  readonly key: string
  readonly value: number
  readonly remove: boolean
}

export interface QuotaOutcome {
  readonly entity: QuotaEntity
  readonly error: KafkaError | null
}

export interface QuotaState {
  quotas(entity: QuotaEntity): Readonly<Record<string, number>>
  /** Of names that are no addresses. */
  isHost(name: string): boolean
}

type QuotaType = 'int' | 'long' | 'double'

const userAndClientQuotas: Readonly<Record<string, QuotaType>> = {
  producer_byte_rate: 'long',
  consumer_byte_rate: 'long',
  request_percentage: 'double',
  controller_mutation_rate: 'double',
}
const ipQuotas: Readonly<Record<string, QuotaType>> = { connection_creation_rate: 'int' }

const largest: Readonly<Record<QuotaType, number>> = { int: 2 ** 31 - 1, long: 2 ** 63, double: Number.POSITIVE_INFINITY }
/** How far from an integer an integral quota may be. */
const FRACTION = 1e-6

/** In the order in which Kafka prints an entity and writes its records. */
const entityTypes = ['ip', 'client-id', 'user']

const invalid = (message: string): KafkaError => new KafkaError('INVALID_REQUEST', message)

/** As in Kafka, the last part of a type counts. */
function uniqueParts(entity: QuotaEntity): QuotaEntity {
  const parts = new Map(entity.map((part) => [part.entityType, part]))
  const rank = (type: string) => (entityTypes.includes(type) ? entityTypes.indexOf(type) : entityTypes.length)
  return [...parts.values()].sort((a, b) => rank(a.entityType) - rank(b.entityType))
}

const printed = (entity: QuotaEntity): string =>
  `ClientQuotaEntity(entries={${entity.map(({ entityType, entityName }) => `${entityType}=${entityName}`).join(', ')}})`

/** The names of hosts that decide whether alterations are valid: at most one of each entity. */
export function hostsOf(alterations: readonly QuotaAlteration[]): ReadonlySet<string> {
  const hosts = new Set<string>()
  for (const { entity } of alterations)
    for (const { entityType, entityName } of uniqueParts(entity))
      if (entityType === 'ip' && entityName !== null && entityName !== '' && isIP(entityName) === 0) hosts.add(entityName)
  return hosts
}

/** The quotas that an entity may have, with their types. Throws where there is no such entity. */
function quotasFor(entity: QuotaEntity, { isHost }: QuotaState): Readonly<Record<string, QuotaType>> {
  if (entity.length === 0) throw invalid('Invalid empty client quota entity')
  for (const { entityType, entityName } of entity) {
    if (!entityTypes.includes(entityType)) throw invalid(`Unhandled client quota entity type: ${entityType}`)
    if (entityName === '') throw invalid(`Empty ${entityType} not supported`)
  }
  const ip = entity.find(({ entityType }) => entityType === 'ip')
  if (!ip) return userAndClientQuotas
  if (entity.length > 1) throw invalid('Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId')
  const { entityName } = ip
  if (entityName !== null && isIP(entityName) === 0 && !isHost(entityName))
    throw invalid(`${entityName} is not a valid IP or resolvable host.`)
  return ipQuotas
}

function checkValue(types: Readonly<Record<string, QuotaType>>, key: string, value: number): void {
  const type = Object.hasOwn(types, key) ? types[key] : undefined
  if (!type) throw invalid(`Invalid configuration key ${key}`)
  if (value <= 0) throw invalid(`Quota ${key} must be greater than 0`)
  if (type === 'double') return
  if (value > largest[type]) throw invalid(`Proposed value for ${key} is too large for ${type === 'int' ? 'an INT' : 'a LONG'}.`)
  if (Math.abs(value % 1) > FRACTION) throw invalid(`${key} cannot be a fractional value.`)
}

function recordsOf(entity: QuotaEntity, ops: readonly QuotaOp[], state: QuotaState): NewMetadataRecord[] {
  const types = quotasFor(entity, state)
  const current = state.quotas(entity)
  const records: NewMetadataRecord[] = []
  for (const { key, value, remove } of ops) {
    if (!remove) checkValue(types, key, value)
    const isChange = remove ? Object.hasOwn(current, key) : !Object.is(current[key], value)
    if (isChange) records.push({ type: 'ClientQuotaRecord', entity, key, value: remove ? 0 : value, remove })
  }
  return records
}

export function quotaChanges(
  alterations: readonly QuotaAlteration[],
  state: QuotaState,
): { outcomes: QuotaOutcome[]; records: NewMetadataRecord[] } {
  const outcomes = new Map<string, QuotaOutcome>()
  const records: NewMetadataRecord[] = []
  for (const alteration of alterations) {
    const entity = uniqueParts(alteration.entity)
    const name = JSON.stringify(entity)
    const isDuplicate = outcomes.has(name) || new Set(alteration.ops.map(({ key }) => key)).size < alteration.ops.length
    let error: KafkaError | null = null
    try {
      // As in Kafka: what an entity is first altered by stays, and its outcome is an error.
      if (isDuplicate) throw invalid(`Ignoring duplicate entity ${printed(entity)}`)
      records.push(...recordsOf(entity, alteration.ops, state))
    } catch (cause) {
      if (!(cause instanceof KafkaError)) throw cause
      error = cause
    }
    outcomes.set(name, { entity, error })
  }
  return { outcomes: [...outcomes.values()], records }
}

/**
 * What the configs of all resources have in common: the entries of DescribeConfigs with their sources, and the effect of a list of changes.
 * Pure.
 */
import { KafkaError } from '../errors.ts'
import { configTypes, type Setting, splitList } from '../settings/setting.ts'
import type { ConfigChange, ConfigEntry } from './types.ts'

/** Kafka's ConfigSource. */
export const source = { topic: 1, broker: 2, defaultBroker: 3, file: 4, fallback: 5, logger: 6, clientMetrics: 7, group: 8 } as const
/** Kafka's AlterConfigOp. */
export const configOperations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

export const isConfigOperation = (operation: number): boolean => (Object.values(configOperations) as number[]).includes(operation)

/** Kafka's ConfigType of a name that it does not know. */
export const UNKNOWN_TYPE = 0

export type Synonym = { name: string; value: string | null; source: number }

export function entry(
  name: string,
  setting: Setting | undefined,
  value: string | null,
  from: number,
  readOnly: boolean,
  synonyms: Synonym[],
  isSensitive = false,
): ConfigEntry {
  return {
    name,
    value,
    readOnly,
    isDefault: from === source.fallback,
    isSensitive,
    source: from,
    type: configTypes[setting?.kind ?? 'string'],
    documentation: setting?.doc ?? '',
    synonyms,
  }
}

/** As Kafka describes a password, and a config that it does not know: it may be a secret. */
export const secretEntry = (name: string, setting: Setting | undefined, from: number, synonyms: readonly Synonym[]): ConfigEntry => ({
  ...entry(name, setting, null, from, true, synonyms.map((synonym) => ({ ...synonym, value: null })), true), // biome-ignore format: one entry
  type: setting ? configTypes[setting.kind] : UNKNOWN_TYPE,
})

/** As Kafka describes a stored config of a topic or group that it does not know. */
export const unknownEntry = (name: string, from: number): ConfigEntry => ({
  ...entry(name, undefined, null, from, false, [], true),
  type: UNKNOWN_TYPE,
})

/** Throws INVALID_REQUEST for a name that is there twice, or a value that is missing. */
export function checkChanges(changes: readonly ConfigChange[]): void {
  if (new Set(changes.map(({ name }) => name)).size !== changes.length)
    throw new KafkaError('INVALID_REQUEST', 'Error due to duplicate config keys')
  const nulls = changes.filter(({ operation, value }) => operation !== configOperations.delete && value === null).map(({ name }) => name)
  if (nulls.length > 0) throw new KafkaError('INVALID_REQUEST', `Null value not supported for : ${nulls.join(', ')}`)
}

/** The configs of a resource after `changes`. Lists may be appended to where `settingOf` knows the setting. */
export function applyChanges(
  current: Readonly<Record<string, string>>,
  changes: readonly ConfigChange[],
  settingOf: (name: string) => { setting: Setting | undefined; fallback: string | null },
): Record<string, string> {
  checkChanges(changes)
  const next = { ...current }
  for (const { name, operation, value } of changes) {
    const { setting, fallback } = settingOf(name)
    switch (operation) {
      case configOperations.set:
        next[name] = value!
        break
      case configOperations.delete:
        delete next[name]
        break
      case configOperations.append:
      case configOperations.subtract: {
        const verb = operation === configOperations.append ? 'APPEND' : 'SUBTRACT'
        if (setting?.kind !== 'list') throw new KafkaError('INVALID_CONFIG', `Can't ${verb} to key ${name} because its type is not LIST.`)
        const parts = splitList(next[name] ?? fallback ?? '')
        const changed = splitList(value!)
        next[name] = (
          operation === configOperations.append
            ? [...parts, ...changed.filter((part) => !parts.includes(part))]
            : parts.filter((part) => !changed.includes(part))
        ).join(',')
        break
      }
      default:
        // As Kafka, whose controller does not expect it.
        throw new KafkaError('UNKNOWN_SERVER_ERROR', `Unknown config operation type ${operation}`)
    }
  }
  return next
}

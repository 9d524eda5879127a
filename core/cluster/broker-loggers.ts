/**
 * The resource type BROKER_LOGGER: the levels of the loggers of this process, `root` and one for each of its parts. They are not stored: a
 * start has the level that its command line asks for. FATAL and TRACE do not exist here and mean the nearest level.
 */
import { KafkaError } from '../errors.ts'
import { kafkaLevelNames, kafkaLevels, type Logger, type LogLevel, logLevels, ROOT_LOGGER } from '../system/logger.ts'
import { checkChanges, configOperations, source, UNKNOWN_TYPE } from './config-entries.ts'
import type { ConfigChange, ConfigEntry } from './types.ts'

/** The levels that Kafka lets a client set, in the order of its message: all but OFF. */
const { OFF: _, ...settable } = kafkaLevels
const levels: Readonly<Record<string, LogLevel>> = Object.fromEntries(Object.entries(settable).sort(([a], [b]) => (a < b ? -1 : 1)))

/** This node, and the logger that its others are children of. */
export interface NodeLoggers {
  readonly nodeId: number
  readonly logger: Logger
}

const levelsOf = (logger: Logger): Map<string, LogLevel> => logLevels(logger)?.list() ?? new Map()

const refusal = (why: string) => new KafkaError('INVALID_REQUEST', why)

export function describeLoggers({ nodeId, logger }: NodeLoggers, resourceName: string, names: readonly string[] | null): ConfigEntry[] {
  if (resourceName === '') throw refusal('Broker id must not be empty')
  if (!/^-?\d+$/.test(resourceName)) throw refusal(`Broker id must be an integer, but it is: ${resourceName}`)
  if (Number(resourceName) !== nodeId) throw refusal(`Unexpected broker id, expected ${nodeId} but received ${resourceName}`)
  const selected = [...levelsOf(logger)].filter(([name]) => names === null || names.includes(name))
  return selected.map(([name, level]) => ({
    name,
    value: kafkaLevelNames[level],
    readOnly: false,
    isDefault: false,
    isSensitive: false,
    source: source.logger,
    type: UNKNOWN_TYPE,
    documentation: '',
    synonyms: [],
  }))
}

/** All of the changes, or none. A logger without a level of its own has that of `root`. */
export function alterLoggers(
  { nodeId, logger }: NodeLoggers,
  resourceName: string,
  changes: readonly ConfigChange[],
  validateOnly: boolean,
): void {
  checkChanges(changes)
  if (!/^-?\d+$/.test(resourceName)) throw refusal(`Node id must be an integer, but it is: ${resourceName}`)
  if (Number(resourceName) !== nodeId) throw refusal(`Unexpected node id. Expected ${nodeId}, but received ${resourceName}`)
  const known = levelsOf(logger)
  for (const change of changes) checkChange(known, change)
  if (validateOnly) return
  const loggers = logLevels(logger)
  for (const { name, operation, value } of changes) {
    const level = operation === configOperations.set ? levels[value!]! : loggers?.list().get(ROOT_LOGGER)
    if (level !== undefined) loggers?.set(name, level)
  }
}

function checkChange(known: ReadonlyMap<string, LogLevel>, { name, operation, value }: ConfigChange): void {
  switch (operation) {
    case configOperations.append:
      throw refusal('APPEND operation is not allowed for the BROKER_LOGGER resource')
    case configOperations.subtract:
      throw refusal('SUBTRACT operation is not allowed for the BROKER_LOGGER resource')
    case configOperations.set:
    case configOperations.delete:
      break
    default:
      // As Kafka, which does not expect it.
      throw new KafkaError('UNKNOWN_SERVER_ERROR', `Unknown config operation type ${operation}`)
  }
  if (!known.has(name)) throw new KafkaError('INVALID_CONFIG', `Logger ${name} does not exist!`)
  if (operation === configOperations.delete) {
    if (name === ROOT_LOGGER) throw refusal('Removing the log level of the root logger is not allowed')
    return
  }
  if (!Object.hasOwn(levels, value!))
    throw new KafkaError(
      'INVALID_CONFIG',
      `Cannot set the log level of ${name} to ${value} as it is not a supported log level. Valid log levels are ${Object.keys(levels).join(', ')}`,
    )
}

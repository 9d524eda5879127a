/**
 * Signals as they come from a channel, and what they ask for. What cannot be read is a sentence for the log, as in Debezium: a signal
 * fails nothing.
 */
import { javaPattern } from '../../connect/sdk/java-pattern.ts'

export interface Signal {
  id: string
  type: string
  /** JSON; null where there is none. */
  data: string | null
}

export interface SnapshotCondition {
  /** A regular expression for whole names, in any case. */
  collection: string
  /** A condition for WHERE, and for a blocking snapshot a SELECT. */
  filter: string
}

export type SignalAction =
  | { action: 'log'; message: string }
  | {
      action: 'execute-snapshot'
      type: 'incremental' | 'blocking'
      /** Regular expressions for whole names, or names. */
      collections: readonly string[]
      conditions: readonly SnapshotCondition[]
      surrogateKey: string
    }
  | { action: 'stop-snapshot' /** Null for all. */; collections: readonly string[] | null }
  | { action: 'pause-snapshot' | 'resume-snapshot' }
  | { action: 'window'; edge: 'open' | 'close' }

/** The action, or why there is none. */
export function signalAction({ id, type, data: text }: Signal): SignalAction | string {
  if (type === 'snapshot-window-open') return { action: 'window', edge: 'open' }
  if (type === 'snapshot-window-close') return { action: 'window', edge: 'close' }
  const data = parsedData(text)
  if (data === null) return `The signal ${id} is ignored: its data is no JSON object: ${text}`
  switch (type) {
    case 'log':
      return typeof data.message === 'string' && data.message !== ''
        ? { action: 'log', message: data.message }
        : `The signal ${id} is ignored: its data has no message`
    case 'execute-snapshot':
      return executeSnapshot(id, data)
    case 'stop-snapshot':
      return stopSnapshot(id, data)
    case 'pause-snapshot':
    case 'resume-snapshot':
      return { action: type }
    default:
      return `The signal ${id} is ignored: its type ${type} is unknown`
  }
}

type Data = Readonly<Record<string, unknown>>

function parsedData(text: string | null): Data | null {
  if (text === null || text.trim() === '') return {}
  try {
    const data: unknown = JSON.parse(text)
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as Data) : null
  } catch {
    return null
  }
}

function executeSnapshot(id: string, data: Data): SignalAction | string {
  const type = snapshotType(data)
  if (type === null) return `The signal ${id} is ignored: its type of snapshot is neither incremental nor blocking`
  const collections = texts(data['data-collections'])
  if (collections === null || collections.length === 0) return `The signal ${id} is ignored: data-collections has to be a list of names`
  const conditions: SnapshotCondition[] = []
  for (const entry of asList(data['additional-conditions'])) {
    const { 'data-collection': name, filter } = (entry ?? {}) as Data
    if (typeof name !== 'string' || typeof filter !== 'string')
      return `The signal ${id} is ignored: additional-conditions need data-collection and filter`
    if (!matcher(name, true)) return `The signal ${id} is ignored: ${name} is no regular expression`
    conditions.push({ collection: name, filter })
  }
  const key = data['surrogate-key']
  return { action: 'execute-snapshot', type, collections, conditions, surrogateKey: typeof key === 'string' ? key.trim() : '' }
}

function stopSnapshot(id: string, data: Data): SignalAction | string {
  if (snapshotType(data) === null) return `The signal ${id} is ignored: its type of snapshot is neither incremental nor blocking`
  const listed = data['data-collections']
  if (asList(listed).length === 0) return { action: 'stop-snapshot', collections: null }
  const collections = texts(listed)
  if (collections === null) return `The signal ${id} is ignored: data-collections has to be a list of names`
  return { action: 'stop-snapshot', collections }
}

function snapshotType({ type }: Data): 'incremental' | 'blocking' | null {
  if (type === undefined || type === null) return 'incremental'
  const name = String(type).toLowerCase()
  return name === 'incremental' || name === 'blocking' ? name : null
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const texts = (value: unknown): string[] | null =>
  Array.isArray(value) && value.every((name) => typeof name === 'string') ? value.map((name: string) => name.trim()) : null

/** Null for what is no regular expression. */
function matcher(pattern: string, isAnyCase: boolean): ((name: string) => boolean) | null {
  try {
    const compiled = javaPattern(isAnyCase ? `(?i:${pattern})` : pattern)
    return (name) => compiled.matches(name)
  } catch {
    return null
  }
}

/** Names with dots, blanks and the like come in double quotes. */
const unquoted = (name: string): string => name.replace(/"((?:[^"]|"")*)"/g, (_, part: string) => part.replaceAll('""', '"'))

/** The filter of the first condition that names the table; '' where none does. */
export const filterOf = (table: string, conditions: readonly SnapshotCondition[]): string =>
  conditions.find(({ collection }) => matcher(collection, true)?.(table) || unquoted(collection) === table)?.filter ?? ''

/** The tables that the patterns name, each once; what names none is a name itself, in double quotes where it needs them. */
export function expanded(patterns: readonly string[], tables: readonly string[]): string[] {
  const names = patterns.flatMap((pattern) => {
    const matches = matcher(pattern, false)
    const found = matches ? tables.filter(matches) : []
    return found.length > 0 ? found : [unquoted(pattern)]
  })
  return [...new Set(names)]
}

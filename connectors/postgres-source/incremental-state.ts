/**
 * The state of incremental snapshots: the tables that are waiting, how far the first of them is, and the rows of the open window. Rows
 * that change in the stream leave the window. It decides only; what has to survive a restart is in its offset fields.
 */
import type { SourceOffset } from '../../connect/sdk/index.ts'
import { type JavaValue, javaArray, parseJavaArray } from './java-array.ts'
import type { TextRow } from './types.ts'

/** The texts of the columns of a key, in their order. */
export type ChunkKey = readonly (string | null)[]

export interface Collection {
  /** `schema.table`. */
  name: string
  /** A condition for WHERE; '' for none. */
  filter: string
  /** A column that stands in for the key; '' for none. */
  surrogateKey: string
  /** The id of the signal that asked for it. */
  signal: string | null
}

export interface WindowRow {
  row: TextRow
  /** By which chunks are divided. */
  key: ChunkKey
  /** By which changes in the stream name the row; null for a table without a key. */
  identity: ChunkKey | null
  /** Whether it was read again, since an update of it came without its large values. */
  isAgain: boolean
}

const FIELD = 'incremental_snapshot'
const PRIMARY_KEY = `${FIELD}_primary_key`
const MAXIMUM_KEY = `${FIELD}_maximum_key`
const COLLECTIONS = `${FIELD}_collections`
const CORRELATION_ID = `${FIELD}_correlation_id`
/** Keys as texts, for types that Debezium's fields have in forms that only Java knows. Debezium does not keep it. */
const OWN = 'tributary_incremental_snapshot'

interface Own {
  last: ChunkKey | null
  max: ChunkKey | null
  again: readonly ChunkKey[]
  paused: boolean
}

/** Of a column of a key: how Debezium has its values. */
export type KeyKind = 'integer' | 'long' | 'text' | 'uuid' | 'other'

export class IncrementalState {
  collections: Collection[] = []
  isPaused = false
  /** The id of the signal that came last. */
  signal: string | null = null
  /** The greatest key when the table was begun; null before. */
  maximumKey: ChunkKey | null = null
  /** Of the last row that was read. */
  chunkEnd: ChunkKey | null = null
  /** Of the last row that was delivered: a restart goes on after it. */
  #lastKey: ChunkKey | null = null
  #keyKinds: readonly KeyKind[] = []
  /** In the order in which they were read. */
  readonly #window = new Map<number, WindowRow>()
  /** Of the rows of the window by their identity, of which a table without a key may have many rows. */
  readonly #places = new Map<string, number[]>()
  #again = new Map<string, ChunkKey>()
  #fields: SourceOffset | null = null

  static load(offset: SourceOffset | null): IncrementalState {
    const state = new IncrementalState()
    const collections = offset?.[COLLECTIONS]
    if (!offset || typeof collections !== 'string') return state
    state.collections = parsedCollections(collections)
    if (state.collections.length === 0) return state
    const signal = offset[CORRELATION_ID]
    state.signal = typeof signal === 'string' ? signal : null
    const own = parsedOwn(offset[OWN])
    state.chunkEnd = own ? own.last : debeziumKey(offset[PRIMARY_KEY])
    state.maximumKey = own ? own.max : debeziumKey(offset[MAXIMUM_KEY])
    // A table of which one key cannot be read is begun again.
    if (state.chunkEnd === null) state.maximumKey = null
    state.#lastKey = state.chunkEnd
    state.isPaused = own?.paused ?? false
    for (const key of own?.again ?? []) state.#again.set(keyText(key), key)
    return state
  }

  get isRunning(): boolean {
    return this.collections.length > 0
  }

  get current(): Collection | null {
    return this.collections[0] ?? null
  }

  get isWindowEmpty(): boolean {
    return this.#window.size === 0
  }

  /** Identities of rows to read again with the next chunk. */
  get again(): ChunkKey[] {
    return [...this.#again.values()]
  }

  add(collections: readonly Collection[], signal: string): void {
    this.collections.push(...collections)
    this.signal = signal
    this.#changed()
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused
    this.#changed()
  }

  /** Takes the tables out that are named: those that were there. The window goes with the one in progress. */
  remove(names: readonly string[] | null): string[] {
    const isNamed = ({ name }: Collection) => names === null || names.includes(name)
    const removed = this.collections.filter(isNamed).map(({ name }) => name)
    const [first] = this.collections
    this.collections = this.collections.filter((collection) => !isNamed(collection))
    if (this.collections[0] !== first) this.#reset()
    this.#changed()
    return removed
  }

  /** The first table is done. */
  next(): void {
    this.collections = this.collections.slice(1)
    this.#reset()
    this.#changed()
  }

  begin(maximumKey: ChunkKey): void {
    this.maximumKey = maximumKey
    this.#changed()
  }

  /** The rows of a chunk. They wait until the window closes. */
  open(rows: readonly WindowRow[], kinds: readonly KeyKind[]): void {
    this.#keyKinds = kinds
    this.#clearWindow()
    for (const [place, row] of rows.entries()) {
      this.#window.set(place, row)
      if (!row.isAgain) this.chunkEnd = row.key
      if (row.identity === null) continue
      const text = keyText(row.identity)
      const others = this.#places.get(text)
      if (others) others.push(place)
      else this.#places.set(text, [place])
      if (row.isAgain) this.#again.delete(text)
    }
  }

  /** The row changed in the stream, which has its newer state; but not the large values that did not change. */
  supersede(identity: ChunkKey, lacksValues: boolean): void {
    const text = keyText(identity)
    const places = this.#places.get(text)
    if (!places) return
    for (const place of places) this.#window.delete(place)
    this.#places.delete(text)
    if (!lacksValues) return
    this.#again.set(text, identity)
    this.#changed()
  }

  /** The rows that are left when the window closes, in order. */
  close(): WindowRow[] {
    const rows = [...this.#window.values()]
    this.#clearWindow()
    return rows
  }

  /** The rows are delivered with the next stored offset. Those with the key of `next`, which follows them, come again after a restart. */
  delivered(rows: readonly WindowRow[], next?: WindowRow): void {
    const open = next && keyText(next.key)
    const last = rows.findLast(({ isAgain, key }) => !isAgain && keyText(key) !== open)
    if (last) this.#lastKey = last.key
    this.#changed()
  }

  /** For each stored offset; none where no incremental snapshot runs. */
  offsetFields(): SourceOffset {
    this.#fields ??= this.isRunning ? this.#runningFields() : {}
    return this.#fields
  }

  #runningFields(): SourceOffset {
    const own: Own = { last: this.#lastKey, max: this.maximumKey, again: this.again, paused: this.isPaused }
    return {
      [PRIMARY_KEY]: javaArray(this.#javaKey(this.#lastKey)),
      [MAXIMUM_KEY]: javaArray(this.#javaKey(this.maximumKey)),
      [COLLECTIONS]: JSON.stringify(
        this.collections.map(({ name, filter, surrogateKey, signal }) => ({
          [`${COLLECTIONS}_id`]: name,
          [`${COLLECTIONS}_additional_condition`]: filter === '' ? null : filter,
          [`${COLLECTIONS}_surrogate_key`]: surrogateKey === '' ? null : surrogateKey,
          [`${COLLECTIONS}_correlation_id`]: signal,
        })),
      ),
      [CORRELATION_ID]: this.signal,
      [OWN]: JSON.stringify(own),
    }
  }

  /** Null, from which Debezium begins the table again, where it has a type that Java serializes in a form of its own. */
  #javaKey(key: ChunkKey | null): JavaValue[] | null {
    if (key === null || key.length !== this.#keyKinds.length || this.#keyKinds.includes('other')) return null
    return key.map((text, index) => {
      const kind = this.#keyKinds[index]
      if (text === null || kind === 'text') return text
      if (kind === 'uuid') return { uuid: text }
      return kind === 'long' ? BigInt(text) : Number(text)
    })
  }

  #reset(): void {
    this.maximumKey = null
    this.chunkEnd = null
    this.#lastKey = null
    this.#keyKinds = []
    this.#clearWindow()
    this.#again.clear()
  }

  #clearWindow(): void {
    this.#window.clear()
    this.#places.clear()
  }

  #changed(): void {
    this.#fields = null
  }
}

const keyText = (key: ChunkKey): string => JSON.stringify(key)

function parsedCollections(text: string): Collection[] {
  const entries = parsedJson(text)
  if (!Array.isArray(entries)) return []
  return entries.flatMap((entry: Record<string, unknown>) => {
    const field = (name: string): string =>
      typeof entry[`${COLLECTIONS}_${name}`] === 'string' ? (entry[`${COLLECTIONS}_${name}`] as string) : ''
    if (field('id') === '') return []
    return [
      {
        name: field('id'),
        filter: field('additional_condition'),
        surrogateKey: field('surrogate_key'),
        signal: field('correlation_id') || null,
      },
    ]
  })
}

function parsedOwn(text: unknown): Own | null {
  const own = typeof text === 'string' ? (parsedJson(text) as Own | null) : null
  return own && Array.isArray(own.again) && typeof own.paused === 'boolean' ? own : null
}

function debeziumKey(text: unknown): ChunkKey | null {
  const values = typeof text === 'string' ? parseJavaArray(text) : null
  return values ? values.map((value) => (value === null ? null : typeof value === 'object' ? value.uuid : String(value))) : null
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

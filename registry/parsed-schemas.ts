/**
 * Schemas parsed with what they reference, kept for the next request. Bounded in number and in characters; a schema is found again by its
 * text and the texts of its references, so that a change of what it references is seen at once.
 */
import { createHash } from 'node:crypto'
import { invariant } from '../core/errors.ts'
import type { SchemaContent, SchemaReference } from './entities.ts'
import {
  InvalidSchemaError,
  type ParsedSchema,
  parseSchema,
  type ResolvedReference,
  type SchemaType,
  schemaTypes,
} from './formats/index.ts'
import { qualifyWithParent } from './qualified-subject.ts'
import { invalidSchema } from './registry-error.ts'
import type { RegistryImage } from './registry-image.ts'

/** Texts of the kept schemas, with those of their references (Invariant 13). */
const KEPT_CHARACTERS_LIMIT = 64 * 1024 * 1024
/** References of a schema, with theirs. */
const REFERENCES_LIMIT = 10_000
const LATEST = -1

type Unparsed = Pick<SchemaContent, 'schemaType' | 'schema' | 'references'>

/** What a schema was parsed of. */
export interface SchemaSource {
  /** The same for the same texts. */
  readonly key: string
  readonly type: SchemaType
  readonly text: string
  readonly references: readonly ResolvedReference[]
}

interface KeptSchema {
  readonly parsed: ParsedSchema
  readonly characters: number
}

export class ParsedSchemas {
  readonly #image: RegistryImage
  readonly #maxKept: number
  /** The least recently used first. */
  readonly #kept = new Map<string, KeptSchema>()
  #characters = 0
  readonly #sources = new WeakMap<ParsedSchema, SchemaSource>()

  /** `maxKept` is schema.cache.size. */
  constructor(image: RegistryImage, maxKept: number) {
    this.#image = image
    this.#maxKept = maxKept
  }

  /**
   * `isNew`: it is about to be registered, and checked strictly; deleted versions cannot be referenced then.
   * @throws SchemaRegistryError 42201 with Confluent's sentence.
   */
  parse(subject: string, schema: Unparsed, isNew: boolean): ParsedSchema {
    const { schemaType } = schema
    if (!schemaTypes.includes(schemaType)) throw invalidSchema(`Invalid schema type ${schemaType}`)
    try {
      return this.#find(schema, this.#resolve(subject, schema.references, isNew), isNew)
    } catch (error) {
      if (!(error instanceof InvalidSchemaError)) throw error
      throw invalidSchema(`Invalid schema of type ${schemaType}, details: ${error.message}`, error)
    }
  }

  #find({ schemaType, schema }: Unparsed, references: readonly ResolvedReference[], isNew: boolean): ParsedSchema {
    const hash = createHash('sha256').update(`${schemaType}/${isNew}/${schema.length}/`).update(schema)
    for (const { name, text } of references) hash.update(`/${name.length}/${text.length}/`).update(name).update(text)
    const key = hash.digest('base64')
    const known = this.#kept.get(key)
    if (known) {
      this.#kept.delete(key)
      this.#kept.set(key, known)
      return known.parsed
    }
    const parsed = parseSchema(schemaType, schema, references, { isNew })
    this.#sources.set(parsed, { key, type: schemaType, text: schema, references })
    this.#keep(key, { parsed, characters: references.reduce((sum, { text }) => sum + text.length, schema.length) })
    return parsed
  }

  /** Of a schema that `parse` has returned. */
  sourceOf(parsed: ParsedSchema): SchemaSource {
    const source = this.#sources.get(parsed)
    invariant(source, 'a schema that was parsed here has its source')
    return source
  }

  #keep(key: string, schema: KeptSchema): void {
    this.#kept.set(key, schema)
    this.#characters += schema.characters
    for (const [oldest, { characters }] of this.#kept) {
      if (this.#kept.size <= this.#maxKept && this.#characters <= KEPT_CHARACTERS_LIMIT) return
      this.#kept.delete(oldest)
      this.#characters -= characters
    }
  }

  /** The texts that references name, each after those that it references itself; of two with one name the first counts. */
  #resolve(subject: string, references: readonly SchemaReference[], isNew: boolean): ResolvedReference[] {
    const visited = new Set<string>()
    const resolved: ResolvedReference[] = []
    /** The schemas whose references are being visited, each inside the one before it: a chain of them may be long. */
    const open: { subject: string; references: readonly SchemaReference[]; at: number; done: ResolvedReference | null }[] = []
    open.push({ subject, references, at: 0, done: null })
    for (let inner = open.at(-1); inner; inner = open.at(-1)) {
      const reference = inner.references[inner.at++]
      if (!reference) {
        if (inner.done) resolved.push(inner.done)
        open.pop()
        continue
      }
      const found = this.#referenced(inner.subject, reference, isNew)
      if (visited.has(reference.name)) continue
      visited.add(reference.name)
      if (visited.size > REFERENCES_LIMIT) throw new InvalidSchemaError(`More than ${REFERENCES_LIMIT} schemas are referenced`)
      const done = { name: reference.name, text: found.schema }
      open.push({ subject: found.subject, references: found.references, at: 0, done })
    }
    return resolved
  }

  #referenced(parent: string, { subject, version }: SchemaReference, isNew: boolean) {
    const qualified = qualifyWithParent(parent, subject)
    const found = version === LATEST ? this.#image.latest(qualified) : this.#image.version(qualified, version)
    if (!found || (isNew && found.deleted))
      throw new InvalidSchemaError(`No schema reference found for subject "${qualified}" and version ${version}`)
    return found
  }

  /** With the versions of what is referenced by its latest version. */
  withVersions(subject: string, references: readonly SchemaReference[]): SchemaReference[] {
    return references.map((reference) => {
      if (reference.version !== LATEST) return reference
      const latest = this.#image.latest(qualifyWithParent(subject, reference.subject))
      return latest ? { ...reference, version: latest.version } : reference
    })
  }
}

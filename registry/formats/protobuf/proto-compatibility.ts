/**
 * Confluent's rules for protobuf: fields are compared by number, types by kind on the wire, with its messages and its order of them.
 * Two messages that references define are compared once, so that recursive types end.
 */

import { BoundedRecursion } from '../bounded-recursion.ts'
import { type Side, sideWords } from '../difference-text.ts'
import { type Findings, listed, type Nested } from '../findings.ts'
import { javaSetOrder } from '../java-order.ts'
import {
  allFields,
  type Label,
  mapTypes,
  type ProtoField,
  type ProtoFile,
  type ProtoMessage,
  type ProtoType,
  SCALARS,
} from './proto-file.ts'
import type { TypeIndex, TypeInfo } from './type-index.ts'

/** What a reader cannot cope with; all other changes are compatible. */
type Kind =
  | 'PACKAGE_CHANGED'
  | 'MESSAGE_REMOVED'
  | 'FIELD_KIND_CHANGED'
  | 'FIELD_SCALAR_KIND_CHANGED'
  | 'FIELD_NAMED_TYPE_CHANGED'
  | 'FIELD_NUMERIC_LABEL_CHANGED'
  | 'REQUIRED_FIELD_ADDED'
  | 'REQUIRED_FIELD_REMOVED'
  | 'ONEOF_FIELD_REMOVED'
  | 'MULTIPLE_FIELDS_MOVED_TO_ONEOF'
  | 'FIELD_MOVED_TO_EXISTING_ONEOF'

interface Difference {
  readonly kind: Kind
  readonly path: readonly string[]
}

/** A schema with what its names mean. */
export interface ProtoSide {
  readonly file: ProtoFile
  readonly types: TypeIndex
}

export const protoDifferences = (writer: ProtoSide, reader: ProtoSide, side: Side): string[] =>
  listed(new ProtoCheck(writer, reader).file()).map(({ kind, path }) => {
    return `{errorType:"${kind}", description:"${sideWords(side, descriptions[kind](`#/${path.join('/')}`))}"}`
  })

/** Where a check is: the scopes of names on both sides, and the path that messages show. */
interface Place {
  readonly original: readonly string[]
  readonly update: readonly string[]
  readonly path: readonly string[]
}

const at = (place: Place, ...steps: string[]): Place => ({ ...place, path: [...place.path, ...steps] })
const inside = (place: Place, name: string): Place => ({
  original: [...place.original, name],
  update: [...place.update, name],
  path: [...place.path, name],
})
const packageScope = (name: string | null | undefined) => (name ? name.split('.') : [])

class ProtoCheck {
  readonly #original: ProtoSide
  readonly #update: ProtoSide
  /** Of what is being compared: the file, or two messages of references. */
  #found: (Difference | Nested<Difference>)[] = []
  /** The differences of two messages of references; none while they are being compared. */
  readonly #compared = new Map<TypeInfo, Map<TypeInfo, Findings<Difference>>>()
  readonly #inProgress = new Set<ProtoMessage>()
  readonly #recursion = new BoundedRecursion<TypeInfo>()

  constructor(original: ProtoSide, update: ProtoSide) {
    this.#original = original
    this.#update = update
  }

  file(): Findings<Difference> {
    return this.#recursion.run(
      () => this.#collect(() => this.#files()),
      (old, now) => this.#referenced(old, now),
    )
  }

  #collect(compare: () => void): Findings<Difference> {
    const outer = this.#found
    this.#found = []
    try {
      compare()
      return this.#found
    } finally {
      this.#found = outer
    }
  }

  #files(): void {
    const [original, update] = [this.#original.file, this.#update.file]
    const place = { original: packageScope(original.packageName), update: packageScope(update.packageName), path: [] }
    if (original.packageName !== update.packageName) this.#add('PACKAGE_CHANGED', place)
    this.#types(original.types, update.types, place)
  }

  #add(kind: Kind, place: Place): void {
    this.#found.push({ kind, path: place.path })
  }

  /** An enum may lose and gain constants, and come and go. */
  #types(original: readonly ProtoType[], update: readonly ProtoType[], place: Place): void {
    const before = messagesOf(original)
    const after = messagesOf(update)
    for (const name of javaSetOrder(before.keys(), after.keys())) {
      const here = inside(place, name)
      const [old, now] = [before.get(name), after.get(name)]
      if (old && now) this.#message(old, now, here)
      else if (old) {
        const type = this.#original.types.find(name, here.original)
        if (type && type.mapType === null) this.#add('MESSAGE_REMOVED', here)
      }
    }
  }

  #message(original: ProtoMessage, update: ProtoMessage, place: Place): void {
    if (!this.#inProgress.has(original)) {
      this.#inProgress.add(original)
      try {
        this.#fields(original, update, place)
      } finally {
        this.#inProgress.delete(original)
      }
    }
    this.#types(original.types, update.types, place)
  }

  #fields(original: ProtoMessage, update: ProtoMessage, place: Place): void {
    const before = new Map(allFields(original).map((field) => [field.tag, field]))
    const after = new Map(allFields(update).map((field) => [field.tag, field]))
    const oneofBefore = oneofByTag(original)
    const oneofAfter = oneofByTag(update)
    this.#movedToOneofs(update, before, oneofBefore, place)
    const deleted = deletedOneofs(original, update, after)
    const tags = [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b)
    for (const tag of tags) {
      const [old, now] = [before.get(tag), after.get(tag)]
      const [from, to] = [oneofBefore.get(tag), oneofAfter.get(tag)]
      const steps = (oneof: string | undefined) => (oneof === undefined ? at(place, String(tag)) : at(place, oneof, String(tag)))
      if (old && now) this.#field(old, now, steps(to))
      else if (old) {
        if (from === undefined) {
          if (old.label === 'required') this.#add('REQUIRED_FIELD_REMOVED', steps(from))
        } else if (!deleted.has(from)) this.#add('ONEOF_FIELD_REMOVED', steps(from))
      } else if (to === undefined && now!.label === 'required') this.#add('REQUIRED_FIELD_ADDED', steps(to))
    }
  }

  /** Fields that could be set together and now exclude each other. */
  #movedToOneofs(
    update: ProtoMessage,
    before: ReadonlyMap<number, ProtoField>,
    oneofBefore: ReadonlyMap<number, string>,
    place: Place,
  ): void {
    for (const oneof of update.oneofs) {
      const groups = new Set<string>()
      let movedIn = 0
      for (const { tag } of oneof.fields) {
        const from = oneofBefore.get(tag)
        if (from !== undefined) groups.add(`oneof:${from}`)
        else if (before.has(tag)) {
          groups.add(`field:${tag}`)
          movedIn++
        }
      }
      if (groups.size > 1)
        this.#add(movedIn > 1 ? 'MULTIPLE_FIELDS_MOVED_TO_ONEOF' : 'FIELD_MOVED_TO_EXISTING_ONEOF', at(place, oneof.name))
    }
  }

  #field(original: ProtoField, update: ProtoField, place: Place): void {
    this.#fieldTypes(original.type, update.type, original.label, update.label, place)
  }

  #fieldTypes(originalType: string, updateType: string, originalLabel: Label | null, updateLabel: Label | null, place: Place): void {
    const old = this.#resolved(this.#original.types, originalType, place.original)
    const now = this.#resolved(this.#update.types, updateType, place.update)
    if (old.kind !== now.kind) this.#add('FIELD_KIND_CHANGED', place)
    else if (old.kind === 'map') {
      const [oldMap, nowMap] = [mapTypes(old.type)!, mapTypes(now.type)!]
      this.#fieldTypes(oldMap.key, nowMap.key, null, null, place)
      this.#fieldTypes(oldMap.value, nowMap.value, null, null, place)
    } else if (old.kind === 'message') this.#messageTypes(old, now, place)
    else if (old.scalar !== now.scalar) this.#add('FIELD_SCALAR_KIND_CHANGED', place)
    else if (originalLabel !== null && updateLabel !== null && originalLabel !== updateLabel && old.scalar !== 'text')
      this.#add('FIELD_NUMERIC_LABEL_CHANGED', place)
  }

  #resolved(types: TypeIndex, given: string, scope: readonly string[]): ResolvedType {
    const found = SCALARS.has(given) || mapTypes(given) ? undefined : types.find(given, scope)
    const type = found?.mapType ?? given
    if (mapTypes(type)) return { kind: 'map', type, info: found }
    if (found?.type.kind === 'enum') return { kind: 'scalar', type, info: found, scalar: 'general' }
    if (SCALARS.has(type)) return { kind: 'scalar', type, info: found, scalar: scalarKind(type) }
    return { kind: 'message', type, info: found }
  }

  #messageTypes(old: ResolvedType, now: ResolvedType, place: Place): void {
    if (!old.info || !now.info) {
      if (old.type !== now.type) this.#add('FIELD_NAMED_TYPE_CHANGED', place)
      return
    }
    const name = localName(old.info)
    if (name !== localName(now.info)) this.#add('FIELD_NAMED_TYPE_CHANGED', place)
    // Both are of the schemas themselves, which are compared anyway, or of the same text.
    else if (old.info.source === null || old.info.source !== now.info.source) {
      const nested = this.#referenced(old.info, now.info)
      if (nested.length === 0) return
      this.#found.push({ nested, path: [] })
      this.#add('FIELD_NAMED_TYPE_CHANGED', place)
    }
  }

  /** Compares two messages of which at least one is in another file. */
  #referenced(old: TypeInfo, now: TypeInfo): Findings<Difference> {
    if (old.type === now.type) return []
    let compared = this.#compared.get(old)
    if (!compared) this.#compared.set(old, (compared = new Map()))
    const known = compared.get(now)
    if (known !== undefined) return known
    if (this.#recursion.waits(old, now)) return []
    const path = localName(old).split('.')
    const place = { original: [...packageScope(old.packageName), ...path], update: [...packageScope(now.packageName), ...path], path }
    const compare = () => this.#message(old.type as ProtoMessage, now.type as ProtoMessage, place)
    let found: Findings<Difference> | null = null
    compared.set(now, [])
    try {
      found = this.#recursion.descend(old, now, () => this.#collect(compare))
      return found
    } finally {
      if (found) compared.set(now, found)
      else compared.delete(now)
    }
  }
}

interface ResolvedType {
  readonly kind: 'scalar' | 'map' | 'message'
  readonly type: string
  readonly info: TypeInfo | undefined
  readonly scalar?: string
}

const messagesOf = (types: readonly ProtoType[]): Map<string, ProtoMessage> =>
  new Map(types.flatMap((type) => (type.kind === 'message' ? [[type.name, type] as const] : [])))

const oneofByTag = (message: ProtoMessage): Map<number, string> =>
  new Map(message.oneofs.flatMap((oneof) => oneof.fields.map((field) => [field.tag, oneof.name] as const)))

/** A oneof that is gone with all its fields. */
function deletedOneofs(original: ProtoMessage, update: ProtoMessage, after: ReadonlyMap<number, ProtoField>): Set<string> {
  const kept = new Set(update.oneofs.map((oneof) => oneof.name))
  const gone = original.oneofs.filter((oneof) => !kept.has(oneof.name) && !oneof.fields.some((field) => after.has(field.tag)))
  return new Set(gone.map((oneof) => oneof.name))
}

const localName = ({ fullName, packageName }: TypeInfo): string =>
  fullName.startsWith(`${packageName}.`) ? fullName.slice(packageName.length + 1) : fullName

/** Types of one kind can be read as each other. */
function scalarKind(type: string): string {
  if (/^(u?int(32|64)|bool)$/.test(type)) return 'general'
  if (type.startsWith('sint')) return 'signed'
  if (type === 'string' || type === 'bytes') return 'text'
  if (type.endsWith('fixed32')) return 'fixed32'
  return type.endsWith('fixed64') ? 'fixed64' : type
}

/** The first gap is for the schema that reads, the second for the one that wrote. */
const descriptions: Record<Kind, (path: string) => readonly string[]> = {
  PACKAGE_CHANGED: (path) => [`The package at '${path}' in the `, ' schema does not match the package in the ', ' schema'],
  MESSAGE_REMOVED: (path) => ['The ', ` schema is missing a MESSAGE type at path '${path}' in the `, ' schema'],
  FIELD_KIND_CHANGED: (path) => [`The type of a field at path '${path}' in the `, ' schema does not match the ', ' schema'],
  FIELD_SCALAR_KIND_CHANGED: (path) => [
    `The kind of a SCALAR field at path '${path}' in the `,
    ' schema does not match its kind in the ',
    ' schema',
  ],
  FIELD_NAMED_TYPE_CHANGED: (path) => [
    `The type of a MESSAGE field at path '${path}' in the `,
    ' schema does not match its type in the ',
    ' schema',
  ],
  FIELD_NUMERIC_LABEL_CHANGED: (path) => [
    `The label for a NUMERIC field at path '${path}' in the `,
    ' schema does not match its label in the ',
    ' schema',
  ],
  REQUIRED_FIELD_ADDED: (path) => [`A required field  at path '${path}' in the `, ' schema is missing in the ', ' schema'],
  REQUIRED_FIELD_REMOVED: (path) => ['The ', ` schema is missing a required field at path: '${path}' in the `, ' schema'],
  ONEOF_FIELD_REMOVED: (path) => ['The ', ` schema is missing a oneof field at path '${path}' in the `, ' schema'],
  MULTIPLE_FIELDS_MOVED_TO_ONEOF: (path) => [
    `Multiple fields in the oneof at path '${path}' in the `,
    ' schema are outside a oneof in the ',
    ' schema',
  ],
  FIELD_MOVED_TO_EXISTING_ONEOF: (path) => [
    `A field in the oneof at path '${path}' in the `,
    ' schema is outside an existing oneof in the ',
    ' schema',
  ],
}

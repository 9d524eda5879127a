/**
 * Reads a .proto text of proto2 or proto3 into what it declares. It checks the grammar and names that come twice; whether types exist is
 * for those who know the imports.
 */
import { InvalidSchemaError } from '../parsed-schema.ts'
import {
  type Label,
  MAX_TAG,
  type ProtoEnum,
  type ProtoEnumValue,
  type ProtoExtend,
  type ProtoExtensions,
  type ProtoField,
  type ProtoFile,
  type ProtoGroup,
  type ProtoMessage,
  type ProtoMethod,
  type ProtoOneof,
  type ProtoOption,
  type ProtoService,
  type ProtoType,
  type Reserved,
  type TagRange,
} from './proto-file.ts'
import { readOption, readOptions } from './proto-options.ts'
import { ProtoTextReader } from './proto-reader.ts'

const MAX_MESSAGE_DEPTH = 100

export const parseProto = (text: string): ProtoFile => new ProtoTextParser(text).file()

class ProtoTextParser {
  readonly #reader: ProtoTextReader
  #syntax: ProtoFile['syntax'] = null

  constructor(text: string) {
    this.#reader = new ProtoTextReader(text)
  }

  file(): ProtoFile {
    const reader = this.#reader
    let packageName: string | null = null
    const imports = { '': [] as string[], public: [] as string[], weak: [] as string[] }
    const options: ProtoOption[] = []
    const types: ProtoType[] = []
    const extended: ProtoExtend[] = []
    const services: ProtoService[] = []
    const names = new Set<string>()
    for (let first = true; !reader.ended; first = false) {
      if (reader.take(';')) continue
      const word = reader.word()
      if (word === 'syntax') this.#readSyntax(first)
      else if (word === 'package') packageName = this.#statement(() => reader.word())
      else if (word === 'import') {
        const kind = this.#importKind()
        imports[kind].push(this.#statement(() => reader.quoted()))
      } else if (word === 'option') options.push(this.#option())
      else if (word === 'message') types.push(named(names, this.#message(0)))
      else if (word === 'enum') types.push(named(names, this.#enum()))
      else if (word === 'extend') extended.push(this.#extend())
      else if (word === 'service') services.push(named(names, this.#service()))
      else if (word === 'edition') reader.fail('edition is not currently supported')
      else reader.fail(`unexpected label: ${word}`)
    }
    return {
      syntax: this.#syntax,
      packageName,
      imports: imports[''],
      publicImports: imports.public,
      weakImports: imports.weak,
      options,
      types,
      extends: extended,
      services,
    }
  }

  #readSyntax(first: boolean): void {
    const reader = this.#reader
    reader.expect(this.#syntax === null, 'too many syntax definitions')
    reader.require('=')
    reader.expect(first, "'syntax' element must be the first declaration in a file")
    const syntax = this.#statement(() => reader.quoted())
    if (syntax === 'proto2' || syntax === 'proto3') this.#syntax = syntax
    else reader.fail(`unexpected syntax: ${syntax}`)
  }

  #importKind(): '' | 'public' | 'weak' {
    const next = this.#reader.peek()
    if (next === '"' || next === "'") return ''
    const word = this.#reader.word()
    return word === 'public' || word === 'weak' ? word : this.#reader.fail('expected quoted string')
  }

  #statement<T>(read: () => T): T {
    const value = read()
    this.#reader.require(';')
    return value
  }

  #option = (): ProtoOption => this.#statement(() => readOption(this.#reader, '='))

  /** What stands between braces, one declaration after another; `read` gets the first word of each. */
  #block(read: (word: string) => void): void {
    this.#reader.require('{')
    while (!this.#reader.take('}')) if (!this.#reader.take(';')) read(this.#reader.word())
  }

  #message(depth: number): ProtoMessage {
    const reader = this.#reader
    reader.expect(depth < MAX_MESSAGE_DEPTH, `messages nest deeper than ${MAX_MESSAGE_DEPTH}`)
    const name = reader.word()
    const options: ProtoOption[] = []
    const reserved: Reserved[] = []
    const fields: ProtoField[] = []
    const oneofs: ProtoOneof[] = []
    const groups: ProtoGroup[] = []
    const extensions: ProtoExtensions[] = []
    const extended: ProtoExtend[] = []
    const types: ProtoType[] = []
    const names = new Set<string>()
    this.#block((word) => {
      if (word === 'option') options.push(this.#option())
      else if (word === 'reserved') reserved.push(this.#reserved())
      else if (word === 'message') types.push(named(names, this.#message(depth + 1)))
      else if (word === 'enum') types.push(named(names, this.#enum()))
      else if (word === 'extend') extended.push(this.#extend())
      else if (word === 'oneof') oneofs.push(this.#oneof())
      else if (word === 'extensions') extensions.push(this.#extensions())
      else {
        const member = this.#member(word)
        if ('fields' in member) groups.push(member)
        else fields.push(member)
      }
    })
    return { kind: 'message', name, options, reserved, fields, oneofs, groups, extensions, extends: extended, types }
  }

  /** A field or a group; the word before it is its label or its type. */
  #member(word: string): ProtoField | ProtoGroup {
    const reader = this.#reader
    const label = word === 'optional' || word === 'required' || word === 'repeated' ? word : null
    reader.expect(label !== 'required' || this.#syntax !== 'proto3', "'required' label forbidden in proto3 field declarations")
    const isMap = word === 'map' && reader.peek() === '<'
    reader.expect(label !== null || this.#syntax === 'proto3' || isMap, `unexpected label: ${word}`)
    const type = label === null ? reader.dataType(word) : reader.dataType()
    reader.expect(label === null || !type.startsWith('map<'), "'map' type cannot have label")
    return type === 'group' ? this.#group(label) : this.#field(label, type)
  }

  #field(label: Label | null, type: string): ProtoField {
    const reader = this.#reader
    const name = reader.identifier()
    reader.require('=')
    const tag = reader.int()
    const given = readOptions(reader)
    reader.require(';')
    const special = (option: string) => {
      const value = given.findLast((each) => each.name === option)?.value
      return value === undefined
        ? null
        : typeof value === 'string'
          ? value
          : 'word' in (value as object)
            ? (value as { word: string }).word
            : ''
    }
    const options = given.filter((option) => option.name !== 'default' && option.name !== 'json_name')
    return { label, type, name, tag, defaultValue: special('default'), jsonName: special('json_name'), options }
  }

  #group(label: Label | null): ProtoGroup {
    const reader = this.#reader
    const name = reader.word()
    reader.require('=')
    const tag = reader.int()
    const fields: ProtoField[] = []
    this.#block((word) => {
      const member = this.#member(word)
      if ('fields' in member) return reader.fail('expected field declaration, was a group')
      fields.push(member)
    })
    return { label, name, tag, fields }
  }

  #oneof(): ProtoOneof {
    const name = this.#reader.word()
    const fields: ProtoField[] = []
    const groups: ProtoGroup[] = []
    const options: ProtoOption[] = []
    this.#block((word) => {
      if (word === 'option') options.push(this.#option())
      else if (word === 'group') groups.push(this.#group(null))
      else fields.push(this.#field(null, this.#reader.dataType(word)))
    })
    return { name, fields, groups, options }
  }

  #extend(): ProtoExtend {
    const name = this.#reader.word()
    const fields: ProtoField[] = []
    this.#block((word) => {
      const member = this.#member(word)
      // A group in an extension is not kept, as Confluent's parser keeps none.
      if (!('fields' in member)) fields.push(member)
    })
    return { name, fields }
  }

  #reserved(): Reserved {
    const reader = this.#reader
    return this.#list(() => (reader.peek() === '"' || reader.peek() === "'" ? reader.quoted() : this.#range()))
  }

  #extensions(): ProtoExtensions {
    const ranges: (number | TagRange)[] = []
    for (;;) {
      ranges.push(this.#range())
      if (this.#reader.peek() === '[') return { ranges, options: this.#statement(() => readOptions(this.#reader)) }
      if (this.#reader.take(';')) return { ranges, options: [] }
      this.#reader.require(',')
    }
  }

  #list<T>(read: () => T): T[] {
    const found: T[] = []
    for (;;) {
      found.push(read())
      if (this.#reader.take(';')) return found
      this.#reader.require(',')
    }
  }

  #range(): number | TagRange {
    const reader = this.#reader
    const from = reader.int()
    if (/[,;[]/.test(reader.peek())) return from
    reader.expect(reader.word() === 'to', "expected ',', ';', or 'to'")
    if (!/[\d-]/.test(reader.peek())) {
      reader.expect(reader.word() === 'max', "expected an integer or 'max'")
      return { from, to: MAX_TAG }
    }
    return { from, to: reader.int() }
  }

  #enum(): ProtoEnum {
    const name = this.#reader.word()
    const options: ProtoOption[] = []
    const reserved: Reserved[] = []
    const values: ProtoEnumValue[] = []
    this.#block((word) => {
      if (word === 'option') options.push(this.#option())
      else if (word === 'reserved') reserved.push(this.#reserved())
      else {
        this.#reader.expect(!/^\d/.test(word), 'field and constant names cannot start with a digit')
        this.#reader.require('=')
        const tag = this.#reader.int()
        values.push({ name: word, tag, options: this.#statement(() => readOptions(this.#reader)) })
      }
    })
    return { kind: 'enum', name, options, reserved, values }
  }

  #service(): ProtoService {
    const name = this.#reader.word()
    const options: ProtoOption[] = []
    const methods: ProtoMethod[] = []
    this.#block((word) => {
      if (word === 'option') options.push(this.#option())
      else if (word === 'rpc') methods.push(this.#method())
      else this.#reader.fail(`unexpected label: ${word}`)
    })
    return { name, options, methods }
  }

  #method(): ProtoMethod {
    const reader = this.#reader
    const name = reader.word()
    const [request, requestStreams] = this.#messageType()
    reader.expect(reader.word() === 'returns', "expected 'returns'")
    const [response, responseStreams] = this.#messageType()
    const options: ProtoOption[] = []
    if (!reader.take(';'))
      this.#block((word) => {
        reader.expect(word === 'option', `unexpected label: ${word}`)
        options.push(this.#option())
      })
    return { name, request, requestStreams, response, responseStreams, options }
  }

  #messageType(): [type: string, streams: boolean] {
    const reader = this.#reader
    reader.require('(')
    const word = reader.word()
    const streams = word === 'stream' && reader.peek() !== ')'
    const type = streams ? reader.dataType() : reader.dataType(word)
    reader.require(')')
    return [type, streams]
  }
}

function named<T extends { name: string }>(names: Set<string>, declared: T): T {
  if (names.has(declared.name)) throw new InvalidSchemaError(`${declared.name} is already defined`)
  names.add(declared.name)
  return declared
}

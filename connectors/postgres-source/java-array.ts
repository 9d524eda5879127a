/**
 * Arrays of keys as Debezium stores them in offsets: Java's serialization of Object[], in hexadecimal. It has the values that keys mostly
 * have: integers, texts and UUIDs. Of others nothing is known here.
 */

/** A value of a key; a number is an Integer, a bigint a Long. */
export type JavaValue = number | bigint | string | { readonly uuid: string } | null

const HEADER = 'aced0005'
const NULL = 0x70
const REFERENCE = 0x71
const CLASS = 0x72
const OBJECT = 0x73
const TEXT = 0x74
const ARRAY = 0x75
const END_OF_DATA = 0x78
const LONG_TEXT = 0x7c
const FIRST_HANDLE = 0x7e_0000
/** The descriptor has fields and nothing of its own to write. */
const SERIALIZABLE = 0x02

interface Description {
  name: string
  /** Of its version. */
  uid: string
  /** Types and names, in the order of the names. */
  fields: readonly (readonly [string, string])[]
  parent: Description | null
}

const NUMBER: Description = { name: 'java.lang.Number', uid: '86ac951d0b94e08b', fields: [], parent: null }
const CLASSES = {
  array: { name: '[Ljava.lang.Object;', uid: '90ce589f1073296c', fields: [], parent: null },
  integer: { name: 'java.lang.Integer', uid: '12e2a0a4f7818738', fields: [['I', 'value']], parent: NUMBER },
  long: { name: 'java.lang.Long', uid: '3b8be490cc8f23df', fields: [['J', 'value']], parent: NUMBER },
  short: { name: 'java.lang.Short', uid: '684d37133460da52', fields: [['S', 'value']], parent: NUMBER },
  uuid: {
    name: 'java.util.UUID',
    uid: 'bc9903f7986d852f',
    fields: [
      ['J', 'leastSigBits'],
      ['J', 'mostSigBits'],
    ],
    parent: null,
  },
} as const satisfies Record<string, Description>

export function javaArray(values: readonly JavaValue[] | null): string {
  if (values === null) return `${HEADER}70`.toUpperCase()
  const writer = new JavaWriter()
  writer.array(values)
  return `${HEADER}${writer.bytes.toString('hex')}`.toUpperCase()
}

/** Undefined where the array has other values, or the text is none. */
export function parseJavaArray(text: string): JavaValue[] | null | undefined {
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) return undefined
  const bytes = Buffer.from(text, 'hex')
  if (bytes.toString('hex', 0, 4) !== HEADER) return undefined
  try {
    return new JavaReader(bytes.subarray(4)).value() as JavaValue[] | null
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

class JavaWriter {
  readonly #parts: Buffer[] = []
  readonly #handles = new Map<string, number>()
  #handle = FIRST_HANDLE

  get bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  array(values: readonly JavaValue[]): void {
    this.#byte(ARRAY)
    this.#class(CLASSES.array)
    this.#handle++
    this.#int(values.length)
    for (const value of values) this.#value(value)
  }

  #value(value: JavaValue): void {
    if (value === null) this.#byte(NULL)
    else if (typeof value === 'string') this.#text(value)
    else if (typeof value === 'number') {
      this.#object(CLASSES.integer)
      this.#int(value)
    } else if (typeof value === 'bigint') {
      this.#object(CLASSES.long)
      this.#long(value)
    } else {
      const digits = value.uuid.replaceAll('-', '')
      this.#object(CLASSES.uuid)
      this.#parts.push(Buffer.from(digits.slice(16) + digits.slice(0, 16), 'hex'))
    }
  }

  #object(described: Description): void {
    this.#byte(OBJECT)
    this.#class(described)
    this.#handle++
  }

  /** A text that was written before is a reference to it. */
  #text(text: string): void {
    const known = this.#handles.get(`text ${text}`)
    if (known !== undefined) {
      this.#reference(known)
      return
    }
    this.#handles.set(`text ${text}`, this.#handle++)
    const bytes = modifiedUtf8(text)
    const length = Buffer.alloc(bytes.length > 0xffff ? 8 : 2)
    if (bytes.length > 0xffff) length.writeBigInt64BE(BigInt(bytes.length))
    else length.writeUInt16BE(bytes.length)
    this.#parts.push(Buffer.of(bytes.length > 0xffff ? LONG_TEXT : TEXT), length, bytes)
  }

  #class(described: Description): void {
    const known = this.#handles.get(described.name)
    if (known !== undefined) {
      this.#reference(known)
      return
    }
    this.#handles.set(described.name, this.#handle++)
    this.#byte(CLASS)
    this.#short(described.name)
    this.#parts.push(Buffer.from(described.uid, 'hex'), Buffer.of(SERIALIZABLE, 0, described.fields.length))
    for (const [type, name] of described.fields) {
      this.#parts.push(Buffer.from(type))
      this.#short(name)
    }
    this.#byte(END_OF_DATA)
    if (described.parent) this.#class(described.parent)
    else this.#byte(NULL)
  }

  #reference(handle: number): void {
    this.#byte(REFERENCE)
    this.#int(handle)
  }

  #short(text: string): void {
    this.#parts.push(Buffer.of(text.length >> 8, text.length & 0xff), Buffer.from(text))
  }

  #int(value: number): void {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(value)
    this.#parts.push(bytes)
  }

  #long(value: bigint): void {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(value)
    this.#parts.push(bytes)
  }

  #byte(value: number): void {
    this.#parts.push(Buffer.of(value))
  }
}

/** A class of the text, with the types of its fields. */
interface JavaClass {
  name: string
  types: string
}

/** Throws RangeError for what it does not know, as Buffer does for what is too short. */
class JavaReader {
  readonly #bytes: Buffer
  readonly #handles: unknown[] = []
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  value(): unknown {
    const kind = this.#bytes.readUInt8(this.#at++)
    if (kind === NULL) return null
    if (kind === REFERENCE) return this.#referenced()
    if (kind === TEXT || kind === LONG_TEXT) return this.#known(this.#text(kind === TEXT ? this.#uint16() : this.#int64()))
    if (kind === ARRAY) return this.#array()
    if (kind === OBJECT) return this.#object()
    throw new RangeError(`${kind} is no value of a key`)
  }

  #array(): unknown[] {
    const { name } = this.#class()
    if (name !== CLASSES.array.name) throw new RangeError(`${name} is no array of objects`)
    const values: unknown[] = this.#known([])
    for (let left = this.#int32(); left > 0; left--) values.push(this.value())
    return values
  }

  #object(): JavaValue {
    const described = this.#class()
    const place = this.#handles.push(undefined) - 1
    const value = this.#value(described)
    this.#handles[place] = value
    return value
  }

  #value({ name, types }: JavaClass): JavaValue {
    const known = Object.values(CLASSES).find((one) => one.name === name && one.fields.map(([type]) => type).join('') === types)
    const start = this.#at
    if (known === CLASSES.integer) return this.#int32()
    if (known === CLASSES.long || known === CLASSES.uuid) this.#at += types.length * 8
    else if (known === CLASSES.short) this.#at += 2
    else throw new RangeError(`${name} is no value of a key`)
    if (known === CLASSES.short) return this.#bytes.readInt16BE(start)
    if (known === CLASSES.long) return this.#bytes.readBigInt64BE(start)
    if (this.#at > this.#bytes.length) throw new RangeError('A UUID is cut off')
    const digits = this.#bytes.toString('hex', start + 8, start + 16) + this.#bytes.toString('hex', start, start + 8)
    return { uuid: digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') }
  }

  #class(): JavaClass {
    const kind = this.#bytes.readUInt8(this.#at++)
    if (kind === REFERENCE) return this.#referenced() as JavaClass
    if (kind !== CLASS) throw new RangeError('A class is missing')
    const name = this.#text(this.#uint16())
    this.#at += 8
    const described: JavaClass = this.#known({ name, types: '' })
    if (this.#bytes.readUInt8(this.#at++) !== SERIALIZABLE) throw new RangeError(`${name} writes itself`)
    for (let left = this.#uint16(); left > 0; left--) {
      described.types += String.fromCharCode(this.#bytes.readUInt8(this.#at++))
      this.#text(this.#uint16())
    }
    if (this.#bytes.readUInt8(this.#at++) !== END_OF_DATA) throw new RangeError(`${name} has annotations`)
    if (this.#bytes.readUInt8(this.#at) === NULL) this.#at++
    else this.#class()
    return described
  }

  #referenced(): unknown {
    const handle = this.#int32() - FIRST_HANDLE
    if (handle < 0 || handle >= this.#handles.length) throw new RangeError('A reference goes nowhere')
    return this.#handles[handle]
  }

  #known<T>(value: T): T {
    this.#handles.push(value)
    return value
  }

  #text(length: number): string {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('A text is cut off')
    const text = fromModifiedUtf8(this.#bytes.subarray(this.#at, end))
    this.#at = end
    return text
  }

  #uint16(): number {
    this.#at += 2
    return this.#bytes.readUInt16BE(this.#at - 2)
  }

  #int32(): number {
    this.#at += 4
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  #int64(): number {
    this.#at += 8
    return Number(this.#bytes.readBigInt64BE(this.#at - 8))
  }
}

/** Java's: each UTF-16 unit by itself, and two bytes for a zero. */
function modifiedUtf8(text: string): Buffer {
  const bytes: number[] = []
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit > 0 && unit < 0x80) bytes.push(unit)
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f))
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))
  }
  return Buffer.from(bytes)
}

function fromModifiedUtf8(bytes: Buffer): string {
  const units: number[] = []
  for (let index = 0; index < bytes.length; ) {
    const first = bytes[index++]!
    if (first < 0x80) units.push(first)
    else if (first < 0xe0) units.push(((first & 0x1f) << 6) | (bytes[index++]! & 0x3f))
    else units.push(((first & 0x0f) << 12) | ((bytes[index++]! & 0x3f) << 6) | (bytes[index++]! & 0x3f))
  }
  return String.fromCharCode(...units)
}

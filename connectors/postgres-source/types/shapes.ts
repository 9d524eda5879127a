/**
 * Points, the geometries of PostGIS, whose bytes stay as they are, and vectors of pgvector. Each has the struct or array that Debezium's
 * consumers know.
 */
import { type Schema, schemas } from '../../../connect/sdk/index.ts'
import { doubleText } from '../../../connect/sdk/values/java-text.ts'
import { type ColumnType, Unconvertible } from './column-type.ts'
import { inHashOrder } from './hstore.ts'

const struct = (fields: Readonly<Record<string, Schema>>, name: string, doc: string): Schema =>
  schemas.struct(fields, { name: `io.debezium.data.${name}`, version: 1, doc })

const POINT = struct(
  {
    x: schemas.float64(),
    y: schemas.float64(),
    wkb: schemas.bytes({ optional: true }),
    srid: schemas.int32({ optional: true }),
  },
  'geometry.Point',
  'Geometry (POINT)',
)

/** Well-known binary, little endian. */
function pointOf(x: number, y: number): { x: number; y: number; wkb: Buffer; srid: null } {
  const wkb = Buffer.alloc(21)
  wkb[0] = 1
  wkb.writeUInt32LE(1, 1)
  wkb.writeDoubleLE(x, 5)
  wkb.writeDoubleLE(y, 13)
  return { x, y, wkb, srid: null }
}

export function pointType(): ColumnType {
  function decode(text: string): unknown {
    const comma = text.indexOf(',')
    return pointOf(Number(text.slice(1, comma)), Number(text.slice(comma + 1, -1)))
  }
  return { schema: POINT, decode, fallback: pointOf(0, 0), unavailable: null }
}

const geometryFields = { wkb: schemas.bytes(), srid: schemas.int32({ optional: true }) }
const GEOMETRY = struct(geometryFields, 'geometry.Geometry', 'Geometry')
const GEOGRAPHY = struct(geometryFields, 'geometry.Geography', 'Geography')

const HAS_SRID = 0x2000_0000
/** `GEOMETRYCOLLECTION EMPTY`. */
const EMPTY = Buffer.from('010700000000000000', 'hex')

/** The extended well-known binary in hex that PostGIS prints. */
function geometry(text: string): { wkb: Buffer; srid: number | null } {
  const wkb = Buffer.from(text, 'hex')
  if (wkb.length < 5) throw new Unconvertible('the geometry is no extended well-known binary in hex')
  const isLittleEndian = wkb[0] === 1
  const kind = isLittleEndian ? wkb.readUInt32LE(1) : wkb.readUInt32BE(1)
  if ((kind & HAS_SRID) === 0) return { wkb, srid: null }
  return { wkb, srid: isLittleEndian ? wkb.readInt32LE(5) : wkb.readInt32BE(5) }
}

const geometries = (schema: Schema): ColumnType => ({ schema, decode: geometry, fallback: { wkb: EMPTY, srid: null }, unavailable: null })
export const geometryType = (): ColumnType => geometries(GEOMETRY)
export const geographyType = (): ColumnType => geometries(GEOGRAPHY)

const NUMBER = /-?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|Infinity|NaN)/g

/** Boxes, lines and the like, with the numbers as Java prints doubles. */
export const javaShape = (text: string): string => text.replace(NUMBER, (number) => doubleText(Number(number)))

const numbersIn = (text: string): string[] => (text === '[]' ? [] : text.slice(1, -1).split(','))

export const doubleVectorType = (): ColumnType => ({
  schema: schemas.array(schemas.float64(), { name: 'io.debezium.data.DoubleVector', version: 1 }),
  decode: (text) => numbersIn(text).map(Number),
  fallback: [],
  unavailable: null,
})

export const floatVectorType = (): ColumnType => ({
  schema: schemas.array(schemas.float32(), { name: 'io.debezium.data.FloatVector', version: 1 }),
  decode: (text) => numbersIn(text).map((number) => Math.fround(Number(number))),
  fallback: [],
  unavailable: null,
})

const SPARSE_VECTOR = struct(
  { dimensions: schemas.int16(), vector: schemas.map(schemas.int16(), schemas.float64()) },
  'SparseDoubleVector',
  'Sparse double vector',
)
const MAX_INT16 = 32_767

export function sparseVectorType(): ColumnType {
  /** `{1:1.5,3:2}/500`. */
  function decode(text: string): unknown {
    const slash = text.lastIndexOf('/')
    const dimensions = Number(text.slice(slash + 1))
    if (dimensions > MAX_INT16)
      throw new Unconvertible(`the sparse vector has ${dimensions} dimensions, and its schema ends at ${MAX_INT16}`)
    const inside = text.slice(1, slash - 1)
    const entries = inside === '' ? [] : inside.split(',').map((entry) => entry.split(':').map(Number) as [number, number])
    return { dimensions, vector: new Map(inHashOrder(entries, (index) => index)) }
  }
  return { schema: SPARSE_VECTOR, decode, fallback: { dimensions: 0, vector: new Map() }, unavailable: null }
}

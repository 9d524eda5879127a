/**
 * Validates request bodies against the schemas of their routes, and describes the first error in a sentence. The schema compiler is loaded
 * by the first body, because it needs much memory. Paths and queries are not checked here: the routes read them as leniently as Kafka
 * Connect does.
 */
import { createRequire } from 'node:module'
import { ConnectError } from '../../connect/types.ts'

interface SchemaViolation {
  instancePath: string
  schemaPath: string
  keyword: string
  params: Record<string, unknown>
  message?: string
}
type Check = ((value: unknown) => boolean) & { errors?: SchemaViolation[] | null }
interface Compiler {
  compile(schema: object): Check
}

let loaded: Compiler | undefined

/** The compiler that Fastify depends on, resolved from Fastify's folder. */
function compiler(): Compiler {
  if (loaded) return loaded
  const fromHere = createRequire(import.meta.url)
  const fromFastify = createRequire(fromHere.resolve('fastify'))
  const Ajv = createRequire(fromFastify.resolve('@fastify/ajv-compiler'))('ajv') as { new (options: object): Compiler }
  // Only the first error is reported: a body of 10^5 wrong values would get as many sentences.
  loaded = new Ajv({ allErrors: false, strict: false, coerceTypes: false, allowUnionTypes: true })
  return loaded
}

/** A message repeats at most this many characters of a value. */
const MAX_QUOTED = 40

type Part = { schema: unknown; httpPart?: string }

/** Replaces Fastify's compilers, which it would load at the start: they need 12 MB and a tenth of a second. */
export const compilersFactory = {
  buildValidator:
    () =>
    ({ schema, httpPart }: Part) => {
      if (httpPart !== 'body') return () => true
      let check: Check | undefined
      return (value: unknown) => {
        check ??= compiler().compile(schema as object)
        return check(value) ? { value } : { error: new ConnectError(400, sentenceOf(check.errors ?? [], value)) }
      }
    },
  buildSerializer: () => () => (value: unknown) => JSON.stringify(value),
}

/** Where several forms are allowed: the error inside the form that the value has, else the list of the forms. */
function sentenceOf(violations: readonly SchemaViolation[], body: unknown): string {
  const last = violations.at(-1)
  if (last?.keyword !== 'anyOf') return sentence(violations[0], body)
  const forms = violations.slice(0, -1)
  const isOtherForm = ({ keyword, instancePath }: SchemaViolation) =>
    instancePath === last.instancePath && (keyword === 'type' || keyword === 'enum')
  const inside = forms.find((violation) => !isOtherForm(violation))
  if (inside) return sentence(inside, body)
  // A form with listed values is described by the values, not by its type.
  const enumerated = new Set(forms.flatMap(({ keyword, schemaPath }) => (keyword === 'enum' ? schemaPath.replace(/enum$/, 'type') : [])))
  const named = forms.flatMap(({ keyword, schemaPath, params }) =>
    enumerated.has(schemaPath)
      ? []
      : keyword === 'enum'
        ? (params.allowedValues as unknown[]).map((value) => JSON.stringify(value))
        : [params.type].flat().map((type) => `${article(String(type))} ${type}`),
  )
  const actual = valueAt(body, partsOf(last))
  return `${whereOf(last)} must be ${named.join(' or ')}, not ${typeof actual === 'string' ? JSON.stringify(actual.slice(0, MAX_QUOTED)) : kind(actual)}.`
}

const partsOf = ({ instancePath }: SchemaViolation): string[] =>
  instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))

function whereOf(violation: SchemaViolation): string {
  const parts = partsOf(violation)
  return parts.length === 0 ? 'The body' : `"${parts.join('.')}" in the body`
}

function sentence(violation: SchemaViolation | undefined, body: unknown): string {
  if (violation === undefined) return 'The body is not valid for this path.'
  const parts = partsOf(violation)
  const where = whereOf(violation)
  const { keyword, params } = violation
  if (keyword === 'type') {
    const expected = [params.type]
      .flat()
      .join(', ')
      .replace(/, ([^,]*)$/, ' or $1')
    if (parts.length === 0 && (body === undefined || body === null))
      return `A body is required: a JSON ${expected}, with Content-Type: application/json.`
    return `${where} must be ${article(expected)} ${expected}, not ${kind(valueAt(body, parts))}.`
  }
  if (keyword === 'required') return `${where} has no "${params.missingProperty}".`
  if (keyword === 'additionalProperties') return `${where} has an unknown field "${params.additionalProperty}": remove it.`
  if (keyword === 'enum')
    return `${where} must be one of ${(params.allowedValues as unknown[]).map((value) => JSON.stringify(value)).join(', ')}.`
  return `${where} ${violation.message ?? 'is wrong'}.`
}

const article = (word: string) => (/^[aeio]/.test(word) ? 'an' : 'a')
const kind = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'an array' : `${article(typeof value)} ${typeof value}`)
const valueAt = (value: unknown, parts: readonly string[]) =>
  parts.reduce<unknown>((inner, part) => (inner as Record<string, unknown> | null | undefined)?.[part], value)

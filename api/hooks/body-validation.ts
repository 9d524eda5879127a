/**
 * Checks bodies against the schemas of their routes and says in a sentence what is wrong. The schema compiler is loaded by the first body
 * that comes: a worker that only answers GETs never pays for it. Paths and queries are read by the routes, as leniently as Kafka Connect's.
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

/** Fastify's own compiler, found from where Fastify lies. */
function compiler(): Compiler {
  if (loaded) return loaded
  const besideUs = createRequire(import.meta.url)
  const besideFastify = createRequire(besideUs.resolve('fastify'))
  const Ajv = createRequire(besideFastify.resolve('@fastify/ajv-compiler'))('ajv') as { new (options: object): Compiler }
  // several errors are not collected: a body of 10^5 wrong values would be answered with as many sentences
  loaded = new Ajv({ allErrors: false, strict: false, coerceTypes: false, allowUnionTypes: true })
  return loaded
}

/** Characters of what was given that are said again. */
const MAX_QUOTED = 40

type Part = { schema: unknown; httpPart?: string }

/** Handed to Fastify as it is made, so that it does not load its own at once: those take 12 MB and a tenth of a second. */
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

/** Where one of several forms is taken: what is wrong inside the one that was meant, or which there are. */
function sentenceOf(complaints: readonly SchemaViolation[], body: unknown): string {
  const last = complaints.at(-1)
  if (last?.keyword !== 'anyOf') return sentence(complaints[0], body)
  const forms = complaints.slice(0, -1)
  const other = ({ keyword, instancePath }: SchemaViolation) =>
    instancePath === last.instancePath && (keyword === 'type' || keyword === 'enum')
  const meant = forms.find((complaint) => !other(complaint))
  if (meant) return sentence(meant, body)
  // the values of a form say what type it has
  const enumerated = new Set(forms.flatMap(({ keyword, schemaPath }) => (keyword === 'enum' ? schemaPath.replace(/enum$/, 'type') : [])))
  const named = forms.flatMap(({ keyword, schemaPath, params }) =>
    enumerated.has(schemaPath)
      ? []
      : keyword === 'enum'
        ? (params.allowedValues as unknown[]).map((value) => JSON.stringify(value))
        : [params.type].flat().map((type) => `${article(String(type))} ${type}`),
  )
  const given = at(body, partsOf(last))
  return `${whereOf(last)} must be ${named.join(' or ')}, not ${typeof given === 'string' ? JSON.stringify(given.slice(0, MAX_QUOTED)) : kind(given)}.`
}

const partsOf = ({ instancePath }: SchemaViolation): string[] =>
  instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))

function whereOf(complaint: SchemaViolation): string {
  const parts = partsOf(complaint)
  return parts.length === 0 ? 'The body' : `"${parts.join('.')}" in the body`
}

function sentence(complaint: SchemaViolation | undefined, body: unknown): string {
  if (complaint === undefined) return 'The body is not what this path takes.'
  const parts = partsOf(complaint)
  const where = whereOf(complaint)
  const { keyword, params } = complaint
  if (keyword === 'type') {
    const wanted = [params.type]
      .flat()
      .join(', ')
      .replace(/, ([^,]*)$/, ' or $1')
    if (parts.length === 0 && (body === undefined || body === null))
      return `A body is required: a JSON ${wanted}, with Content-Type: application/json.`
    return `${where} must be ${article(wanted)} ${wanted}, not ${kind(at(body, parts))}.`
  }
  if (keyword === 'required') return `${where} lacks "${params.missingProperty}".`
  if (keyword === 'additionalProperties') return `${where} has an unknown field "${params.additionalProperty}": leave it out.`
  if (keyword === 'enum')
    return `${where} must be one of ${(params.allowedValues as unknown[]).map((value) => JSON.stringify(value)).join(', ')}.`
  return `${where} ${complaint.message ?? 'is wrong'}.`
}

const article = (word: string) => (/^[aeio]/.test(word) ? 'an' : 'a')
const kind = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'an array' : `${article(typeof value)} ${typeof value}`)
const at = (value: unknown, parts: readonly string[]) =>
  parts.reduce<unknown>((inner, part) => (inner as Record<string, unknown> | null | undefined)?.[part], value)

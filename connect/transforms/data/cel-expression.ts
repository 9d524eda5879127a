/**
 * A CEL expression over a record, compiled once. Its variables are those that Debezium gives to scripts: key, value, keySchema,
 * valueSchema, topic and header. CEL has no loops but over lists and maps, whose entries are counted for each record, so that every
 * evaluation ends.
 */
import type { celEnv, parse } from '@bufbuild/cel'
import { lazyLibrary } from '../../../core/system/lazy-library.ts'
import { type ConnectRecord, DataError } from '../../sdk/index.ts'
import { type CelKey, celSchema, celValue, type Value } from './cel-values.ts'

const cel = lazyLibrary<typeof import('@bufbuild/cel')>('@bufbuild/cel')
const extensions = lazyLibrary<typeof import('@bufbuild/cel/ext')>('@bufbuild/cel/ext')

/** Characters of an expression. */
const MAX_TEXT = 10_000
/** Entries of lists and maps that all macros of one evaluation go through, such as exists and map. */
export const MAX_ENTRIES_VISITED = 10_000

/** Functions on strings besides CEL's own: those whose results are no longer than what they are given. */
const MORE_FUNCTIONS = new Set(['charAt', 'indexOf', 'lastIndexOf', 'lowerAscii', 'upperAscii', 'split', 'substring', 'trim'])

/** No name that an expression can write. */
const VISIT = '@visit'

type Expression = ReturnType<typeof parse>['expr']

/** The expressions within one. */
function partsOf({ exprKind: { case: kind, value } }: Expression): Expression[] {
  const all = (...parts: readonly (Expression | undefined)[]) => parts.filter((part) => part !== undefined)
  switch (kind) {
    case 'selectExpr':
      return all(value.operand)
    case 'callExpr':
      return all(value.target, ...value.args)
    case 'listExpr':
      return value.elements
    case 'structExpr':
      return all(...value.entries.flatMap((entry) => [entry.keyKind.case === 'mapKey' ? entry.keyKind.value : undefined, entry.value]))
    case 'comprehensionExpr':
      return all(value.iterRange, value.accuInit, value.loopCondition, value.loopStep, value.result)
    default:
      return []
  }
}

/** Has each macro ask before it goes through a list or map. */
function countVisits(expression: Expression): void {
  for (const part of partsOf(expression)) countVisits(part)
  if (expression.exprKind.case !== 'comprehensionExpr') return
  const comprehension = expression.exprKind.value
  const visit = cel().parse('visit(null)').expr
  if (visit.exprKind.case !== 'callExpr') throw new Error('a call was parsed as something else')
  visit.exprKind.value.function = VISIT
  visit.exprKind.value.args = [comprehension.iterRange!]
  comprehension.iterRange = visit
}

export type Evaluate = (record: ConnectRecord) => unknown

/** Throws a SyntaxError that says what is wrong with the text. */
export function celExpression(text: string): Evaluate {
  if (text.length > MAX_TEXT) throw new SyntaxError(`an expression has ${MAX_TEXT} characters at most, not ${text.length}`)
  const { CelScalar, celFunc, celList, isCelError, isCelList, isCelMap } = cel()
  const { strings } = extensions()
  let visited = 0
  const visit = celFunc(VISIT, [CelScalar.DYN], CelScalar.DYN, (range) => {
    if (isCelList(range) || isCelMap(range)) visited += range.size
    return visited > MAX_ENTRIES_VISITED ? celList([]) : range
  })
  const run = compiled(text, [...strings.filter(({ name }) => MORE_FUNCTIONS.has(name)), visit])
  return (record) => {
    visited = 0
    const result = run(new Variables(record))
    if (visited > MAX_ENTRIES_VISITED)
      throw new DataError(
        `Error while evaluating expression '${text}': it goes through more than ${MAX_ENTRIES_VISITED} entries of lists and maps`,
      )
    if (isCelError(result)) throw new DataError(`Error while evaluating expression '${text}': ${result.message}`)
    return result
  }
}

function compiled(text: string, funcs: NonNullable<Parameters<typeof celEnv>[0]>['funcs'] & object): (variables: Variables) => unknown {
  try {
    const { celEnv, parse, plan } = cel()
    const parsed = parse(text)
    countVisits(parsed.expr)
    const planned = plan(celEnv({ funcs }), parsed)
    return (variables) => planned(variables as unknown as Parameters<typeof planned>[0])
  } catch (cause) {
    throw new SyntaxError(`Failed to parse expression '${text}': ${(cause as Error).message}`, { cause })
  }
}

/** A part of the record is converted when the expression reads it, and once. */
class Variables {
  readonly #record: ConnectRecord
  #key: Value | undefined
  #value: Value | undefined

  constructor(record: ConnectRecord) {
    this.#record = record
  }

  get key(): Value {
    this.#key ??= celValue(this.#record.keySchema, this.#record.key)
    return this.#key
  }

  get value(): Value {
    this.#value ??= celValue(this.#record.valueSchema, this.#record.value)
    return this.#value
  }

  get keySchema(): Value {
    return celSchema(this.#record.keySchema)
  }

  get valueSchema(): Value {
    return celSchema(this.#record.valueSchema)
  }

  get topic(): Value {
    return this.#record.topic
  }

  /** By name; of several with the same name the last. */
  get header(): Value {
    return new Map<CelKey, Value>(
      this.#record.headers.map(({ key, schema, value }) => [
        key,
        new Map<CelKey, Value>([
          ['value', celValue(schema, value)],
          ['schema', celSchema(schema)],
        ]),
      ]),
    )
  }
}

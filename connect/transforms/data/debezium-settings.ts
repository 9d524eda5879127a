/**
 * How Debezium's transforms read their settings: validation knows only the types, and what else is wrong fails the task when it starts,
 * with the sentence that Debezium logs.
 */
import { TransformError } from '../../sdk/index.ts'
import { InvalidJavaPattern, javaPattern } from '../../sdk/java-pattern.ts'

/** Debezium's own error says only its first sentence; the other is in its log. */
export const unableToValidate = (name: string, value: string | null, problem: string): TransformError =>
  new TransformError(`Unable to validate config. The '${name}' value ${value === null ? '' : `'${value}' `}is invalid: ${problem}`)

export type Refusal = (name: string, value: string | null, problem: string) => Error

export function optionOf<const V extends string>(
  name: string,
  options: readonly V[],
  text: string,
  refusal: Refusal = unableToValidate,
): V {
  const wanted = text.trim().toLowerCase()
  const option = options.find((known) => known === wanted)
  if (option === undefined) throw refusal(name, text, `Value must be one of ${options.join(', ')}`)
  return option
}

export function requiredText(name: string, text: string | null, refusal: Refusal = unableToValidate): string {
  if (text === null || text.trim() === '') throw refusal(name, text, 'A value is required')
  return text
}

export function regexOf(name: string, text: string, refusal: Refusal = unableToValidate): ReturnType<typeof javaPattern> {
  try {
    return javaPattern(text)
  } catch (error) {
    if (error instanceof InvalidJavaPattern) throw refusal(name, text, `A valid regular expressions is expected, but ${error.message}`)
    throw error
  }
}

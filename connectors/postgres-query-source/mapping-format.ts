/**
 * The format of timestamp.columns.mapping and incrementing.column.mapping: what is wrong with one mapping, in the words of Confluent's
 * connector.
 */
import { javaPattern } from '../../connect/sdk/java-pattern.ts'

function regexProblem(regex: string): string | undefined {
  try {
    javaPattern(regex)
    return undefined
  } catch (error) {
    return `Invalid regular expression: ${(error as Error).message}`
  }
}

export function timestampMappingProblem(mapping: string): string | undefined {
  const parts = mapping.split(':')
  if (parts.length !== 2) return "Invalid format. Expected 'regex:[col1|col2|...]'"
  const [regex, columns] = parts.map((part) => part.trim()) as [string, string]
  const problem = regexProblem(regex)
  if (problem) return problem
  if (!columns.startsWith('[') || !columns.endsWith(']')) return 'Columns list must be enclosed in square brackets'
  const names = columns.slice(1, -1)
  if (names.trim() === '') return 'Columns list cannot be empty'
  return names.split('|').some((name) => name.trim() === '') ? 'Every column name should be non-empty string' : undefined
}

export function incrementingMappingProblem(mapping: string): string | undefined {
  const parts = mapping.split(':')
  if (parts.length !== 2) return "Invalid format. Expected 'regex:columnName'"
  const [regex, column] = parts.map((part) => part.trim()) as [string, string]
  return regexProblem(regex) ?? (column === '' ? 'Column name cannot be empty' : undefined)
}

/**
 * Headers of requests as a setting has them: `Name: value|Other: value`. Pure.
 */
import type { RequestHeaders } from './client-options.ts'

const NAME = /^[!#$%&'*+\-.^_`|~\w]+$/
// Control characters would end the header.
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** The client writes them itself. */
const RESERVED = new Set(['connection', 'content-length', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'])

export const isHeaderName = (name: string): boolean => NAME.test(name) && !RESERVED.has(name.toLowerCase())
export const isHeaderValue = (value: string): boolean => VALUE.test(value)

const entriesOf = (text: string, separator: string): [string, string | null][] =>
  text
    .split(separator)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const colon = entry.indexOf(':')
      return colon < 0 ? [entry, null] : [entry.slice(0, colon).trim().toLowerCase(), entry.slice(colon + 1).trim()]
    })

/** What is wrong with the headers of a setting. Their values may be secrets, and are not shown. */
export function headersProblem(text: string, separator: string): string | undefined {
  const seen = new Set<string>()
  for (const [name, value] of entriesOf(text, separator)) {
    if (value === null) return `each header is written as name:value, separated by ${separator}`
    if (!NAME.test(name)) return `"${name}" is not the name of a header`
    if (RESERVED.has(name)) return `the header ${name} is written by the client: leave it out`
    if (!VALUE.test(value)) return `the value of the header ${name} has characters that no header may have`
    if (seen.has(name)) return `the header ${name} is there twice`
    seen.add(name)
  }
  return undefined
}

/** By their names in lower case. */
export const headersOf = (text: string, separator: string): RequestHeaders =>
  Object.fromEntries(entriesOf(text, separator).map(([name, value]) => [name, value ?? '']))

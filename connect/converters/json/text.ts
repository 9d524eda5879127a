/**
 * Strings in JSON as Jackson writes them for Kafka Connect: what is outside of the basic multilingual plane as a pair of escapes, and
 * escapes in capital letters. Both mean what JSON.stringify writes.
 */

/** What Jackson writes otherwise: a surrogate, or an escape that may have small letters. */
const unlikeJackson = /[\ud800-\udfff]|\\u/
/** Each escape as a whole, so that a backslash that is escaped itself begins none. */
const escapes = /[\ud800-\udfff]|\\(?:u[0-9a-f]{4}|.)/g

const escaped = (part: string): string => {
  if (part.length === 1) return `\\u${part.charCodeAt(0).toString(16).toUpperCase()}`
  return part.length === 2 ? part : `\\u${part.slice(2).toUpperCase()}`
}

/** `json` is the text that JSON.stringify gave. */
export const asJackson = (json: string): string => (unlikeJackson.test(json) ? json.replace(escapes, escaped) : json)

const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACE = 0x20

/** Whether JSON has all of the text as it is, but for the quotes around it. A surrogate may be alone, which JSON.stringify escapes. */
export function isPlainText(value: string): boolean {
  const { length } = value
  for (let index = 0; index < length; index++) {
    const code = value.charCodeAt(index)
    if (code < SPACE || code === QUOTE || code === BACKSLASH || (code >= 0xd800 && code <= 0xdfff)) return false
  }
  return true
}

export const jsonString = (value: string): string => (isPlainText(value) ? `"${value}"` : asJackson(JSON.stringify(value)))

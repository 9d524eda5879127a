/**
 * The link to the next page in a header Link (RFC 8288). Pure.
 */

/** A target, which has no angle brackets, then parameters whose values may be quoted. */
const LINK = /<([^<>]*)>((?:\s*;\s*[\w!#$&+\-.^`|~*]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",;]*))?)*)/g
const PARAMETER = /;\s*([^\s=;]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?/g
/** A header that is longer is none of paging. */
const MAX_LENGTH = 16_384

/** The target with the relation "next"; null where there is none. */
export function nextLink(header: string | string[] | undefined): string | null {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '')
  if (text.length > MAX_LENGTH) return null
  for (const [, target, parameters] of text.matchAll(LINK)) {
    // The first "rel" counts.
    const relation = [...parameters!.matchAll(PARAMETER)].find(([, name]) => name!.toLowerCase() === 'rel')
    const names = (relation?.[2] ?? relation?.[3] ?? '').toLowerCase().split(/\s+/)
    if (names.includes('next')) return target!
  }
  return null
}

/**
 * Paths that name a context, `/contexts/.a/subjects/s`, as the same path with qualified subjects, `/subjects/:.a:s`; and subjects that are
 * aliases of others, as those. Done before routing, so that every route knows qualified subjects only.
 */
import { ALL_CONTEXTS, prefixOfContext } from '../../registry/index.ts'

/** The subject that an alias stands for; undefined where the subject is none. */
export type AliasOf = (subject: string) => string | undefined

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    // The router refuses the path.
    return part
  }
}

const namesContext = (subject: string): boolean => subject.startsWith(':.') || subject.startsWith(ALL_CONTEXTS)
const qualified = (prefix: string, subject: string): string => (namesContext(subject) ? subject : prefix + subject)

/** The path and query with the context in their subjects; the same where they name none, or one that cannot be. */
export function withoutContextPath(url: string): string {
  const [path = '', query] = splitOnce(url, '?')
  const parts = path.split('/').filter((part) => part !== '')
  const [first, name, ...rest] = parts
  if (first !== 'contexts' || name === undefined) return url
  const prefix = prefixOfContext(decoded(name))
  if (prefix === undefined || rest.length === 0) return url
  const [resource] = rest
  const isScope = resource === 'config' || resource === 'mode'
  const subjectAt = isScope ? 1 : rest.indexOf('subjects') + 1
  const moved = rest.map((part, index) =>
    index === subjectAt && subjectAt > 0 ? encodeURIComponent(qualified(prefix, decoded(part))) : part,
  )
  // The config of a context is that of a subject without a name.
  if (isScope && rest.length === 1 && prefix !== '') moved.push(encodeURIComponent(prefix))
  return `/${moved.join('/')}${withContextQuery(rest, prefix, query)}`
}

function withContextQuery([resource, ids]: readonly string[], prefix: string, query: string | undefined): string {
  const parameters = new URLSearchParams(query ?? '')
  if (resource === 'schemas' && ids === 'ids') parameters.set('subject', qualified(prefix, parameters.get('subject') ?? ''))
  else if ((resource === 'schemas' || resource === 'subjects') && ids === undefined)
    parameters.set('subjectPrefix', qualified(prefix, parameters.get('subjectPrefix') ?? ''))
  else if (resource === 'associations') parameters.set('context', prefix)
  const text = parameters.toString()
  return text === '' ? '' : `?${text}`
}

/** The path and query with the subject that an alias stands for. */
export function withoutAliases(url: string, aliasOf: AliasOf): string {
  const [path = '', query] = splitOnce(url, '?')
  const parts = path.split('/')
  const at = parts.indexOf('subjects') + 1
  const subject = at > 0 ? parts[at] : undefined
  if (subject) {
    const target = aliasOf(decoded(subject))
    return target === undefined ? url : `${parts.with(at, encodeURIComponent(target)).join('/')}${query === undefined ? '' : `?${query}`}`
  }
  if (!path.startsWith('/schemas/ids') || query === undefined) return url
  const parameters = new URLSearchParams(query)
  const target = aliasOf(parameters.get('subject') ?? '')
  if (target === undefined) return url
  parameters.set('subject', target)
  return `${path}?${parameters}`
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

/**
 * Goal: a path with a context, and one with an alias, reach the routes as Confluent's filters rewrite them. Method: paths and what they
 * become.
 */
import { expect, test } from 'vitest'
import { withoutAliases, withoutContextPath } from '../../../api/registry/context-paths.ts'

test.each([
  ['/subjects/a/versions', '/subjects/a/versions'],
  ['/contexts', '/contexts'],
  ['/contexts/.c', '/contexts/.c'],
  ['/contexts/.c/subjects/a/versions/1?deleted=true', '/subjects/%3A.c%3Aa/versions/1?deleted=true'],
  ['/contexts/c/subjects/a', '/subjects/%3A.c%3Aa'],
  ['/contexts/:.c:/subjects/a%2Fb', '/subjects/%3A.c%3Aa%2Fb'],
  ['/contexts/.c/subjects/:.d:a', '/subjects/%3A.d%3Aa'],
  ['/contexts/./subjects/a', '/subjects/a'],
  ['/contexts/.c/subjects', '/subjects?subjectPrefix=%3A.c%3A'],
  ['/contexts/.c/subjects?subjectPrefix=x', '/subjects?subjectPrefix=%3A.c%3Ax'],
  ['/contexts/.c/schemas?subjectPrefix=:*:x', '/schemas?subjectPrefix=%3A*%3Ax'],
  ['/contexts/.c/schemas/ids/1', '/schemas/ids/1?subject=%3A.c%3A'],
  ['/contexts/.c/schemas/ids/1/versions?subject=a', '/schemas/ids/1/versions?subject=%3A.c%3Aa'],
  ['/contexts/.c/config', '/config/%3A.c%3A'],
  ['/contexts/.c/config/a', '/config/%3A.c%3Aa'],
  ['/contexts/.c/mode', '/mode/%3A.c%3A'],
  ['/contexts/./mode', '/mode'],
  ['/contexts/.c/compatibility/subjects/a/versions', '/compatibility/subjects/%3A.c%3Aa/versions'],
  ['/contexts/.c/subjects/%E0%A4%A/versions', '/subjects/%3A.c%3A%25E0%25A4%25A/versions'],
  ['/contexts/a:b/subjects/a', '/contexts/a:b/subjects/a'],
])('%s', (given, expected) => {
  expect(withoutContextPath(given)).toBe(expected)
})

test('an alias is replaced in paths and in the queries of ids', () => {
  const aliasOf = (subject: string) => (subject === 'a/b' ? 'c' : undefined)
  expect(withoutAliases('/subjects/a%2Fb/versions?x=y', aliasOf)).toBe('/subjects/c/versions?x=y')
  expect(withoutAliases('/compatibility/subjects/a%2Fb/versions', aliasOf)).toBe('/compatibility/subjects/c/versions')
  expect(withoutAliases('/schemas/ids/1?subject=a%2Fb', aliasOf)).toBe('/schemas/ids/1?subject=c')
  expect(withoutAliases('/subjects/a', aliasOf)).toBe('/subjects/a')
  expect(withoutAliases('/config/a%2Fb', aliasOf)).toBe('/config/a%2Fb')
})

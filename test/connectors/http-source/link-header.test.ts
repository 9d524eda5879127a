/**
 * Goal: the next page of a Link header is found as RFC 8288 writes it, and a hostile header takes no time. Method: headers as servers send
 * them.
 */
import { expect, test } from 'vitest'
import { nextLink } from '../../../connectors/http-source/link-header.ts'

test.each([
  ['<https://x/?page=2>; rel="next", <https://x/?page=9>; rel="last"', 'https://x/?page=2'],
  ['<https://x/?page=1>; rel="prev",<https://x/?page=3>;rel=next', 'https://x/?page=3'],
  ['</a,b;c>; title="a, <b>; rel=\\"x\\""; rel="first next"', '/a,b;c'],
  ['<?p=2>; REL="Next"; type=text/html', '?p=2'],
  ['<https://x/>; rel="nextish"', null],
  ['<https://x/>; rel="prev"', null],
  ['rel="next"', null],
  ['<<?p=2>; rel=next', '?p=2'],
  ['<'.repeat(16_384), null],
  ['', null],
])('%.60s', (header, next) => {
  expect(nextLink(header)).toBe(next)
})

test('no header, several headers, and one that is too long', () => {
  expect(nextLink(undefined)).toBeNull()
  expect(nextLink(['<a>; rel=prev', '<b>; rel=next'])).toBe('b')
  expect(nextLink('<'.repeat(100_000))).toBeNull()
  expect(nextLink(`<a>${'; x="'.repeat(3000)}`)).toBeNull()
})

/**
 * Goal: ssl.principal.mapping.rules give the principals that Kafka's SslPrincipalMapper gives, and what it refuses is refused when it is
 * read. Method: names and rules with the outcome by Kafka's grammar; a pattern that would make a backtracking engine stand still.
 */
import { expect, it } from 'vitest'
import { principalMapping } from '../../../../core/security/tls/principal-mapping.ts'

const name = 'CN=Duke,OU=ServiceUsers,O=Org,C=US'

it.each([
  [undefined, name],
  ['DEFAULT', name],
  ['RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/', 'Duke'],
  ['RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L', 'duke'],
  ['RULE:^CN=(.*?),OU=(.*?),.*$/$1@$2/U', 'DUKE@SERVICEUSERS'],
  ['RULE:^CN=(.*?),OU=Admin.*$/$1/,RULE:^CN=(.*?),.*$/$1@other/L,DEFAULT', 'duke@other'],
  [' RULE:^nobody$/x/ , DEFAULT ', name],
  ['RULE:^CN=(Duke),.*$/$1$2/', 'Duke$2'],
  ['RULE:^CN=(D)(u)(k)(e),.*$/$41/', 'e1'],
  ['RULE:^CN=(Duke),.*$/\\$1\\/$0/', `$1/${name}`],
  // The pattern matches once more at the end, and is replaced there as well.
  ['RULE:.*/x/', 'xx'],
  ['RULE:CN=Duke/x/,RULE:(CN=Duke),OU=\\w+,O=Org,C=US/$1/', 'CN=Duke'],
  ['RULE:^CN=([a-z]+)\\/x.*$/$1/,,DEFAULT', name],
])('%s', (rules, principal) => {
  expect(principalMapping(rules)(name)).toBe(principal)
})

it.each([
  'RULE:a/b',
  'DEFAUL',
  'RULE:a/b/X',
  'RULE:a/b/LU',
  'DEFAULT DEFAULT',
  'RULE:(?=a)b/x/',
  'RULE:(a)\\1/x/',
  'RULE:(a/x/',
  'RULE:a/$x/',
  'RULE:a/$1/',
])('"%s" is refused when it is read', (rules) => {
  expect(() => principalMapping(rules)).toThrow(/^ssl\.principal\.mapping\.rules: /)
})

it('a name that no rule matches is nobody', () => {
  for (const rules of ['RULE:^CN=x$/x/', ''])
    expect(() => principalMapping(rules)(name)).toThrow(`no rule of ssl.principal.mapping.rules matches ${name}`)
})

it('a pattern of a name cannot make the broker stand still', () => {
  expect(() => principalMapping('RULE:^(a+)+$/x/')(`${'a'.repeat(50_000)}!`)).toThrow('no rule')
})

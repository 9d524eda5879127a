/**
 * Goal: the settings of the registry's REST server are read as Confluent's, and what cannot be done here is refused before it listens.
 * Method: properties, and what is read out of them.
 */
import { expect, test } from 'vitest'
import { parseRegistryRestSettings } from '../../../api/registry/registry-rest-settings.ts'

test('defaults: all addresses, port 8081, no login', () => {
  expect(parseRegistryRestSettings({})).toMatchObject({
    listeners: [{ protocol: 'http', host: '', port: 8081 }],
    login: null,
    advertisedProtocol: 'http',
    loopbackOnly: false,
    bodyLimitBytes: 16 * 1024 * 1024,
  })
  expect(() => parseRegistryRestSettings({ listeners: '' })).toThrow('at least one')
  expect(parseRegistryRestSettings({ 'size.limit.filter.enabled': 'true' }).bodyLimitBytes).toBe(1_048_576)
})

test('extensions are refused: whoever sets one relies on it', () => {
  expect(() => parseRegistryRestSettings({ 'resource.extension.class': 'com.example.Audit' })).toThrow('there are no extensions here')
  expect(parseRegistryRestSettings({ 'resource.extension.class': ' ' }).login).toBeNull()
})

test('a login has a realm; users need a role that is allowed, and a password as it is', () => {
  const basic = { 'authentication.method': 'BASIC' }
  expect(() => parseRegistryRestSettings(basic)).toThrow('name the entry of the JAAS file')
  const login = (more = {}) => parseRegistryRestSettings({ ...basic, 'authentication.realm': 'Props', ...more }).login!
  expect(login().entry.entry).toBe('Props')
  expect(login().passwordOf('secret, admin', 'ann')).toBe('secret')
  const ofAdmins = login({ 'authentication.roles': 'admin' })
  expect([ofAdmins.passwordOf('s,admin', 'ann'), ofAdmins.passwordOf('s,guest', 'bob'), ofAdmins.passwordOf('s', 'eve')]).toEqual([
    's',
    null,
    null,
  ])
  expect(() => login().passwordOf('MD5:5ebe2294ecd0e0f08eab7690d2a6ee69,admin', 'ann')).toThrow('is encoded')
})

test('a URL in access.control.allow.hosts is refused: no browser sends it as a host', () => {
  expect(() => parseRegistryRestSettings({ 'access.control.allow.hosts': 'https://b.example' })).toThrow('is not a host name')
})

/**
 * Goal: a process whose stores are in PEM does not load node-forge. Method: the modules that Node has loaded, in the thread of this file.
 */
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { subjectName } from '../../../../core/security/tls/distinguished-name.ts'
import { TlsStores } from '../../../../core/security/tls/tls-stores.ts'
import { realClock } from '../../../../core/system/clock.ts'
import { realDisk } from '../../../../core/system/disk.ts'
import { silentLogger } from '../../../../core/system/logger.ts'
import { selfSigned } from '../../../certificates.ts'

const isLoaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/node-forge/'))

it('node-forge is loaded by the first who needs it, not by stores in PEM', () => {
  const { key, certificate, der } = selfSigned({ subject: 'broker' })
  const settings = {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.key': key,
    'ssl.keystore.certificate.chain': certificate,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.certificates': certificate,
  }
  expect(new TlsStores(settings, 'server', { clock: realClock, disk: realDisk, logger: silentLogger }).options.ca).toHaveLength(1)
  expect(isLoaded()).toBe(false)
  expect(subjectName(der)).toBe('CN=broker')
  expect(isLoaded()).toBe(true)
})

/**
 * The options of TLS for a client, read from the files that its settings name.
 */
import { readFileSync } from 'node:fs'
import { type ConnectionOptions, createSecureContext } from 'node:tls'
import type { TlsFiles } from './client-options.ts'
import { RequestRefused } from './request-errors.ts'

function contentOf(setting: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new RequestRefused(
      'certificate',
      `${setting}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}): set a file that this worker may read`,
      {
        cause: error,
      },
    )
  }
}

/** @throws RequestRefused where a file cannot be read, or holds something else. */
export function tlsOptions({ authorities, keystore, checksHostName }: TlsFiles): ConnectionOptions {
  const options: ConnectionOptions = {}
  if (authorities !== null) options.ca = contentOf('https.ssl.truststore.location', authorities)
  if (keystore) {
    const content = contentOf('https.ssl.keystore.location', keystore.path)
    if (keystore.type === 'PKCS12') options.pfx = content
    else {
      options.cert = content
      options.key = content
    }
    if (keystore.password !== null) options.passphrase = keystore.password
  }
  if (!checksHostName) options.checkServerIdentity = () => undefined
  try {
    createSecureContext(options)
  } catch (error) {
    throw new RequestRefused(
      'certificate',
      `The files of https.ssl.truststore.location or https.ssl.keystore.location cannot be used: ${(error as Error).message}. Give certificates and keys as PEM, or a key store as PKCS12 with its password`,
      { cause: error },
    )
  }
  return options
}

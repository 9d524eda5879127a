/**
 * The options of TLS for a client, read from the files that its settings name.
 */
import { statSync } from 'node:fs'
import { type ConnectionOptions, createSecureContext } from 'node:tls'
import { keyAndCertificates, type StoreFile, trustedCertificates } from '../../connect/sdk/tls-stores.ts'
import type { TlsFiles } from './client-options.ts'
import { RequestRefused } from './request-errors.ts'

/** What reads stores begins its messages with the setting. */
const SETTING = /^(https\.ssl\.[a-z.]+): /

function refused(error: unknown): RequestRefused {
  const { message } = error as Error
  const setting = SETTING.exec(message)?.[1]
  return new RequestRefused('certificate', message, { cause: error, ...(setting !== undefined && { setting }) })
}

/** A pipe or a device may have no end. */
function requireFile({ setting, path }: StoreFile): void {
  let isFile: boolean
  try {
    isFile = statSync(path).isFile()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new RequestRefused('certificate', `${setting}: ${path} cannot be read (${code}): set a file that this worker may read`, {
      cause: error,
      setting,
    })
  }
  if (!isFile) throw new RequestRefused('certificate', `${setting}: ${path} is not a file: set one with certificates`, { setting })
}

/** @throws RequestRefused where a file cannot be read, or holds something else. */
export function tlsOptions({ truststore, keystore, checksHostName }: TlsFiles): ConnectionOptions {
  const options: ConnectionOptions = checksHostName ? {} : { checkServerIdentity: () => undefined }
  try {
    if (truststore) {
      const store = { setting: 'https.ssl.truststore.location', ...truststore }
      requireFile(store)
      options.ca = trustedCertificates(store)
      // Java trusts every certificate of the store, also one that another authority has issued.
      options.allowPartialTrustChain = true
    }
    if (keystore) {
      const store = { setting: 'https.ssl.keystore.location', ...keystore }
      requireFile(store)
      Object.assign(options, keyAndCertificates(store))
    }
    createSecureContext(options)
  } catch (error) {
    throw error instanceof RequestRefused ? error : refused(error)
  }
  return options
}

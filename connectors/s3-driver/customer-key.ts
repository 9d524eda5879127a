/**
 * The key of the customer, with which a store encrypts an object and which it does not keep: each request that writes or reads the object
 * has it. Pure; loaded at each start of a worker.
 */

/** What requests about an object have; empty without a key. */
export interface CustomerKey {
  readonly SSECustomerAlgorithm?: string
  readonly SSECustomerKey?: string
}

const KEY_BYTES = 32

/** What is wrong with a key; undefined where nothing is. The key is not in the text. */
export function customerKeyProblem(key: string): string | undefined {
  const bytes = Buffer.from(key, 'base64')
  return bytes.length === KEY_BYTES && bytes.toString('base64') === key
    ? undefined
    : `It must be the base64 of ${KEY_BYTES} bytes, as of: openssl rand -base64 ${KEY_BYTES}`
}

export function customerKeyOf(config: { readonly 's3.sse.customer.key': string | null }): CustomerKey {
  const key = config['s3.sse.customer.key']
  return key === null ? {} : { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key }
}

/**
 * The program of an HTTP server that a test can kill: it adds the idempotency key and the body of each POST to a file, as a line of JSON,
 * and answers after that. Usage: node http-receiver.ts PORT FILE
 */
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'

const [, , port, file] = process.argv

createServer(async (request, response) => {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  if (request.method === 'POST')
    appendFileSync(file!, `${JSON.stringify([request.headers['idempotency-key'] ?? null, Buffer.concat(parts).toString()])}\n`)
  response.end()
}).listen(Number(port), '127.0.0.1')

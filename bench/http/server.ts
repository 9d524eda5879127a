/**
 * The server of bench/http.ts, in a thread of its own: it counts the records that it is sent, and gives pages of numbers.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

const { items, pageSize } = workerData as { items: number; pageSize: number }
const text = 'x'.repeat(80)
let received = 0
const RECORD = '{"id":'
const pages = new Map<number, string>()

function page(after: number): string {
  const count = Math.max(0, Math.min(pageSize, items - after))
  return JSON.stringify({ data: Array.from({ length: count }, (_, i) => ({ id: after + i + 1, name: `customer ${after + i + 1}`, text })) })
}
// Made before, so that the server costs the same whoever asks.
for (let after = 0; after < items; after += pageSize) pages.set(after, page(after))

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url!, 'http://x')
  if (pathname === '/count') return void response.end(String(received))
  if (pathname === '/items') {
    const after = Number(searchParams.get('after'))
    return void response.writeHead(200, { 'content-type': 'application/json' }).end(pages.get(after) ?? page(after))
  }
  let body = ''
  request.setEncoding('latin1').on('data', (part: string) => {
    body += part
  })
  request.on('end', () => {
    for (let at = body.indexOf(RECORD); at >= 0; at = body.indexOf(RECORD, at + 1)) received++
    response.end()
  })
})
server.listen(0, '127.0.0.1', () => parentPort!.postMessage((server.address() as AddressInfo).port))

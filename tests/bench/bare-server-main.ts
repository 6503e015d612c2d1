// Answers every request with as many bytes, and does nothing else: what an answer takes here at least.
import { createServer } from 'node:http'

const [port, bytes] = process.argv.slice(2).map(Number) as [number, number]
const body = Buffer.alloc(bytes, 'x')
createServer((_request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(body)
}).listen(port, '127.0.0.1', () => process.send!({ event: 'ready' }))

// The other side of a bare POST over TLS: takes every request to its end and answers 201.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'

const [port, key, cert] = process.argv.slice(2) as [string, string, string]
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
  request.on('end', () => response.writeHead(201).end())
  request.resume()
})
server.listen(Number(port), '127.0.0.1', () => process.send!({ event: 'ready' }))

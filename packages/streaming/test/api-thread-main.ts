// The thread of api-thread.test.ts.
import { isMainThread } from 'node:worker_threads'
import { readSettings, serveApi } from '../src/index.ts'

if (process.env['API_THREAD'] === 'broken') throw new Error('it does not start')
await serveApi(readSettings({ OFFERSTREAM_PARTITIONS: '3' }), (server, { partitions }) => {
  server.get('/own', async () => ({ partitions, isMainThread }))
  server.get('/end', async () => process.exit(3))
})

// node packages/simulator/docs/write-hash.ts: writes world-hash.json anew, for a world that was changed on purpose.
import { writeFileSync } from 'node:fs'
import { worldHashes } from '../src/market/hash.ts'

writeFileSync(new URL('../world-hash.json', import.meta.url), `${JSON.stringify(worldHashes(), null, 2)}\n`)

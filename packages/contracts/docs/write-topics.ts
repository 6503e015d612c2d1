// Writes docs/topics.md and docs/api/asyncapi.json.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { schemas } from '../src/generated.ts'
import { topics } from '../src/topics.ts'
import { asyncapi } from './asyncapi.ts'
import { topicsPage } from './topics-page.ts'

const folder = join(import.meta.dirname, '../../../docs')
writeFileSync(join(folder, 'topics.md'), topicsPage(topics, schemas))
writeFileSync(join(folder, 'api/asyncapi.json'), `${JSON.stringify(asyncapi(topics, schemas), null, 2)}\n`)

import { appendFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { download } from '../../src/download.ts'
import { createChildren } from '../../src/process.ts'

const [folder, instance] = process.argv.slice(2) as [string, string]
const children = await createChildren(path.join(folder, instance))
const thing = {
  name: 'thing-1',
  about: 'the thing',
  async fill(into: string) {
    writeFileSync(path.join(into, 'half'), '')
    console.log('filling')
    await new Promise(resolve => setTimeout(resolve, 400))
    appendFileSync(path.join(folder, 'fills'), 'filled\n')
  },
}
await download(thing, children, { folder, progress: () => {}, environment: process.env })

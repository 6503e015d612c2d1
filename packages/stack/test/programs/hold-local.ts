// Starts a local stack and keeps it until it is killed.
import { startStack } from '../../src/index.ts'

const [instance] = process.argv.slice(2) as [string]
const { addresses } = await startStack('local', { instance })
console.log(`up ${JSON.stringify(addresses)}`)
setInterval(() => {}, 1_000)
